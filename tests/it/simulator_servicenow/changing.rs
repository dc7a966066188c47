//! Changes: states, policies, journals, and what people do.

use serde_json::{Value, json};

use crate::simulator_servicenow::instance::{INCIDENT, Instance, detail, id_of, read, resolution};

async fn with_incident() -> (Instance, String) {
    let instance = Instance::start().await;
    let (_, body) = instance
        .post(json!({"short_description": "Trunk down"}))
        .await;
    let id = id_of(&body);
    (instance, id)
}

async fn by_hand(instance: &Instance, path: &str, fields: Value) -> u16 {
    let request = instance.http.post(instance.address(path)).json(&fields);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_resolution_needs_a_code_and_notes() {
    let (instance, id) = with_incident().await;
    let (status, body) = instance.patch(&id, json!({"state": "6"})).await;
    assert_eq!(status, 403);
    assert_eq!(
        detail(&body),
        "Data Policy Exception: The following fields are mandatory: Resolution code, \
         Resolution notes"
    );
    let unknown = json!({"state": "6", "close_code": "Nonsense", "close_notes": "x"});
    let (status, body) = instance.patch(&id, unknown).await;
    assert_eq!(status, 403);
    assert!(detail(&body).ends_with("mandatory: Resolution code"));
    assert_eq!(instance.host().tickets()[0]["state"], "1");
    instance.switch(json!({"data_policy": false})).await;
    assert_eq!(instance.patch(&id, json!({"state": "6"})).await.0, 200);
}

#[tokio::test]
async fn a_resolved_incident_is_active_and_has_its_time() {
    let (instance, id) = with_incident().await;
    let (status, body) = instance.patch(&id, resolution()).await;
    assert_eq!(status, 200);
    let record = &body["result"];
    assert_eq!(record["state"], "6");
    assert_eq!(record["incident_state"], "6");
    assert_eq!(record["active"], "true");
    assert_eq!(record["sys_mod_count"], "1");
    assert_ne!(record["resolved_at"], "");
    let (_, body) = instance.patch(&id, json!({"state": "2"})).await;
    assert_eq!(body["result"]["reopen_count"], "1");
}

#[tokio::test]
async fn a_closed_incident_refuses_changes() {
    let (instance, id) = with_incident().await;
    let path = format!("/_sim/tickets/{id}/close");
    let close = instance.http.post(instance.address(&path));
    assert_ne!(close.send().await.unwrap().status(), 404);
    let (status, body) = instance.patch(&id, json!({"work_notes": "late"})).await;
    assert_eq!(status, 403);
    assert!(detail(&body).starts_with("ACL Exception Update Failed"));
    let ticket = &instance.host().tickets()[0];
    assert_eq!(ticket["state"], "7");
    assert_eq!(ticket["active"], "false");
    assert_ne!(ticket["closed_at"], "");
    assert_eq!(ticket["work_notes_count"], 0);
}

#[tokio::test]
async fn closing_over_the_api_needs_an_administrator() {
    let (instance, id) = with_incident().await;
    instance.patch(&id, resolution()).await;
    assert_eq!(instance.patch(&id, json!({"state": "7"})).await.0, 403);
    instance.switch(json!({"itil_admin": true})).await;
    let (status, body) = instance.patch(&id, json!({"state": "7"})).await;
    assert_eq!((status, &body["result"]["active"]), (200, &json!("false")));
}

#[tokio::test]
async fn holding_needs_a_reason() {
    let (instance, id) = with_incident().await;
    let (status, body) = instance.patch(&id, json!({"state": "3"})).await;
    assert_eq!(status, 403);
    assert!(detail(&body).ends_with("mandatory: On hold reason"));
    let held = json!({"state": "3", "hold_reason": "4"});
    assert_eq!(instance.patch(&id, held).await.0, 200);
}

#[tokio::test]
async fn a_user_without_the_right_changes_nothing() {
    let (instance, id) = with_incident().await;
    instance.switch(json!({"may_write": false})).await;
    let (status, body) = instance.patch(&id, json!({"urgency": "1"})).await;
    assert_eq!(status, 403);
    assert!(detail(&body).starts_with("ACL Exception Update Failed"));
    assert_eq!(instance.host().tickets()[0]["urgency"], "3");
}

#[tokio::test]
async fn a_journal_reads_back_empty_and_newest_first_to_people() {
    let (instance, id) = with_incident().await;
    for text in ["first", "second"] {
        let (_, body) = instance.patch(&id, json!({"work_notes": text})).await;
        assert_eq!(body["result"]["work_notes"], "");
    }
    let path = format!("{INCIDENT}/{id}?sysparm_display_value=true&sysparm_fields=work_notes");
    let (_, body) = read(instance.get(&path).send().await.unwrap()).await;
    let text = body["result"]["work_notes"].as_str().unwrap();
    assert!(text.contains(" - ringdown (Work notes)\nsecond\n\n"));
    assert!(text.find("second").unwrap() < text.find("first").unwrap());
    assert_eq!(instance.host().tickets()[0]["work_notes_count"], 2);
}

#[tokio::test]
async fn the_journal_table_is_empty_to_those_who_may_not_read_it() {
    let (instance, id) = with_incident().await;
    instance.patch(&id, json!({"work_notes": "first"})).await;
    let path = format!(
        "/api/now/v2/table/sys_journal_field?sysparm_query=element_id={id}^element=work_notes"
    );
    let entries = async || read(instance.get(&path).send().await.unwrap()).await;
    assert_eq!(entries().await, (200, json!({"result": []})));
    instance.switch(json!({"may_read_journal": true})).await;
    assert_eq!(entries().await.1["result"][0]["value"], "first");
}

#[tokio::test]
async fn a_person_may_change_anything() {
    let (instance, id) = with_incident().await;
    let number = instance.host().tickets()[0]["number"].clone();
    let path = format!("/_sim/tickets/{}", number.as_str().unwrap());
    let fields = json!({"state": "8", "comments": "Not us.", "urgency": "1"});
    assert_eq!(by_hand(&instance, &path, fields).await, 204);
    assert_eq!(
        by_hand(&instance, "/_sim/tickets/INC1", json!({})).await,
        404
    );
    let ticket = &instance.host().tickets()[0];
    assert_eq!(ticket["sys_id"], id.as_str());
    assert_eq!(ticket["active"], "false");
    assert_eq!(ticket["comments_list"], json!(["Not us."]));
    assert_eq!(ticket["sys_updated_by"], "agent");
}

#[tokio::test]
async fn the_page_shows_labels_and_escapes_what_was_sent() {
    let (instance, _) = with_incident().await;
    instance
        .post(json!({"short_description": "<b>bold</b>"}))
        .await;
    let page = instance.http.get(instance.address("/"));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("INC0010001"));
    assert!(page.contains("<td>New</td>"));
    assert!(page.contains("&lt;b&gt;bold"));
}
