//! Whether a refused change of a ticket is about that ticket.
//!
//! Our user may be allowed to create tickets and not to change them, or a field that every resolution
//! sets may be refused. Then the CRM refuses an operation for every ticket, with words that are
//! about one. Several refusals for one reason, of different tickets and with no success between
//! them, tell. New tickets are not held by it.

use std::collections::HashMap;
use std::time::Duration;

use super::refusals::Refusals;
use crate::domain::failure::{Failure, FailureScope, ResolvedBy};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::ClaimedDelivery;

/// One delivery tries the operation again after this wait; the others wait for its result.
const TRY_EVERY: Duration = Duration::from_secs(300);
/// The longest wait of the others.
const WAIT_OF_OTHERS: Duration = Duration::from_secs(3600);

/// Reasons that are remembered for one operation. When there are more, all are forgotten: what they tell is
/// then found later.
const MAX_REASONS: usize = 1_000;

/// An operation that the CRM refuses for every ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedOperation {
    pub operation: Operation,
    pub since: Timestamp,
    pub last_error: Failure,
}

#[derive(Debug, Default)]
pub(super) struct RefusedChanges(HashMap<Operation, RefusedChange>);

#[derive(Debug, Default)]
struct RefusedChange {
    /// The tickets that were refused, by the CRM's code.
    refusals: HashMap<Option<String>, Refusals>,
    pattern: Option<RefusedOperation>,
    /// When the operation is tried again.
    tried_at: Option<Timestamp>,
    /// Whether it has succeeded since the start of this process.
    has_succeeded: bool,
    /// The last failure that is not about one ticket, with no success since.
    stopped_by: Option<Failure>,
}

/// A delivery whose operation is refused for every ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// When the delivery is tried again.
    pub(super) tried_at: Timestamp,
    /// Whether that was not known before.
    pub(super) is_new: bool,
}

/// What a success of an operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Nothing,
    /// Deliveries may wait for it since before the start of this process.
    Perhaps,
    Pattern,
}

impl RefusedChanges {
    pub(super) fn record_success(&mut self, delivery: &ClaimedDelivery) -> Ended {
        let change = self.0.entry(delivery.operation).or_default();
        change
            .refusals
            .retain(|_, refusals| !refusals.record_success(&delivery.incident_id, true));
        change.tried_at = None;
        change.stopped_by = None;
        let is_first = !std::mem::replace(&mut change.has_succeeded, true);
        match change.pattern.take() {
            Some(_) => Ended::Pattern,
            None if is_first => Ended::Perhaps,
            None => Ended::Nothing,
        }
    }

    /// What is known of the operation of `delivery`, if `failure` is one of a pattern. `failure` then
    /// says what a person must do.
    pub(super) fn judge(
        &mut self,
        delivery: &ClaimedDelivery,
        failure: &mut Failure,
        now: Timestamp,
    ) -> Option<Refused> {
        // What time resolves is retried, and says nothing about our rights.
        let is_refusal = failure.class.scope == FailureScope::Ticket
            && failure.class.resolved_by != ResolvedBy::Time
            && !failure.outcome_unknown;
        if delivery.operation == Operation::Create || delivery.completes || !is_refusal {
            return None;
        }
        let change = self.0.entry(delivery.operation).or_default();
        if change.refusals.len() >= MAX_REASONS {
            change.refusals.clear();
        }
        let refusals = change.refusals.entry(failure.code.clone()).or_default();
        let since = refusals.record_refusal(&delivery.incident_id, now)?;
        failure.class.resolved_by = ResolvedBy::PersonInCrm;
        failure.message = format!("{}; {}", failure.message, remedy(delivery.operation));
        let is_new = change.pattern.is_none();
        change.pattern = Some(RefusedOperation {
            operation: delivery.operation,
            since,
            last_error: failure.clone(),
        });
        let is_planned = change.tried_at.is_some_and(|at| is_planned(at, now));
        let wait = if is_planned {
            WAIT_OF_OTHERS
        } else {
            TRY_EVERY
        };
        let tried_at = now.plus(wait);
        if !is_planned {
            change.tried_at = Some(tried_at);
        }
        Some(Refused { tried_at, is_new })
    }

