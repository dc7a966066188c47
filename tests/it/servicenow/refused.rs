//! Inserts that are refused for one reason or another.

use std::time::Duration;

use axum::http::Method;
use ringdown::clock::Clock;
use ringdown::domain::failure::{FailureKind, FailureScope, Remedy};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::domain::time::Timestamp;
use ringdown::settings::{Secret, TargetAuth};
use ringdown::targets::{Crm, ServiceNow};
use serde_json::{Value, json};

use crate::servicenow::cases::{GROUP, OTHER, chosen_id, create_with, fields, key, row};
use crate::servicenow::instance::{
    Instance, Line, absent, client_at, denied, duplicate, error, result,
};

#[tokio::test]
async fn an_id_that_is_refused_is_left_out_after_a_look_up_and_a_second_refusal() {
    let script = vec![
        denied(),
        absent(),
        result(json!([])),
        denied(),
        Line::Created(json!({"sys_id": OTHER})),
    ];
    let (outcome, instance) = create_with(script).await;
    assert_eq!(outcome.unwrap().id, OTHER);
    let asked = instance.asked();
    assert_eq!(asked[0].body["sys_id"], asked[3].body["sys_id"]);
    assert!(asked[4].body.get("sys_id").is_none());
}

/// A client whose instance has refused its id, and the create after `meanwhile`.
async fn after_a_refused_id(meanwhile: impl FnOnce(&ServiceNow, &Clock)) -> Value {
    let script = [
        denied(),
        absent(),
        result(json!([])),
        denied(),
        Line::Created(json!({"sys_id": OTHER})),
        Line::Created(json!({"sys_id": GROUP})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let clock = Clock::manual(Timestamp::from_millis(1_795_450_000_000));
    let key_in_header = TargetAuth::ApiKey {
        header: "x-sn-apikey".to_owned(),
        key: Secret::new("k3y"),
    };
    let client = client_at(&base, key_in_header, &clock);
    client.create(&key(), &fields()).await.unwrap();
    meanwhile(&client, &clock);
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    client.create(&second, &fields()).await.unwrap();
    instance.asked()[5].body["sys_id"].clone()
}

#[tokio::test]
async fn an_id_that_was_refused_is_tried_again_after_an_hour_and_after_a_new_login() {
    assert_eq!(after_a_refused_id(|_, _| ()).await, Value::Null);
    let hour = Duration::from_secs(3600);
    assert!(
        after_a_refused_id(|_, clock| clock.advance(hour))
            .await
            .is_string()
    );
    assert!(
        after_a_refused_id(|client, _| client.forget_login())
            .await
            .is_string()
    );
}

#[tokio::test]
async fn a_403_after_a_commit_makes_no_second_ticket() {
    let id = chosen_id().await;
    let found = result(row(&id, key().as_str(), "2026-11-23 16:00:00"));
    let (outcome, _) = create_with(vec![denied(), found]).await;
    assert_eq!(outcome.unwrap().id, id);
}

#[tokio::test]
async fn a_403_after_a_commit_that_nobody_may_read_makes_no_second_ticket_either() {
    let script = vec![
        denied(),
        absent(),
        result(json!([])),
        duplicate(),
        absent(),
        result(json!([])),
    ];
    let (outcome, instance) = create_with(script).await;
    assert!(outcome.unwrap_err().outcome_unknown);
    let posts = instance.asked();
    assert!(
        posts
            .iter()
            .filter(|asked| asked.method == Method::POST)
            .all(|asked| asked.body.get("sys_id").is_some())
    );
}

#[tokio::test]
async fn g14_a_user_who_may_create_nothing_gets_an_integration_failure() {
    let script = vec![
        denied(),
        absent(),
        result(json!([])),
        denied(),
        denied(),
        absent(),
        result(json!([])),
    ];
    let (outcome, _) = create_with(script).await;
    let failure = outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.class.scope, FailureScope::User);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(failure.code.as_deref(), Some("ACL Exception"));
}

#[tokio::test]
async fn g15_a_business_rule_is_given_up_after_one_look_up() {
    let rule = error(
        403,
        "Operation Failed",
        "Operation against file 'incident' was aborted by Business Rule 'Check caller^52'. \
         Business Rule Stack:Check caller",
    );
    let (outcome, instance) = create_with(vec![rule, absent(), result(json!([]))]).await;
    let failure = outcome.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::GiveUp);
    assert_eq!(
        failure.code.as_deref(),
        Some("Business Rule 'Check caller'")
    );
    assert_eq!(instance.asked().len(), 3);
}

#[tokio::test]
async fn a_refused_value_is_named_by_the_field_that_was_sent() {
    for (detail, field) in [
        (
            "Data Policy Exception: The following fields are read only: Urgency",
            Some("urgency"),
        ),
        ("Invalid choice for field 'urgency'", Some("urgency")),
        (
            "Data truncation: Data too long for column 'short_description' at row 1",
            Some("short_description"),
        ),
        ("the value is not a valid choice", None),
    ] {
        let refusal = error(403, "Operation Failed", detail);
        let (outcome, _) = create_with(vec![refusal, absent(), result(json!([]))]).await;
        let failure = outcome.unwrap_err();
        assert!(failure.refuses_value, "{detail}");
        assert_eq!(failure.field.as_deref(), field, "{detail}");
        assert_eq!(failure.class.scope, FailureScope::Ticket);
        assert!(!failure.outcome_unknown, "{detail}");
    }
}

#[tokio::test]
async fn a_refused_field_that_was_not_sent_or_that_is_missing_cannot_be_left_out() {
    for (detail, field) in [
        ("Invalid choice for field 'u_other'", "u_other"),
        (
            "Data Policy Exception: The following fields are mandatory: Urgency",
            "Urgency",
        ),
        (
            "Data Policy Exception: The following fields are read only: correlation_id",
            "correlation_id",
        ),
    ] {
        let refusal = error(403, "Operation Failed", detail);
        let (outcome, _) = create_with(vec![refusal, absent(), result(json!([]))]).await;
        let failure = outcome.unwrap_err();
        assert!(!failure.refuses_value, "{detail}");
        assert_eq!(failure.field.as_deref(), Some(field), "{detail}");
    }
}
