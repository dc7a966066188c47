//! Refusals by the role check of the API. A switch of nodes causes them for moments: so the first one
//! says nothing about our user.
//!
//! Sends nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::rejection::{Cause, Rejection};
use crate::domain::failure::{FailureScope, ResolvedBy, class};
use crate::domain::time::Timestamp;

/// What the calls in flight meet within this time is one refusal. No wait of a target is shorter.
const MOMENT: Duration = Duration::from_secs(1);
/// A refusal so long after the last one counts as the first. A held target is probed more often.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// Clones share what they have met.
#[derive(Debug, Clone, Default)]
pub(super) struct RoleChecks(Arc<Mutex<Option<Denied>>>);

#[derive(Debug, Clone, Copy)]
struct Denied {
    first: Timestamp,
    last: Timestamp,
}

impl RoleChecks {
    /// `rejection` at `now`, which ends by itself when it is the first of its kind.
    pub(super) fn classified(&self, mut rejection: Rejection, now: Timestamp) -> Rejection {
        if rejection.cause == Cause::ApiForbidden && self.is_first(now) {
            rejection.failure.class = class(FailureScope::User, ResolvedBy::Time);
        }
        rejection
    }

    fn is_first(&self, now: Timestamp) -> bool {
        // One assignment: whole whatever happened while the lock was held.
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A time in the future means that the clock was set back.
        let recent =
            |denied: &Denied| denied.last <= now && now.since(denied.last) < FORGOTTEN_AFTER;
        let first = met.filter(recent).map_or(now, |denied| denied.first);
        *met = Some(Denied { first, last: now });
        now.since(first) < MOMENT
    }
}