    /// Nothing waits for `operation` any more: nobody has to act for it. Should it be refused again, that
    /// is found anew.
    pub(super) fn forget(&mut self, operation: Operation) {
        if let Some(change) = self.0.get_mut(&operation) {
            change.refusals.clear();
            change.pattern = None;
            change.tried_at = None;
        }
    }

    /// `operation` failed with what is not about one ticket.
    pub(super) fn note_stopped(&mut self, operation: Operation, failure: &Failure) {
        self.0.entry(operation).or_default().stopped_by = Some(failure.clone());
    }

    /// Changes are accepted again.
    pub(super) fn note_pass(&mut self) {
        for change in self.0.values_mut() {
            change.stopped_by = None;
        }
    }

    /// The operations that the CRM refuses for every ticket, and of which one delivery is to be tried.
    pub(super) fn untried(&self, now: Timestamp) -> Vec<Operation> {
        let untried = self.0.iter().filter(|(_, change)| {
            change.pattern.is_some() && !change.tried_at.is_some_and(|at| is_planned(at, now))
        });
        untried.map(|(operation, _)| *operation).collect()
    }

    /// The operations that the CRM refuses for every ticket; and those that pass no more since
    /// `stopped_since`, while new tickets do.
    pub(super) fn patterns(&self, stopped_since: Option<Timestamp>) -> Vec<RefusedOperation> {
        let patterns = self.0.iter().filter_map(|(operation, change)| {
            let stopped = || stopped_since.and_then(|since| change.stopped(*operation, since));
            change.pattern.clone().or_else(stopped)
        });
        let mut patterns: Vec<RefusedOperation> = patterns.collect();
        patterns.sort_by_key(|one| one.operation);
        patterns
    }
}

impl RefusedChange {
    fn stopped(&self, operation: Operation, since: Timestamp) -> Option<RefusedOperation> {
        let mut last_error = self.stopped_by.clone()?;
        last_error.message = format!("{STOPPED}: {}", last_error.message);
        Some(RefusedOperation {
            operation,
            since,
            last_error,
        })
    }
}

/// What a person must do about changes that do not pass.
const STOPPED: &str = "new tickets pass and this does not: who runs what stands in front of the CRM, or \
     gives our user its rights, must let it pass";

/// Whether the try at `at` is still to come. A time in the far future means that the clock was set back.
fn is_planned(at: Timestamp, now: Timestamp) -> bool {
    at > now && at <= now.plus(TRY_EVERY)
}

