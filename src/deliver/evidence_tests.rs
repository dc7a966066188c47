use super::*;
use crate::domain::doubt::EarlierRequest;
use crate::domain::failure::FailureKind;
use crate::domain::identity::IncidentId;
use Operation::{Create, Update};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const HELD: FailureClass = class(FailureScope::Organisation, ResolvedBy::PersonInCrm);

fn refused(code: &str) -> Failure {
    let class = class(FailureScope::Ticket, ResolvedBy::Nothing);
    Failure::new(FailureKind::IntegrationFailure, class, "no").with_code(code)
}

/// What is known of a failure of `delivery`.
fn judged(evidence: &mut Evidence, delivery: &ClaimedDelivery, failure: &Failure) -> FailureClass {
    let mut failure = failure.clone();
    evidence.judge(delivery, &mut failure, NOW);
    failure.class
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
        decided_at: Timestamp::default(),
        attempts: 0,
        tries: 0,
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
        assert_eq!(judged(&mut evidence, &of_one_ticket, &a), a.class);
    }
}

#[test]
fn what_is_refused_in_front_of_the_crm_names_who_must_act() {
    let mut evidence = Evidence::default();
    let mut judged = || {
        let class = class(FailureScope::Network, ResolvedBy::Time);
        let mut failure = Failure::new(FailureKind::NetworkFailure, class, "rejected");
        evidence.judge(&delivery(1, Create), &mut failure, NOW);
        evidence.record_success(&delivery(3, Create));
        failure
    };
    judged();
    assert_eq!(judged().class.scope, FailureScope::Network);
    let failure = judged();
    assert_eq!(
        failure.class,
        class(FailureScope::Ticket, ResolvedBy::PersonInCrm)
    );
    assert!(failure.in_front);
    let said = &failure.message;
    assert!(said.contains("who runs the proxy or the firewall") && said.ends_with(": rejected"));
}

#[test]
fn a_value_that_every_ticket_has_is_corrected_in_its_template() {
    let mut evidence = Evidence::default();
    let mut judged = |id| {
        let mut failure = refused("STRING_TOO_LONG").with_field("Subject");
        failure.refuses_value = true;
        evidence.judge(&delivery(id, Create), &mut failure, NOW);
        failure.message
    };
    judged(1);
    judged(2);
    let said = judged(3);
    assert!(said.contains("correct the template of `Subject`"), "{said}");
    assert!(!said.contains("an administrator"), "{said}");
}

#[test]
fn a_refusal_of_three_tickets_for_one_reason_is_not_about_the_ticket() {
    let mut evidence = Evidence::default();
    let (a, b) = (refused("A"), refused("B"));
    assert_eq!(judged(&mut evidence, &delivery(1, Create), &a), a.class);
    assert_eq!(
        judged(&mut evidence, &delivery(1, Create), &a),
        a.class,
        "one ticket twice"
    );
    assert_eq!(judged(&mut evidence, &delivery(2, Create), &a), a.class);
    assert_eq!(
        judged(&mut evidence, &delivery(3, Create), &b),
        b.class,
        "another reason"
    );
    assert_eq!(
        judged(&mut evidence, &delivery(3, Update), &a),
        a.class,
        "another operation"
    );
    assert_eq!(judged(&mut evidence, &delivery(4, Create), &a), HELD);
}

#[test]
fn a_reason_that_ended_and_came_back_for_every_ticket_is_recognised_again() {
    let mut evidence = Evidence::default();
    let a = refused("A");
    for id in 1..=3 {
        judged(&mut evidence, &delivery(id, Create), &a);
    }
    assert_eq!(judged(&mut evidence, &delivery(4, Create), &a), HELD);
    evidence.record_success(&delivery(9, Create));
    evidence.record_success(&delivery(1, Create));
    evidence.record_success(&delivery(4, Create));
    for id in 21..=22 {
        assert_eq!(judged(&mut evidence, &delivery(id, Create), &a), a.class);
    }
    assert_eq!(judged(&mut evidence, &delivery(23, Create), &a), HELD);
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
        judged(&mut evidence, &delivery(id, Create), &a);
    }
    evidence.record_success(&delivery(9, Create));
    // It was refused, others were accepted, and it is refused again.
    for id in (1..=3).chain(11..=15) {
        assert_eq!(judged(&mut evidence, &delivery(id, Create), &a), a.class);
    }
    let are_several = evidence.record_success(&delivery(11, Create));
    assert!(are_several, "the others may be accepted now as well");
    for id in 21..=22 {
        assert_eq!(judged(&mut evidence, &delivery(id, Create), &a), a.class);
    }
    assert_eq!(
        judged(&mut evidence, &delivery(23, Create), &a),
        HELD,
        "the reason came back"
    );
}

#[test]
fn many_tickets_in_a_row_are_a_pattern_even_where_some_were_refused_alone() {
    let mut evidence = Evidence::default();
    let a = refused("A");
    for id in 1..=3 {
        judged(&mut evidence, &delivery(id, Create), &a);
    }
    evidence.record_success(&delivery(9, Create));
    judged(&mut evidence, &delivery(1, Create), &a);
    let classes: Vec<_> = (11..=30)
        .map(|id| judged(&mut evidence, &delivery(id, Create), &a))
        .collect();
    assert!(classes.contains(&a.class) && classes.contains(&HELD));
}

#[test]
fn a_pattern_counts_from_its_first_refusal() {
    let mut evidence = Evidence::default();
    let mut refuse = |id: i64, seconds: u64| {
        let mut failure = refused("A");
        let now = NOW.plus(Duration::from_secs(seconds));
        evidence.judge(&delivery(id, Create), &mut failure, now);
        (failure.is_pattern, failure.pattern_seconds)
    };
    assert_eq!(refuse(1, 0), (false, 0));
    assert_eq!(refuse(2, 6), (false, 0));
    assert_eq!(refuse(3, 14), (true, 14));
    assert_eq!(refuse(1, 20), (true, 20));
}
