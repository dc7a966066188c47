//! A failed call: the kind of call, the failure, and the cause that this client acts on.
//!
//! Pure; may import: `domain`, `targets::http`.

use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};

/// What was asked, as far as it changes the meaning of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// An insert; 201 is its only success.
    Create,
    /// A change of a record.
    Change,
    /// A query or a read: never in doubt.
    Read,
}

/// What a caller inside this client does something particular about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// 401: refused before it was processed.
    Unauthenticated,
    /// 404 from the table: gone, or hidden from this user.
    Absent,
    /// Another record has a value that must be unique.
    UniqueViolation,
    /// Refused by an access control.
    Denied,
    /// Refused by the role check of the API, or for the scope of the token.
    ApiForbidden,
    /// Refused by a rule, a data policy or for something unknown.
    Refused,
    /// More than this client reads.
    TooLong,
    /// No answer of the instance itself: its transaction may still be under way.
    StillRunning,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The classification for the caller of this client.
    pub(super) failure: Failure,
    /// What this client itself acts on.
    pub(super) cause: Cause,
}

impl Rejection {
    pub(super) fn new(cause: Cause, failure: Failure) -> Self {
        Self { failure, cause }
    }

    /// A failure on the way, of `call`.
    pub(super) fn of_transport(call: Call, failure: Failure) -> Self {
        let cause = match failure.outcome_unknown {
            _ if failure.message.contains("longer than") => Cause::TooLong,
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

    /// A success for `call` without the expected result.
    pub(super) fn not_a_record(call: Call) -> Self {
        let failure = Failure::new(
            FailureKind::NetworkFailure,
            class(FailureScope::Network, ResolvedBy::Time),
            "a success whose result is not a record with a sys_id",
        );
        Self::new(Cause::Other, failure.in_doubt()).in_doubt_only_for_writes_of(call)
    }

    /// Whether the instance keeps from our user what was to be read.
    pub(super) fn is_unreadable(&self) -> bool {
        match self.failure.kind {
            FailureKind::IntegrationFailure => true,
            FailureKind::AuthFailure => self.failure.status == Some(403),
            FailureKind::NetworkFailure
            | FailureKind::RateLimited
            | FailureKind::SchemaMismatch => false,
        }
    }

    /// A read has no outcome to be in doubt about.
    pub(super) fn in_doubt_only_for_writes_of(mut self, call: Call) -> Self {
        self.failure.outcome_unknown &= call != Call::Read;
        self
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        rejection.failure
    }
}
