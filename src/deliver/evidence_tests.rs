use super::*;
use crate::domain::doubt::EarlierRequest;
use crate::domain::identity::IncidentId;
use Operation::{Create, Update};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const TICKET: FailureClass = class(FailureScope::Ticket, ResolvedBy::Time);
const HELD: FailureClass = class(FailureScope::Organisation, ResolvedBy::PersonInCrm);

fn barred() -> Failure {
    let class = class(FailureScope::Network, ResolvedBy::PersonInConfiguration);
    Failure::new(FailureKind::NetworkFailure, class, "rejected")
}

fn refused(code: &str) -> Failure {
    let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
    Failure::new(FailureKind::IntegrationFailure, class, "no").with_code(code)
}

/// The delivery `id`, of an incident of its own.
pub(in crate::deliver) fn delivery(id: i64, operation: Operation) -> ClaimedDelivery {
    ClaimedDelivery {
        id,
        incident_id: IncidentId::new(id.to_string()),
        operation,
        payload: String::new(),
        event_id: String::new(),
        received_at: Timestamp::default(),
        attempts: 0,
        resumptions: 0,
        in_doubt: false,
        earlier: EarlierRequest::default(),
        ticket_id: None,
        ticket_elsewhere: None,
        parent: None,
        lane: String::new(),
        completes: false,
        omitted: Vec::new(),
        had_empty_success: false,
    }
}

#[test]
fn several_operations_on_one_ticket_are_no_pattern() {
    let mut evidence = Evidence::default();
    let a = refused("A");
    for id in 1..=5 {
        let of_one_ticket = ClaimedDelivery {
            incident_id: IncidentId::new("one"),
            ..delivery(id, Update)
        };
        assert_eq!(evidence.class(&of_one_ticket, &a, NOW), a.class);
    }
}

/// Fails twice more, after others have succeeded each time, the last time at `seconds` after them.
fn class_after_two_turns(failure: &Failure, seconds: u64) -> FailureClass {
    let mut evidence = Evidence::default();
    for _ in 0..2 {
        evidence.class(&delivery(1, Create), failure, NOW);
        evidence.record_success(&delivery(3, Create), NOW);
    }
    let later = NOW.plus(Duration::from_secs(seconds));
    evidence.class(&delivery(1, Create), failure, later)
}

#[test]
fn a_failure_is_about_the_ticket_when_others_like_it_succeed_twice_between_those_of_it() {
    let mut evidence = Evidence::default();
    let barred = barred();
    let about_target = barred.class;
    let class = |evidence: &mut Evidence| evidence.class(&delivery(1, Create), &barred, NOW);
    assert_eq!(class(&mut evidence), about_target, "nobody knows yet");
    assert_eq!(class(&mut evidence), about_target, "nothing succeeds");
    evidence.record_success(&delivery(2, Update), NOW);
    assert_eq!(class(&mut evidence), about_target, "only updates do");
    evidence.record_success(&delivery(3, Create), NOW);
    assert_eq!(class(&mut evidence), about_target, "once may be chance");
    evidence.record_success(&delivery(3, Create), NOW);
    assert_eq!(class(&mut evidence), TICKET);
    assert_eq!(class(&mut evidence), about_target, "and nothing since");
    evidence.record_success(&delivery(3, Create), NOW);
    assert_eq!(class(&mut evidence), TICKET, "it is known");
}

#[test]
fn what_succeeded_long_ago_says_nothing() {
    assert_eq!(class_after_two_turns(&barred(), 60), TICKET);
    assert_eq!(class_after_two_turns(&barred(), 61), barred().class);
}

#[test]
fn another_answer_than_before_is_another_failure() {
    let mut evidence = Evidence::default();
    for status in [403, 403, 503] {
        let barred = barred().with_status(status);
        let class = evidence.class(&delivery(1, Create), &barred, NOW);
        assert_eq!(class, barred.class);
        evidence.record_success(&delivery(3, Create), NOW);
    }
}

#[test]
fn a_limit_of_the_rate_and_a_refused_password_are_about_no_ticket() {
    let mut limited = barred();
    limited.kind = FailureKind::RateLimited;
    let mut refused = barred();
    refused.may_lock_user = true;
    let mut full = barred().with_wait(Some(Duration::from_secs(900)));
    full.class = class(FailureScope::Organisation, ResolvedBy::Time);
    for failure in [limited, refused, full] {
        assert_eq!(class_after_two_turns(&failure, 0), failure.class);
    }
}

