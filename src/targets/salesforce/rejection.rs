//! A failed call: the kind of call, the failure, and the cause that this client acts on.
//!
//! Pure; may import: `domain`, `targets::http`.

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::targets::http::Answer;

/// What was asked, as far as it changes the meaning of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Comment,
    Change,
    /// Reads a ticket by its id or by our key.
    Read,
    /// A query for tickets by our key.
    LookUp,
    /// Another query, or a call that only shows whether the API is there.
    Ask,
}

impl Call {
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Comment | Self::Change)
    }
}

/// What a caller inside this client does something particular about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// 401 that another token may heal: refused before it was processed.
    Unauthenticated,
    /// The record is gone, or hidden from this user, or there is none with our key.
    Absent,
    /// A unique field has this value already.
    Duplicate,
    /// Something in between has answered, or nobody: the request may still be at work.
    StillRunning,
    /// The answer says success, and not of which record.
    Unconfirmed,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The classification for the caller of this client.
    pub(super) failure: Box<Failure>,
    /// What this client itself acts on.
    pub(super) cause: Cause,
}

impl Rejection {
    pub(super) fn new(cause: Cause, failure: Failure) -> Self {
        let failure = Box::new(failure);
        Self { failure, cause }
    }

    /// A failure on the way, of `call`.
    pub(super) fn of_transport(call: Call, failure: Failure) -> Self {
        let cause = match failure.outcome_unknown {
            true => Cause::StillRunning,
            false => Cause::Other,
        };
        Self::new(cause, failure).in_doubt_only_for_writes_of(call)
    }

    /// A failure to log in: the request itself was never sent.
    pub(super) fn of_login(mut failure: Failure) -> Self {
        failure.outcome_unknown = false;
        Self::new(Cause::Other, failure)
    }

    /// A success without the expected content.
    pub(super) fn unusable(call: Call, answer: &Answer, what: &str) -> Self {
        let failure = Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            format!("{what}: {}", answer.excerpt()),
        );
        let failure = failure.with_status(answer.status).in_doubt();
        // 202 promises to do it later.
        let cause = match answer.status {
            202 => Cause::StillRunning,
            _ => Cause::Unconfirmed,
        };
        Self::new(cause, failure).in_doubt_only_for_writes_of(call)
    }

    /// The same, where nothing is achieved without `field`: it cannot be left out.
    pub(super) fn needing(mut self, field: &str) -> Self {
        if self.is_about(field) {
            self.failure.refuses_value = false;
        }
        self
    }

    /// Whether `field` is among those that the refusal names.
    pub(super) fn is_about(&self, field: &str) -> bool {
        let named = self.failure.field.as_deref().unwrap_or_default();
        named
            .split(',')
            .any(|name| name.trim().eq_ignore_ascii_case(field))
    }

    /// Whether the request may have an effect later than now.
    pub(super) fn may_still_run(&self) -> bool {
        let is_unended = matches!(self.cause, Cause::StillRunning | Cause::Unconfirmed);
        is_unended && self.failure.outcome_unknown
    }

    /// A read has no outcome to be in doubt about.
    pub(super) fn in_doubt_only_for_writes_of(mut self, call: Call) -> Self {
        self.failure.outcome_unknown &= call.writes();
        self
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        *rejection.failure
    }
}
