//! Comments, resolutions, links, and the people who were there first.

use axum::http::Method;
use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::targets::Crm;
use serde_json::json;

use crate::servicenow::cases::{GROUP, OTHER, note, resolution};
use crate::servicenow::instance::{Instance, absent, client, error, result};

#[tokio::test]
async fn a_comment_is_an_internal_note_with_its_marker() {
    let (instance, base) = Instance::playing([result(json!({"sys_id": OTHER}))]).await;
    let change = note("Still waiting.", json!({}));
    let applied = client(&base).update(OTHER, &change).await.unwrap();
    assert!(applied.is_write);
    let asked = &instance.asked()[0];
    assert_eq!(asked.method, Method::PATCH);
    assert_eq!(
        asked.body,
        json!({"work_notes": "Still waiting.\n\n[ref 3f9a]"})
    );
}

#[tokio::test]
async fn a_comment_on_a_closed_ticket_is_left_out_without_a_failure() {
    let script = [
        error(403, "Operation Failed", "ACL Exception Update Failed"),
        result(json!({"sys_id": OTHER, "state": "7", "active": "false"})),
    ];
    let (_, base) = Instance::playing(script).await;
    let change = note("Recovered.", json!({}));
    let applied = client(&base).update(OTHER, &change).await.unwrap();
    assert!(!applied.is_write, "it was refused");
}

#[tokio::test]
async fn a_refused_comment_on_an_open_ticket_is_a_failure() {
    let script = [
        error(403, "Operation Failed", "ACL Exception Update Failed"),
        result(json!({"sys_id": OTHER, "state": "2", "active": "true"})),
    ];
    let (_, base) = Instance::playing(script).await;
    let change = note("Recovered.", json!({}));
    let failure = client(&base).update(OTHER, &change).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::Park);
}

