use std::time::Duration;

use super::*;
use crate::domain::failure::{FailureClass, ResolvedBy, class};
use Operation::{Create, Resolve, Update};

const IN_FRONT: FailureClass = class(FailureScope::Network, ResolvedBy::Time);
const LIMITED: FailureClass = class(FailureScope::Organisation, ResolvedBy::Time);
const LAST_RETRY: RetryDecision = RetryDecision::Park;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn page() -> Failure {
    Failure::new(FailureKind::NetworkFailure, IN_FRONT, "<html>")
}

/// A target, and what its changes meet.
#[derive(Default)]
struct Target {
    breaker: CircuitBreaker,
    changes: StoppedChanges,
}

impl Target {
    fn fails(&mut self, operation: Operation, failure: &Failure, next: RetryDecision, now: i64) {
        let changes = &mut self.changes;
        changes.record_failure(&mut self.breaker, operation, (failure, next), at(now));
    }

    fn succeeds(&mut self, operation: Operation, now: i64) -> Option<EndedWait> {
        let changes = &mut self.changes;
        changes.record_success(&mut self.breaker, operation, at(now))
    }

    fn lets_create_pass(&self) -> bool {
        self.changes.lets_create_pass(&self.breaker)
    }

    /// What may be sent: creates, changes.
    fn admission(&mut self, now: i64) -> (Admission, Admission) {
        self.breaker.advance_clock(at(now));
        let of_all = self.breaker.admission(at(now));
        (of_all, self.changes.admission(of_all, at(now)))
    }
}

#[test]
fn what_only_changes_meet_holds_no_create_once_one_has_passed_and_they_are_tried_one_by_one() {
    let mut target = Target::default();
    target.fails(Resolve, &page(), LAST_RETRY, 0);
    let waits = Admission::Nothing { until: at(1) };
    assert_eq!(target.admission(0), (waits, waits));
    assert!(target.lets_create_pass());
    let ended = target.succeeds(Create, 0).unwrap();
    assert_eq!(ended.state, BreakerState::CircuitOpen);
    assert_eq!(ended.operations, &Operation::CREATES);
    assert_eq!(target.changes.since(), Some(at(0)));
    assert_eq!(target.admission(0), (Admission::All, waits));
    assert_eq!(target.admission(1), (Admission::All, Admission::Canary));
    target.fails(Update, &page(), LAST_RETRY, 1);
    let longer = Admission::Nothing { until: at(3) };
    assert_eq!(target.admission(1), (Admission::All, longer));
    assert_eq!(target.succeeds(Create, 2), None);
    assert_eq!(target.admission(2), (Admission::All, longer));
    assert_eq!(target.admission(3), (Admission::All, Admission::Canary));
    let ended = target.succeeds(Resolve, 3).unwrap();
    assert_eq!(ended.operations, &Operation::ALL);
    assert_eq!(target.admission(3), (Admission::All, Admission::All));
    assert_eq!(target.changes.since(), None);
}

#[test]
fn one_create_shows_that_the_whole_target_is_away_and_no_other_goes_before_a_wait_is_over() {
    let mut target = Target::default();
    target.fails(Resolve, &page(), LAST_RETRY, 0);
    assert!(target.lets_create_pass());
    let retry = RetryDecision::RetryAfter(Duration::from_secs(1));
    target.fails(Create, &page(), retry, 0);
    assert!(!target.lets_create_pass());
    // Neither after the next refusal of a change.
    target.breaker.record_probe();
    target.fails(Resolve, &page(), retry, 1);
    assert!(!target.lets_create_pass());
    target.breaker.record_probe();
    let ended = target.succeeds(Create, 3).unwrap();
    assert_eq!(ended.operations, &Operation::ALL);
    assert_eq!(target.admission(3), (Admission::All, Admission::All));
    // What changes go on to meet then is theirs.
    target.fails(Resolve, &page(), LAST_RETRY, 4);
    assert!(target.lets_create_pass());
}

#[test]
fn a_create_that_was_refused_before_says_that_not_only_changes_are() {
    let mut target = Target::default();
    let retry = RetryDecision::RetryAfter(Duration::from_secs(1));
    target.fails(Create, &page(), retry, 0);
    target.fails(Resolve, &page(), LAST_RETRY, 0);
    assert!(!target.lets_create_pass());
}

#[test]
fn limits_in_the_words_of_the_crm_and_refused_passwords_are_about_all() {
    let limit = Failure::new(FailureKind::RateLimited, LIMITED, "too many");
    let mut password = page();
    password.may_lock_user = true;
    for (failure, next) in [
        (limit, RetryDecision::PauseTarget(None)),
        (password, RetryDecision::HoldTarget),
    ] {
        let mut target = Target::default();
        target.fails(Update, &failure, next, 0);
        assert!(!target.lets_create_pass(), "{failure}");
        // Also where changes wait by themselves already.
        let mut target = Target::default();
        target.changes.follow(at(0), at(0));
        target.fails(Update, &failure, next, 0);
        let (of_all, _) = target.admission(0);
        assert!(matches!(of_all, Admission::Nothing { .. }), "{failure}");
    }
}

#[test]
fn what_is_about_one_ticket_is_no_obstacle() {
    let mut target = Target::default();
    let refused = class(FailureScope::Ticket, ResolvedBy::Nothing);
    let refused = Failure::new(FailureKind::IntegrationFailure, refused, "no");
    target.fails(Update, &refused, RetryDecision::GiveUp, 0);
    assert!(!target.lets_create_pass());
    assert_eq!(target.admission(0), (Admission::All, Admission::All));
}

#[test]
fn while_the_target_waits_itself_changes_wait_too() {
    let mut target = Target::default();
    target.changes.follow(at(0), at(0));
    target.fails(Create, &page(), LAST_RETRY, 10);
    let waits = Admission::Nothing { until: at(11) };
    assert_eq!(target.admission(10), (waits, waits));
    assert!(!target.lets_create_pass());
    let ended = target.succeeds(Create, 12).unwrap();
    assert_eq!(ended.operations, &Operation::CREATES);
    assert_eq!(target.admission(12), (Admission::All, Admission::Canary));
}
