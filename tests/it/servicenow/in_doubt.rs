//! Writes whose outcome is unknown: until when the instance may still be at work on them, and the
//! tickets that only their record id can find.

use std::time::Duration;

use axum::http::Method;
use ringdown::domain::failure::{FailureScope, Remedy, ResolvedBy, class};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::targets::Crm;
use serde_json::json;

use crate::servicenow::cases::{
    GROUP, OTHER, chosen_id, create_with, fields, key, note, resolution, row,
};
use crate::servicenow::instance::{
    Instance, Line, absent, client, duplicate, error, json_answer, result,
};

const QUOTA: Duration = Duration::from_secs(60);

fn page(status: u16) -> Line {
    let page = "<html>upstream connect error</html>".to_owned();
    Line::Answer(status, "text/html", page)
}

fn second() -> TicketKey {
    TicketKey::of_incident(&IncidentId::new("second"))
}

#[tokio::test]
async fn an_insert_answered_by_something_in_front_may_still_be_under_way() {
    for status in [500, 502, 503, 520, 524, 530] {
        let script = [Line::Created(json!({"sys_id": OTHER})), page(status)];
        let (instance, base) = Instance::playing(script).await;
        let client = client(&base);
        client.create(&key(), &fields()).await.unwrap();
        let failure = client.create(&second(), &fields()).await.unwrap_err();
        assert!(failure.outcome_unknown, "{status}");
        assert_eq!(failure.settle_after, QUOTA, "{status}");
        assert_eq!(instance.asked().len(), 2);
    }
}

#[tokio::test]
async fn an_insert_that_was_not_passed_on_or_that_the_instance_has_ended_is_looked_up_at_once() {
    let failed = || error(500, "Operation Failed", "a script has failed");
    for answer in [page(403), page(413), failed()] {
        let script = [Line::Created(json!({"sys_id": OTHER})), answer];
        let (_, base) = Instance::playing(script).await;
        let client = client(&base);
        client.create(&key(), &fields()).await.unwrap();
        let failure = client.create(&second(), &fields()).await.unwrap_err();
        assert!(failure.outcome_unknown);
        assert_eq!(failure.settle_after, Duration::ZERO);
    }
}

#[tokio::test]
async fn as_long_as_ids_are_untold_a_lost_insert_settles_unless_it_is_there_already() {
    let not_there = vec![page(503), absent(), result(json!([]))];
    let failure = create_with(not_there).await.0.unwrap_err();
    assert_eq!(failure.settle_after, QUOTA);
    let id = chosen_id().await;
    let there = row(&id, key().as_str(), "2026-11-23 16:00:00");
    let (outcome, instance) = create_with(vec![page(503), result(there)]).await;
    let failure = outcome.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, Duration::ZERO);
    assert_eq!(instance.asked().len(), 2);
}

#[tokio::test]
async fn a_lost_comment_settles_before_it_is_repeated() {
    let script = [
        page(502),
        result(json!([])),
        result(json!({"sys_id": OTHER, "work_notes": ""})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let change = note("Still waiting.", json!({}));
    let failure = client(&base).update(OTHER, &change).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, QUOTA);
    assert_eq!(instance.asked().len(), 3);
    // Fields alone are set once more without harm.
    let (instance, base) = Instance::playing([page(502)]).await;
    let mut change = note("", json!({"urgency": "1"}));
    change.comment = None;
    let failure = client(&base).update(OTHER, &change).await.unwrap_err();
    assert_eq!(failure.settle_after, Duration::ZERO);
    assert_eq!(instance.asked().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_to_a_comment_that_is_there_is_no_failure() {
    let there = json!([{"element_id": OTHER, "value": "Still waiting.\n\n[ref 3f9a]"}]);
    let script = [
        Line::Cut,
        result(there),
        result(json!({"sys_id": OTHER, "state": "2"})),
    ];
    let (_, base) = Instance::playing(script).await;
    let change = note("Still waiting.", json!({}));
    client(&base).update(OTHER, &change).await.unwrap();
}

#[tokio::test]
async fn a_lost_resolution_with_a_comment_settles_too() {
    let script = [
        result(json!({"sys_id": OTHER, "state": "2"})),
        page(504),
        result(json!([])),
        result(json!({"sys_id": OTHER, "work_notes": ""})),
    ];
    let (_, base) = Instance::playing(script).await;
    let failure = client(&base).resolve(OTHER, &resolution()).await;
    let failure = failure.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, QUOTA);
}

#[tokio::test]
async fn a_ticket_that_lost_our_key_is_confirmed_by_its_id() {
    let (instance, base) = Instance::playing([
        Line::Created(json!({"sys_id": OTHER, "correlation_id": ""})),
        Line::Created(json!({"sys_id": GROUP, "correlation_id": "of a rule"})),
    ])
    .await;
    // The id is stored with the incident: nobody opens a second ticket for it.
    for (key, id) in [(key(), OTHER), (second(), GROUP)] {
        let process = client(&base);
        assert_eq!(process.create(&key, &fields()).await.unwrap().id, id);
    }
    assert_eq!(instance.asked().len(), 2);
}

#[tokio::test]
async fn the_id_in_a_201_counts_although_the_record_cannot_be_read_back() {
    let shown = json!({"result": {"sys_id": OTHER, "number": "INC1", "state": "1"}});
    let (outcome, _) = create_with(vec![json_answer(201, &shown), page(502)]).await;
    assert_eq!(outcome.unwrap().id, OTHER);
    let (outcome, _) = create_with(vec![json_answer(201, &shown), absent()]).await;
    assert_eq!(outcome.unwrap().id, OTHER);
}

#[tokio::test]
async fn a_record_with_the_key_of_another_incident_is_not_taken() {
    let other = json!({"sys_id": OTHER, "correlation_id": second().as_str()});
    let script = vec![Line::Created(other), absent(), result(json!([]))];
    let failure = create_with(script).await.0.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, QUOTA);
}

#[tokio::test]
async fn while_a_ticket_lacks_our_key_others_are_not_in_doubt() {
    let script = [
        Line::Created(json!({"sys_id": OTHER, "correlation_id": ""})),
        page(502),
        error(403, "Operation Failed", "ACL Exception Update Failed"),
    ];
    let (instance, base) = Instance::playing(script).await;
    let client = client(&base);
    client.create(&key(), &fields()).await.unwrap();
    for remedy in [Remedy::Retry, Remedy::HoldTarget] {
        let failure = client.create(&second(), &fields()).await.unwrap_err();
        assert_eq!(failure.remedy(), remedy);
        assert!(!failure.outcome_unknown, "nothing was sent for it");
    }
    let asked = instance.asked();
    assert!(asked[1..].iter().all(|one| one.method == Method::PATCH));
}

#[tokio::test]
async fn a_record_that_our_user_may_not_see_needs_a_person_from_the_second_time_on() {
    let hidden = || [duplicate(), absent(), result(json!([]))];
    let (_, base) = Instance::playing(hidden().into_iter().chain(hidden())).await;
    let client = client(&base);
    let id = chosen_id().await;
    for resolved_by in [ResolvedBy::Time, ResolvedBy::PersonInCrm] {
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert!(failure.outcome_unknown);
        assert_eq!(failure.class, class(FailureScope::Ticket, resolved_by));
        assert!(failure.message.contains(&id), "{failure}");
    }
}
