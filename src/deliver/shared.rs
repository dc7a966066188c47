//! The state of a target that its attempts and its loop share.

use std::collections::HashMap;
use std::time::Instant;

use super::alone::Troubled;
use super::changes_stop::SharedStop;
use super::clock_watch::ClockWatch;
use super::evidence::Evidence;
use super::refused_changes::{RefusedChanges, RefusedOperation};
use crate::domain::allowance::Shortage;
use crate::domain::circuit_breaker::{BreakerState, CircuitBreaker};
use crate::domain::failure::{Failure, FailureScope};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::retry::RetryDecision;
use crate::domain::stopped_changes::{EndedWait, StoppedChanges};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::{TargetCondition, TargetHealth, TargetPause};
use crate::targets::TokenStatus;

/// The status of a target, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStatus {
    pub name: TargetName,
    /// Whether it takes deliveries, and why not.
    pub state: BreakerState,
    /// When the pause ends or the next probe is due.
    pub until: Option<Timestamp>,
    /// When a change of a ticket is tried next, while only new tickets pass.
    pub changes_until: Option<Timestamp>,
    /// Since when it is held, paused, or its circuit open.
    pub since: Option<Timestamp>,
    /// Whether it answers reads meanwhile, as its last probe says.
    pub answers_reads: bool,
    /// The only delivery that was tried since then: the trouble may be about its ticket alone.
    pub only_tried: Option<Troubled>,
    /// Changes of tickets that the CRM refuses for every ticket, while it may accept new ones.
    pub refused_operations: Vec<RefusedOperation>,
    pub last_error: Option<Failure>,
    pub last_error_at: Option<Timestamp>,
    /// Age and expiry of its credential.
    pub token: TokenStatus,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) breaker: CircuitBreaker,
    /// What of that only changes of tickets have met.
    pub(super) stopped_changes: StoppedChanges,
    pub(super) changes_stop: SharedStop,
    pub(super) last_error: Option<(Failure, Timestamp)>,
    pub(super) clock: ClockWatch,
    pub(super) health: CachedHealth,
    /// When dead letters and completions were last looked for.
    pub(super) resumed_at: Option<Timestamp>,
    /// How many completions are tried at once: one (0 here) until one has succeeded.
    pub(super) completions_at_once: u32,
    /// When deliveries that stand behind others were last marked.
    pub(super) marked_at: Option<Instant>,
    /// When needless marks were last looked for.
    pub(super) released_at: Option<Instant>,
    /// The lane that was served last.
    pub(super) last_lane: String,
    pub(super) evidence: Evidence,
    pub(super) refused_changes: RefusedChanges,
    /// Tickets that were opened last, and for which incident.
    pub(super) opened: HashMap<String, IncidentId>,
    /// How few calls the CRM still allows, as of the last step.
    pub(super) shortage: Shortage,
    /// The last failure was not clearly the CRM's own response: log in again before the next try.
    pub(super) doubts_login: bool,
    /// A person has paused the target, as it was last read.
    pub(super) pause: Option<TargetPause>,
    pub(super) pause_read_at: Option<Instant>,
    /// The condition that this process recorded last; `None`: none yet.
    pub(super) recorded: Option<Option<TargetCondition>>,
    /// When it was recorded.
    pub(super) recorded_at: Option<Instant>,
    /// When this process reached the target last, as far as it matters to other replicas.
    pub(super) reached_at: Option<Timestamp>,
    /// When this replica last asked for the turn to send a refused password.
    pub(super) turn_renewed_at: Option<Instant>,
    /// The client knows which tickets do not carry our key.
    pub(super) knows_keyless: bool,
    /// What the client has learnt, as it was last stored; `None`: not stored yet.
    pub(super) kept_learnt: Option<Option<String>>,
    /// The token counts that the metrics contain already.
    pub(super) counted_token: TokenStatus,
}

impl Shared {
    /// What `ended` says is over: it is not shown as the last error of the target any more.
    pub(super) fn forget_error(&mut self, ended: &Failure) {
        self.last_error.take_if(|(last, _)| last == ended);
    }

    /// This process has reached the target at `now`.
    pub(super) fn note_reached(&mut self, now: Timestamp) {
        self.reached_at = self.reached_at.max(Some(now));
    }

    /// A write was accepted. Returns the wait that this ends.
    pub(super) fn record_success(
        &mut self,
        operation: Operation,
        now: Timestamp,
    ) -> Option<EndedWait> {
        let were_stopped = self.stopped_changes.since().is_some();
        let ended = self
            .stopped_changes
            .record_success(&mut self.breaker, operation, now);
        if operation != Operation::Create {
            self.refused_changes.note_pass();
            self.changes_stop.record_success(were_stopped, now);
        }
        ended
    }

    /// A delivery failed; `next` is its next step.
    pub(super) fn record_failure(
        &mut self,
        operation: Operation,
        (failure, next): (&Failure, RetryDecision),
        now: Timestamp,
    ) {
        let breaker = &mut self.breaker;
        self.stopped_changes
            .record_failure(breaker, operation, (failure, next), now);
        if operation != Operation::Create && failure.class.scope != FailureScope::Ticket {
            self.refused_changes.note_stopped(operation, failure);
            self.changes_stop.record_failure();
        }
    }

    /// The operations that the CRM refuses for every ticket, while it may accept new ones.
    pub(super) fn refused_operations(&self) -> Vec<RefusedOperation> {
        self.refused_changes.patterns(self.stopped_changes.since())
    }
}

/// The stored health of the target, as this process last read or wrote it.
#[derive(Debug, Default)]
pub(super) struct CachedHealth {
    pub(super) stored: Option<TargetHealth>,
    pub(super) read_at: Option<Instant>,
    /// When this process heard of the newest row of another one.
    pub(super) heard_at: Timestamp,
}
