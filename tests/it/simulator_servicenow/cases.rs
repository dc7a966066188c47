//! Cases from the field: begun by name over HTTP, about their own requests only, and ended.

use serde_json::{Value, json};

use crate::simulator_servicenow::instance::{INCIDENT, Instance, id_of, read};

/// A case, and the status of a list, of an insert and of a login while it lasts; 0 for unaffected.
const CASES: [(&str, u16, u16, u16); 16] = [
    ("sn-in-front-407-html", 407, 407, 0),
    ("sn-in-front-403-gateway-json", 403, 403, 0),
    ("sn-in-front-400-html", 400, 400, 0),
    ("sn-401-empty", 401, 401, 0),
    ("sn-api-not-there", 404, 404, 0),
    ("sn-api-not-there-400", 400, 400, 0),
    ("sn-insert-acl-for-all", 0, 403, 0),
    ("sn-rule-name-with-apostrophe", 0, 403, 0),
    ("sn-unique-key-of-another-column", 0, 403, 0),
    ("sn-one-ticket-waf-200", 0, 200, 0),
    ("sn-201-rewritten-200", 0, 200, 0),
    ("sn-success-bom", 200, 201, 0),
    ("sn-resolve-closed-at-once", 0, 0, 0),
    ("sn-note-dropped", 0, 0, 0),
    ("sn-journal-over-2MiB", 0, 0, 0),
    ("sn-token-401-table-shape", 0, 0, 401),
];

async fn statuses(instance: &Instance) -> [u16; 3] {
    let list = instance.get(INCIDENT).send().await.unwrap().status();
    let insert = instance.http.post(instance.address(INCIDENT));
    let insert = insert.basic_auth("ringdown", Some("simulator-password"));
    let insert = insert.json(&json!({})).send().await.unwrap().status();
    let login = instance.http.post(instance.address("/oauth_token.do"));
    let grant = [
        ("grant_type", "client_credentials"),
        ("client_id", "ringdown"),
        ("client_secret", "simulator-secret"),
    ];
    let login = login.form(&grant).send().await.unwrap().status();
    [list, insert, login].map(|status| status.as_u16())
}

async fn begin(instance: &Instance, name: &str) -> (u16, Value) {
    let fault = json!({"kind": "case", "name": name, "trigger": "always"});
    let request = instance.http.post(instance.address("/_sim/faults"));
    read(request.json(&fault).send().await.unwrap()).await
}

#[tokio::test]
async fn each_case_begins_by_name_is_about_its_own_requests_and_ends() {
    let instance = Instance::start().await;
    let well = [200, 201, 200];
    for (name, list, insert, login) in CASES {
        assert_eq!(begin(&instance, name).await.0, 204, "{name}");
        let case = [list, insert, login];
        let expected = [0, 1, 2].map(|at| if case[at] == 0 { well[at] } else { case[at] });
        assert_eq!(statuses(&instance).await, expected, "{name}");
        let faults = instance.http.delete(instance.address("/_sim/faults"));
        assert_eq!(faults.send().await.unwrap().status(), 204);
        assert_eq!(statuses(&instance).await, well, "{name}");
    }
}

#[tokio::test]
async fn a_case_that_is_not_known_is_refused_with_those_that_are() {
    let instance = Instance::start().await;
    let (status, body) = begin(&instance, "sn-none").await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("sn-401-empty"));
}

#[tokio::test]
async fn a_dropped_note_changes_nothing_and_a_resolved_ticket_is_closed_at_once() {
    let instance = Instance::start().await;
    let (_, body) = instance.post(json!({})).await;
    let id = id_of(&body);
    begin(&instance, "sn-note-dropped").await;
    let (status, body) = instance.patch(&id, json!({"work_notes": "x"})).await;
    let count = &body["result"]["sys_mod_count"];
    assert_eq!((status, count), (200, &json!("0")));
    begin(&instance, "sn-resolve-closed-at-once").await;
    let resolved = json!({"state": "6", "close_code": "User error", "close_notes": "ok"});
    let (_, body) = instance.patch(&id, resolved).await;
    assert_eq!(body["result"]["state"], "7");
    assert_eq!(body["result"]["active"], "false");
}
