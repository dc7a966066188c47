//! Opening tickets: what is sent, and what confirms one or leaves it in doubt.

use std::time::Duration;

use axum::http::Method;
use ringdown::domain::failure::{FailureKind, FailureScope, Remedy};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::targets::Crm;
use serde_json::{Value, json};

use crate::servicenow::cases::{GROUP, OTHER, chosen_id, create_with, fields, key, row};
use crate::servicenow::instance::{Instance, Line, absent, client, duplicate, result};

#[tokio::test]
async fn a_ticket_is_opened_with_our_key_our_id_and_the_fields() {
    let (outcome, instance) = create_with(vec![Line::Created(json!({}))]).await;
    let ticket = outcome.unwrap();
    assert_eq!(ticket.number.as_deref(), Some("INC0010002"));
    assert!(!ticket.closed);
    let asked = &instance.asked()[0];
    assert_eq!(asked.method, Method::POST);
    assert_eq!(asked.path, "/api/now/v2/table/incident");
    assert_eq!(asked.body["correlation_id"], key().as_str());
    assert_eq!(asked.body["correlation_display"], "Ringdown");
    assert_eq!(asked.body["sys_id"], ticket.id.as_str());
    assert_eq!(asked.body["urgency"], "1");
    assert_eq!(asked.headers["accept"], "application/json");
    assert_eq!(asked.headers["content-type"], "application/json");
    assert!(!asked.headers.contains_key("cookie"));
}

#[tokio::test]
async fn g16_a_201_without_a_record_id_is_in_doubt() {
    for id in [json!(""), json!("42"), Value::Null] {
        let (outcome, _) = create_with(vec![Line::Created(json!({"sys_id": id}))]).await;
        let failure = outcome.unwrap_err();
        assert!(failure.outcome_unknown);
        assert_eq!(failure.remedy(), Remedy::Retry);
    }
}

#[tokio::test]
async fn g16_a_200_to_an_insert_is_not_success_without_our_record() {
    for record in [
        row(OTHER, "somebody-else", "2026-11-23 16:00:00"),
        row(OTHER, "", "2026-11-23 16:00:00"),
        json!([row(OTHER, key().as_str(), "2026-11-23 16:00:00")]),
        json!({}),
    ] {
        let (outcome, _) = create_with(vec![result(record)]).await;
        let failure = outcome.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NetworkFailure);
        assert!(failure.outcome_unknown);
        assert_eq!(failure.remedy(), Remedy::Retry);
    }
    // Our key on a record with another id counts when the record is stored so.
    let another = row(OTHER, key().as_str(), "2026-11-23 16:00:00");
    let script = vec![result(another.clone()), result(another.clone())];
    assert_eq!(create_with(script).await.0.unwrap().id, OTHER);
    let (outcome, _) = create_with(vec![result(another), absent()]).await;
    assert!(outcome.unwrap_err().outcome_unknown);
}

