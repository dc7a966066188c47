//! An obstacle that changes of tickets meet, and new tickets do not.
//!
//! Something in front of a CRM may let no changes pass, or our user may be allowed to create only. What
//! a change has met may still be an obstacle of the whole target. A create tells: where only changes
//! have failed since the last success, one may be sent at once. When it succeeds, the obstacle becomes
//! one of changes. They then wait by themselves, and new tickets do not wait for them.

use super::circuit_breaker::{Admission, BreakerState, CircuitBreaker};
use super::failure::{Failure, FailureKind, FailureScope};
use super::retry::RetryDecision;
use super::ticket::Operation;
use super::time::Timestamp;

/// Who has failed since the last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum MetBy {
    #[default]
    Nobody,
    Changes,
    /// A create; or a change, with what every operation would meet.
    Anybody,
}

/// Whether changes of tickets wait by themselves.
#[derive(Debug, Clone, Default)]
pub struct StoppedChanges {
    met_by: MetBy,
    /// The obstacle that only changes meet, and since when they have met it.
    obstacle: Option<(CircuitBreaker, Timestamp)>,
}

/// A wait that a success has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedWait {
    pub state: BreakerState,
    /// What waited for it.
    pub operations: &'static [Operation],
}

impl StoppedChanges {
    /// Another replica, or a process before, says that changes wait by themselves since `since`.
    pub fn follow(&mut self, since: Timestamp, now: Timestamp) {
        self.obstacle = Some((CircuitBreaker::half_open_since(since, now), since));
    }

    /// Since when changes wait by themselves.
    pub fn since(&self) -> Option<Timestamp> {
        self.obstacle.as_ref().map(|(_, since)| *since)
    }

    /// Until when no change is tried; `None`: one may be tried now.
    pub fn until(&self) -> Option<Timestamp> {
        let (obstacle, _) = self.obstacle.as_ref()?;
        (obstacle.phase() != BreakerState::Up).then(|| obstacle.until())
    }

    /// A write was accepted. `target` is the state of the whole target. Returns the wait that this ends.
    pub fn record_success(
        &mut self,
        target: &mut CircuitBreaker,
        operation: Operation,
        now: Timestamp,
    ) -> Option<EndedWait> {
        if operation == Operation::Create && self.lets_create_pass(target) {
            return Some(self.part_from(target, now));
        }
        self.met_by = MetBy::Nobody;
        let of_changes = match operation {
            Operation::Create => None,
            _ => self.obstacle.take(),
        };
        let of_changes = of_changes.map(|(one, _)| one.waited().unwrap_or(BreakerState::Up));
        let operations: &'static [Operation] = match self.obstacle {
            Some(_) => &Operation::CREATES,
            None => &Operation::ALL,
        };
        let ended = of_changes.or(target.record_success(now));
        ended.map(|state| EndedWait { state, operations })
    }

    /// What `target` waits for becomes an obstacle of changes.
    fn part_from(&mut self, target: &mut CircuitBreaker, now: Timestamp) -> EndedWait {
        let obstacle = std::mem::take(target);
        let state = obstacle.waited().unwrap_or(BreakerState::Up);
        let since = obstacle.since().unwrap_or(now);
        *self = Self {
            met_by: MetBy::Nobody,
            obstacle: Some((obstacle, since)),
        };
        EndedWait {
            state,
            operations: &Operation::CREATES,
        }
    }

    /// A delivery failed; `next` is its next step.
    pub fn record_failure(
        &mut self,
        target: &mut CircuitBreaker,
        operation: Operation,
        (failure, next): (&Failure, RetryDecision),
        now: Timestamp,
    ) {
        let is_of_changes = operation != Operation::Create && may_concern_one_operation(failure);
        if is_of_changes && let Some((obstacle, _)) = &mut self.obstacle {
            obstacle.record_failure(failure, next, now);
            return;
        }
        target.record_failure(failure, next, now);
        if failure.class.scope != FailureScope::Ticket {
            self.met_by = match (self.met_by, is_of_changes) {
                (MetBy::Nobody | MetBy::Changes, true) => MetBy::Changes,
                _ => MetBy::Anybody,
            };
        }
    }

    /// Whether a create may be sent at once although `target` waits: only changes have met that.
    pub fn lets_create_pass(&self, target: &CircuitBreaker) -> bool {
        self.met_by == MetBy::Changes && target.waited().is_some()
    }

    /// Another replica says that the target accepts nothing. Who has met that is not known.
    pub const fn forget_who_met_it(&mut self) {
        self.met_by = MetBy::Anybody;
    }

    /// Which changes may be sent at `now`, where `of_all` says it for everything.
    pub fn admission(&mut self, of_all: Admission, now: Timestamp) -> Admission {
        let Some((obstacle, since)) = &mut self.obstacle else {
            return of_all;
        };
        *since = (*since).min(now);
        obstacle.advance_clock(now);
        if !matches!(of_all, Admission::All | Admission::Canary) {
            return of_all;
        }
        match obstacle.admission(now) {
            // New tickets are accepted: that proves more than a read.
            Admission::Probe => {
                obstacle.record_probe();
                Admission::Canary
            }
            of_changes => of_changes,
        }
    }

    /// Makes the next try of a change due.
    pub fn try_now(&mut self, now: Timestamp) {
        if let Some((obstacle, since)) = &mut self.obstacle {
            *obstacle = CircuitBreaker::half_open_since(*since, now);
        }
    }

    /// No change is owed any more.
    pub fn end(&mut self) {
        self.obstacle = None;
    }
}

/// Whether another operation may pass where one meets `failure`. A refused password and the CRM's own
/// limits are about all calls.
fn may_concern_one_operation(failure: &Failure) -> bool {
    let is_limit = failure.kind == FailureKind::RateLimited;
    let is_of_all = is_limit && failure.class.scope != FailureScope::Network;
    !failure.may_lock_user && !is_of_all
}

#[cfg(test)]
#[path = "stopped_changes_tests.rs"]
mod tests;