#[tokio::test]
async fn an_update_never_changes_the_state_of_a_ticket_that_a_person_has_resolved() {
    let script = [
        result(json!({"sys_id": OTHER, "state": "6"})),
        result(json!({"sys_id": OTHER})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let change = note("Still waiting.", json!({"state": "2"}));
    client(&base).update(OTHER, &change).await.unwrap();
    assert!(instance.asked()[1].body.get("state").is_none());
}

#[tokio::test]
async fn a_resolution_is_one_request_and_its_state_is_checked() {
    let script = [
        result(json!({"sys_id": OTHER, "state": "2"})),
        result(json!({"sys_id": OTHER, "state": "6"})),
    ];
    let (instance, base) = Instance::playing(script).await;
    let applied = client(&base).resolve(OTHER, &resolution()).await.unwrap();
    assert!(applied.is_write);
    let body = instance.asked()[1].body.clone();
    assert_eq!(body["state"], "6");
    assert_eq!(body["close_code"], "Resolved by caller");
    assert_eq!(body["work_notes"], "Recovered.\n\n[ref 3f9a]");
}

#[tokio::test]
async fn g16_a_200_that_left_the_state_as_it_was_is_not_a_resolution() {
    let script = [
        result(json!({"sys_id": OTHER, "state": "2"})),
        result(json!({"sys_id": OTHER, "state": "2"})),
        result(json!({"sys_id": OTHER, "state": "2"})),
    ];
    let (_, base) = Instance::playing(script).await;
    let failure = client(&base)
        .resolve(OTHER, &resolution())
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.field.as_deref(), Some("state"));
}

#[tokio::test]
async fn a_state_that_the_reply_does_not_show_yet_is_read_again() {
    for stored in ["6", "7", "8"] {
        let script = [
            result(json!({"sys_id": OTHER, "state": "2"})),
            result(json!({"sys_id": OTHER, "state": "2"})),
            result(json!({"sys_id": OTHER, "state": stored})),
        ];
        let (instance, base) = Instance::playing(script).await;
        let resolved = client(&base).resolve(OTHER, &resolution()).await;
        let resolved = resolved.unwrap();
        assert!(resolved.is_write && resolved.seen.unwrap().details.closed);
        assert_eq!(instance.asked().len(), 3);
    }
}

#[tokio::test]
async fn a_refused_resolution_of_a_ticket_that_a_person_has_resolved_meanwhile_is_done() {
    let script = [
        result(json!({"sys_id": OTHER, "state": "2"})),
        error(403, "Operation Failed", "ACL Exception Update Failed"),
        result(json!({"sys_id": OTHER, "state": "6"})),
        result(json!({"sys_id": OTHER, "state": "6"})),
    ];
    let (_, base) = Instance::playing(script).await;
    let resolved = client(&base).resolve(OTHER, &resolution()).await;
    let resolved = resolved.unwrap();
    assert!(!resolved.is_write && resolved.seen.unwrap().details.closed);
}

#[tokio::test]
async fn a_recovery_that_is_a_comment_only_is_not_written_twice() {
    let there = json!([{"element_id": OTHER, "value": "Recovered.\n\n[ref 3f9a]"}]);
    let script = [
        result(json!({"sys_id": OTHER, "state": "2"})),
        result(there),
    ];
    let (instance, base) = Instance::playing(script).await;
    let change = note("Recovered.", json!({}));
    let applied = client(&base).resolve(OTHER, &change).await.unwrap();
    assert!(!applied.is_write);
    assert!(
        instance
            .asked()
            .iter()
            .all(|asked| asked.method == Method::GET)
    );
}

#[tokio::test]
async fn a_ticket_settled_by_a_person_is_left_as_it_is() {
    for state in ["6", "7", "8"] {
        let (instance, base) =
            Instance::playing([result(json!({"sys_id": OTHER, "state": state}))]).await;
        let applied = client(&base).resolve(OTHER, &resolution()).await.unwrap();
        assert!(!applied.is_write);
        assert_eq!(instance.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_resolution_of_a_vanished_ticket_says_so() {
    let (_, base) = Instance::playing([absent()]).await;
    let failure = client(&base)
        .resolve(OTHER, &resolution())
        .await
        .unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("No Record found"));
    // A poll finds out whether it was deleted.
    assert!(failure.is_not_found());
    assert_eq!(failure.remedy(), Remedy::Retry);
}

#[tokio::test]
async fn a_comment_is_found_in_the_journal() {
    let entry = json!({"element_id": OTHER, "value": "Still waiting.\n\n[ref 3f9a]"});
    let (_, base) = Instance::playing([result(json!([entry]))]).await;
    assert_eq!(
        client(&base).has_comment(OTHER, "[ref 3f9a]").await,
        Ok(true)
    );
}

#[tokio::test]
async fn a_comment_is_found_in_the_tickets_text_where_the_journal_is_not_readable() {
    let text = "2026-10-08 09:00:01 - Ringdown (Work notes)\nStill waiting.\n\n[ref 3f9a]\n\n";
    for journal in [
        result(json!([])),
        error(403, "User Not Authorized", "no rights"),
        result(json!([{"element_id": GROUP, "value": "a stranger's [ref 3f9a]"}])),
    ] {
        let shown = result(json!({"sys_id": OTHER, "work_notes": text, "comments": ""}));
        let (instance, base) = Instance::playing([journal, shown]).await;
        assert_eq!(
            client(&base).has_comment(OTHER, "[ref 3f9a]").await,
            Ok(true)
        );
        let query = instance.asked()[1].query.clone();
        assert!(query.contains("sysparm_display_value=true"));
    }
}

#[tokio::test]
async fn a_comment_that_is_nowhere_is_not_there() {
    let shown = result(json!({"sys_id": OTHER, "work_notes": "", "comments": ""}));
    let (_, base) = Instance::playing([result(json!([])), shown]).await;
    assert_eq!(
        client(&base).has_comment(OTHER, "[ref 3f9a]").await,
        Ok(false)
    );
}

#[tokio::test]
async fn a_ticket_hangs_under_its_parent_or_the_link_has_failed() {
    let (instance, base) = Instance::playing([
        result(json!({"sys_id": OTHER, "parent_incident": {"link": "x", "value": GROUP}})),
        result(json!({"sys_id": OTHER, "parent_incident": ""})),
        result(json!({"sys_id": OTHER, "parent_incident": ""})),
    ])
    .await;
    let client = client(&base);
    assert_eq!(client.link(OTHER, GROUP).await, Ok(()));
    let failure = client.link(OTHER, GROUP).await.unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("parent_incident"));
    assert_eq!(instance.asked()[0].body, json!({"parent_incident": GROUP}));
}