#[test]
fn a_refusal_of_three_tickets_for_one_reason_is_not_about_the_ticket() {
    let mut evidence = Evidence::default();
    let (a, b) = (refused("A"), refused("B"));
    assert_eq!(evidence.class(&delivery(1, Create), &a, NOW), a.class);
    assert_eq!(
        evidence.class(&delivery(1, Create), &a, NOW),
        a.class,
        "one ticket twice"
    );
    assert_eq!(evidence.class(&delivery(2, Create), &a, NOW), a.class);
    assert_eq!(
        evidence.class(&delivery(3, Create), &b, NOW),
        b.class,
        "another reason"
    );
    assert_eq!(
        evidence.class(&delivery(3, Update), &a, NOW),
        a.class,
        "another operation"
    );
    assert_eq!(evidence.class(&delivery(4, Create), &a, NOW), HELD);
}

#[test]
fn a_reason_that_ended_and_came_back_for_every_ticket_is_recognised_again() {
    let mut evidence = Evidence::default();
    let a = refused("A");
    for id in 1..=3 {
        evidence.class(&delivery(id, Create), &a, NOW);
    }
    assert_eq!(evidence.class(&delivery(4, Create), &a, NOW), HELD);
    evidence.record_success(&delivery(9, Create), NOW);
    evidence.record_success(&delivery(1, Create), NOW);
    evidence.record_success(&delivery(4, Create), NOW);
    for id in 21..=22 {
        assert_eq!(evidence.class(&delivery(id, Create), &a, NOW), a.class);
    }
    assert_eq!(evidence.class(&delivery(23, Create), &a, NOW), HELD);
}

#[test]
fn what_the_crm_says_with_its_general_code_tells_reasons_apart() {
    let mut evidence = Evidence::default();
    let mut judged = |id: i64, words: &str| {
        let mut failure = refused("Operation Failed");
        failure.message = format!("{words} of \"queue {id}\" in {id}");
        evidence.judge(&delivery(id, Create), &mut failure, NOW);
        failure.class
    };
    let alone = refused("").class;
    for (id, words) in [
        (1, "no group"),
        (2, "no rule"),
        (3, "no state"),
        (4, "no group"),
    ] {
        assert_eq!(judged(id, words), alone, "{words}");
    }
    assert_eq!(judged(5, "no group"), HELD);
}

#[test]
fn what_should_end_by_itself_and_does_not_for_any_ticket_needs_a_person() {
    let mut evidence = Evidence::default();
    let mut judged = |id, seconds| {
        let mut failure = refused("CANNOT_EXECUTE_FLOW_TRIGGER");
        failure.class.resolved_by = ResolvedBy::Time;
        let at = NOW.plus(Duration::from_secs(seconds));
        evidence.judge(&delivery(id, Create), &mut failure, at);
        failure
    };
    judged(1, 0);
    judged(2, 0);
    let waits = class(FailureScope::Organisation, ResolvedBy::Time);
    assert_eq!((judged(3, 0).class, judged(3, 899).class), (waits, waits));
    let failure = judged(3, 900);
    assert_eq!(failure.class, HELD);
    assert!(failure.message.contains("an administrator"), "{failure}");
}

#[test]
fn where_others_succeed_meanwhile_each_refused_ticket_is_refused_alone() {
    let mut evidence = Evidence::default();
    let a = refused("A");
    for id in 1..=3 {
        evidence.class(&delivery(id, Create), &a, NOW);
    }
    evidence.record_success(&delivery(9, Create), NOW);
    // It was refused, others were accepted, and it is refused again.
    for id in (1..=3).chain(11..=15) {
        assert_eq!(evidence.class(&delivery(id, Create), &a, NOW), a.class);
    }
    let are_several = evidence.record_success(&delivery(11, Create), NOW);
    assert!(are_several, "the others may be accepted now as well");
    for id in 21..=22 {
        assert_eq!(evidence.class(&delivery(id, Create), &a, NOW), a.class);
    }
    assert_eq!(
        evidence.class(&delivery(23, Create), &a, NOW),
        HELD,
        "the reason came back"
    );
}

#[test]
fn many_tickets_in_a_row_are_a_pattern_even_where_some_were_refused_alone() {
    let mut evidence = Evidence::default();
    let a = refused("A");
    for id in 1..=3 {
        evidence.class(&delivery(id, Create), &a, NOW);
    }
    evidence.record_success(&delivery(9, Create), NOW);
    evidence.class(&delivery(1, Create), &a, NOW);
    let classes: Vec<_> = (11..=30)
        .map(|id| evidence.class(&delivery(id, Create), &a, NOW))
        .collect();
    assert!(classes.contains(&a.class) && classes.contains(&HELD));
}
