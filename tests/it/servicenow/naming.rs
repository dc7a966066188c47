//! Names in the settings that the instance wants as ids.

use axum::http::Method;
use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::targets::Crm;
use serde_json::json;

use crate::servicenow::cases::{GROUP, OTHER, key, object};
use crate::servicenow::instance::{Instance, Line, absent, client, error, result};

#[tokio::test]
async fn a_group_is_named_in_the_settings_and_sent_as_its_id() {
    let group = json!([{"sys_id": GROUP, "name": "Telephony Operations"}]);
    let script = [
        result(group),
        Line::Created(json!({})),
        Line::Created(json!({})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let client = client(&base);
    let fields = object(json!({"assignment_group": "Telephony Operations"}));
    client.create(&key(), &fields).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    client.create(&second, &fields).await.unwrap();
    let asked = instance.asked();
    assert!(asked[0].query.contains("name%3DTelephony%20Operations"));
    assert_eq!(asked[1].body["assignment_group"], GROUP);
    assert_eq!(asked[2].body["assignment_group"], GROUP);
}

#[tokio::test]
async fn a_group_that_does_not_exist_is_an_integration_failure_that_names_the_field() {
    let script = [
        result(json!([])),
        result(json!([{"sys_id": GROUP, "name": "Network"}])),
    ];
    let (instance, base) = Instance::playing(script).await;
    let fields = object(json!({"assignment_group": "Telefony"}));
    let failure = client(&base).create(&key(), &fields).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.remedy(), Remedy::GiveUp);
    assert_eq!(failure.field.as_deref(), Some("assignment_group"));
    assert!(failure.refuses_value, "the ticket can do without a group");
    assert!(!failure.outcome_unknown);
    assert!(
        instance
            .asked()
            .iter()
            .all(|asked| asked.method == Method::GET)
    );
}

#[tokio::test]
async fn a_group_name_that_two_groups_have_is_refused() {
    let rows = json!([
        {"sys_id": GROUP, "name": "Network"},
        {"sys_id": OTHER, "name": "Network"}
    ]);
    let (_, base) = Instance::playing([result(rows)]).await;
    let fields = object(json!({"assignment_group": "Network"}));
    let failure = client(&base).create(&key(), &fields).await.unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("assignment_group"));
}

#[tokio::test]
async fn a_group_is_sent_by_name_when_this_user_may_read_no_groups() {
    for unreadable in [
        vec![result(json!([])), result(json!([]))],
        vec![error(403, "Operation Failed", "ACL Exception")],
    ] {
        let script = unreadable.into_iter().chain([Line::Created(json!({}))]);
        let (instance, base) = Instance::playing(script).await;
        let fields = object(json!({"assignment_group": "Network"}));
        client(&base).create(&key(), &fields).await.unwrap();
        let asked = instance.asked();
        assert_eq!(asked.last().unwrap().body["assignment_group"], "Network");
    }
}

/// The instance became a clone of another: the group has another id.
fn cloned() -> [Line; 3] {
    let group = |id: &str| result(json!([{"sys_id": id, "name": "Network"}]));
    [group(GROUP), Line::Created(json!({})), group(OTHER)]
}

#[tokio::test]
async fn an_id_that_a_clone_drops_is_asked_for_again_and_set() {
    let [group, created, again] = cloned();
    let dropped = Line::Created(json!({"assignment_group": ""}));
    let set = result(json!({"sys_id": OTHER, "assignment_group": OTHER}));
    let (instance, base) = Instance::playing([group, created, dropped, again, set]).await;
    let client = client(&base);
    let fields = object(json!({"assignment_group": "Network"}));
    client.create(&key(), &fields).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    let ticket = client.create(&second, &fields).await.unwrap();
    let asked = instance.asked();
    assert_eq!(asked[4].method, Method::PATCH);
    assert!(asked[4].path.ends_with(&ticket.id));
    assert_eq!(asked[4].body, json!({"assignment_group": OTHER}));
}

#[tokio::test]
async fn an_id_that_a_clone_refuses_is_asked_for_again_once() {
    let refusal = || {
        let detail = "Invalid reference in field 'assignment_group'";
        [
            error(403, "Operation Failed", detail),
            absent(),
            result(json!([])),
        ]
    };
    let [group, created, again] = cloned();
    let script = [group, created].into_iter().chain(refusal()).chain([again]);
    let (instance, base) = Instance::playing(script.chain([Line::Created(json!({}))])).await;
    let client = client(&base);
    let fields = object(json!({"assignment_group": "Network"}));
    client.create(&key(), &fields).await.unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    client.create(&second, &fields).await.unwrap();
    let asked = instance.asked();
    assert_eq!(asked.last().unwrap().body["assignment_group"], OTHER);

    // Where the names stand for the same ids, the field is what is refused.
    let [group, _, _] = cloned();
    let [same, _, _] = cloned();
    let script = [group].into_iter().chain(refusal()).chain([same]);
    let (_, base) = Instance::playing(script).await;
    let failure = crate::servicenow::instance::client(&base);
    let failure = failure.create(&key(), &fields).await.unwrap_err();
    assert!(failure.refuses_value);
    assert_eq!(failure.field.as_deref(), Some("assignment_group"));
}

#[tokio::test]
async fn a_name_that_could_change_a_query_is_never_asked_for() {
    let (instance, base) = Instance::playing([]).await;
    let fields = object(json!({"assignment_group": "x^ORnameISNOTEMPTY"}));
    let failure = client(&base).create(&key(), &fields).await.unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("assignment_group"));
    assert!(instance.asked().is_empty());
}