#[tokio::test]
async fn a_success_without_a_record_is_certain_where_the_instance_refuses_a_second() {
    let script = [
        Line::Created(json!({})),
        Line::Created(json!({"sys_id": ""})),
        absent(),
        result(json!([])),
    ];
    let (_, base) = Instance::playing(script).await;
    let client = client(&base);
    client.create(&key(), &fields()).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    let failure = client.create(&second, &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert!(!failure.outcome_unknown);
    assert_eq!(failure.remedy(), Remedy::Retry);
}

#[tokio::test]
async fn a_ticket_with_a_silently_dropped_field_still_counts() {
    let created = Line::Created(json!({"urgency": "", "priority": "4"}));
    let (outcome, _) = create_with(vec![created]).await;
    assert!(outcome.is_ok());
}

#[tokio::test]
async fn a_taken_id_leads_to_the_ticket_that_has_it() {
    let id = chosen_id().await;
    let script = vec![
        duplicate(),
        result(row(&id, key().as_str(), "2026-11-23 16:00:00")),
    ];
    let (outcome, instance) = create_with(script).await;
    assert_eq!(outcome.unwrap().id, id);
    let asked = instance.asked();
    assert_eq!(asked[1].path, format!("/api/now/v2/table/incident/{id}"));
}

#[tokio::test]
async fn a_taken_id_whose_record_carries_another_key_is_not_taken_over() {
    let id = chosen_id().await;
    let script = vec![
        duplicate(),
        result(row(&id, "somebody-else", "2026-11-23 16:00:00")),
        result(json!([])),
    ];
    let (outcome, _) = create_with(script).await;
    let failure = outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert!(failure.outcome_unknown);
}

#[tokio::test]
async fn ids_of_the_instances_own_are_taken_and_ours_no_longer_sent() {
    let script = [
        Line::Created(json!({"sys_id": OTHER})),
        Line::Created(json!({"sys_id": GROUP})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let client = client(&base);
    assert_eq!(client.create(&key(), &fields()).await.unwrap().id, OTHER);
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    client.create(&second, &fields()).await.unwrap();
    assert!(instance.asked()[1].body.get("sys_id").is_none());
}

#[tokio::test]
async fn without_chosen_ids_a_lost_answer_is_looked_up_after_the_quota_only() {
    let script = [Line::Created(json!({"sys_id": OTHER})), Line::Cut];
    let (_, base) = Instance::playing(script).await;
    let client = client(&base);
    client.create(&key(), &fields()).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    let failure = client.create(&second, &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, Duration::from_secs(60));
}

#[tokio::test]
async fn with_chosen_ids_a_lost_answer_may_be_looked_up_and_repeated_at_once() {
    let script = [
        Line::Created(json!({})),
        Line::Cut,
        absent(),
        result(json!([])),
        Line::Created(json!({})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let client = client(&base);
    client.create(&key(), &fields()).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    let failure = client.create(&second, &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, Duration::ZERO);
    assert_eq!(client.find(&second).await, Ok(None));
    client.create(&second, &fields()).await.unwrap();
    let asked = instance.asked();
    assert_eq!(asked[1].body["sys_id"], asked[4].body["sys_id"]);
}

#[tokio::test]
async fn as_long_as_ids_are_untold_a_lost_insert_is_not_repeated_within_the_quota() {
    let none = || [absent(), result(json!([]))];
    let script = [Line::Cut].into_iter().chain(none()).chain(none());
    let (instance, base) = Instance::playing(script).await;
    let client = client(&base);
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, Duration::from_secs(60));
    assert_eq!(client.find(&key()).await, Ok(None));
    let waiting = client.create(&key(), &fields()).await.unwrap_err();
    assert!(waiting.outcome_unknown);
    assert!(waiting.settle_after > Duration::from_secs(50));
    assert!(!waiting.doubts_login(), "the instance was not asked");
    assert_eq!(waiting.class.scope, FailureScope::Ticket);
    assert_eq!(instance.asked().len(), 5);
}

#[tokio::test]
async fn a_ticket_without_our_key_stops_the_target_until_the_key_is_on_it() {
    let script = [
        Line::Created(json!({"correlation_id": ""})),
        result(json!({"sys_id": OTHER, "correlation_id": ""})),
        result(json!({"sys_id": OTHER, "correlation_id": key().as_str(), "state": "1"})),
        Line::Created(json!({})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let client = client(&base);
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    let held = client.create(&second, &fields()).await.unwrap_err();
    assert_eq!(held.remedy(), Remedy::HoldTarget);
    assert_eq!(held.field.as_deref(), Some("correlation_id"));
    assert!(held.message.contains(&ticket.id));
    client.create(&second, &fields()).await.unwrap();
    let asked = instance.asked();
    assert_eq!(asked[1].method, Method::PATCH);
    assert_eq!(asked[1].body, json!({"correlation_id": key().as_str()}));
}