/// What a person must do.
fn remedy(operation: Operation) -> &'static str {
    match operation {
        Operation::Update | Operation::Create => {
            "refused for several tickets, so it is not about one: let our user change tickets in the \
             CRM, and check the fields of `update`"
        }
        Operation::Resolve => {
            "refused for several tickets, so it is not about one: let our user resolve tickets in \
             the CRM, and check the fields of `resolve`"
        }
        Operation::Link => {
            "refused for several tickets, so it is not about one: let our user set the parent of \
             tickets in the CRM"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::evidence::tests::delivery;
    use crate::domain::failure::{FailureKind, class};
    use Operation::{Create, Resolve, Update};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn denied() -> Failure {
        let class = class(FailureScope::Ticket, ResolvedBy::PersonInCrm);
        Failure::new(FailureKind::IntegrationFailure, class, "no").with_code("ACL Exception")
    }

    fn judged(
        changes: &mut RefusedChanges,
        id: i64,
        operation: Operation,
        now: i64,
    ) -> Option<i64> {
        let refused = changes.judge(&delivery(id, operation), &mut denied(), at(now));
        refused.map(|refused| refused.tried_at.as_millis() / 1000)
    }

    #[test]
    fn the_third_ticket_shows_that_the_operation_is_refused_and_one_of_them_tries_it_again() {
        let mut changes = RefusedChanges::default();
        assert_eq!(judged(&mut changes, 1, Update, 0), None);
        assert_eq!(judged(&mut changes, 1, Update, 0), None, "one ticket twice");
        assert_eq!(judged(&mut changes, 2, Update, 0), None);
        assert_eq!(
            judged(&mut changes, 3, Resolve, 0),
            None,
            "another operation"
        );
        assert_eq!(judged(&mut changes, 4, Create, 0), None, "a new ticket");
        assert_eq!(judged(&mut changes, 3, Update, 0), Some(300));
        assert_eq!(judged(&mut changes, 4, Update, 10), Some(3610));
        assert_eq!(judged(&mut changes, 3, Update, 300), Some(600));
        let patterns = changes.patterns(None);
        assert_eq!(patterns.len(), 1);
        assert_eq!(patterns[0].since, at(0));
        let said = &patterns[0].last_error.message;
        assert!(said.contains("let our user change tickets"), "{said}");
        let ended = changes.record_success(&delivery(3, Update));
        assert_eq!(ended, Ended::Pattern);
        assert!(changes.patterns(None).is_empty());
    }

    #[test]
    fn where_others_succeed_each_is_refused_alone() {
        let mut changes = RefusedChanges::default();
        assert_eq!(changes.record_success(&delivery(9, Update)), Ended::Perhaps);
        assert_eq!(changes.record_success(&delivery(9, Update)), Ended::Nothing);
        for id in 1..=3 {
            judged(&mut changes, id, Update, 0);
        }
        assert_eq!(changes.record_success(&delivery(9, Update)), Ended::Pattern);
        for id in 1..=5 {
            assert_eq!(judged(&mut changes, id, Update, 1), None);
        }
    }

    #[test]
    fn a_reason_that_ended_and_came_back_for_every_ticket_is_found_again() {
        let mut changes = RefusedChanges::default();
        for id in 1..=3 {
            judged(&mut changes, id, Update, 0);
        }
        for id in [9, 1] {
            changes.record_success(&delivery(id, Update));
        }
        let tried: Vec<_> = (11..=13)
            .map(|id| judged(&mut changes, id, Update, 1000))
            .collect();
        assert_eq!(tried, [None, None, Some(1300)]);
    }

    #[test]
    fn reasons_that_alternate_are_found_each() {
        let mut changes = RefusedChanges::default();
        let refused = |changes: &mut RefusedChanges, id: i64| {
            let code = ["no right", "no field"][usize::try_from(id % 2).unwrap()];
            let mut failure = denied().with_code(code);
            changes.judge(&delivery(id, Update), &mut failure, at(id))
        };
        let found: Vec<bool> = (0..6)
            .map(|id| refused(&mut changes, id).is_some())
            .collect();
        assert_eq!(found, [false, false, false, false, true, true]);
        changes.record_success(&delivery(9, Update));
        assert_eq!(refused(&mut changes, 10), None);
    }

    #[test]
    fn a_try_that_is_over_without_an_answer_is_one_that_is_missing() {
        let mut changes = RefusedChanges::default();
        for id in 1..=3 {
            judged(&mut changes, id, Update, 0);
        }
        let untried = |seconds| changes.untried(at(seconds));
        assert_eq!([untried(0), untried(299)], [[], []]);
        assert_eq!(untried(300), [Update]);
        assert_eq!(untried(-1), [Update], "the clock was set back");
        judged(&mut changes, 4, Update, 300);
        assert!(changes.untried(at(301)).is_empty());
    }

    #[test]
    fn what_time_resolves_is_no_pattern() {
        let mut changes = RefusedChanges::default();
        for id in 1..=5 {
            let mut locked = denied();
            locked.class.resolved_by = ResolvedBy::Time;
            let tried = changes.judge(&delivery(id, Update), &mut locked, at(0));
            assert_eq!(tried, None);
        }
    }
}
