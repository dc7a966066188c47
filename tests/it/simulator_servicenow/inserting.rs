//! Inserts: ids, defaults, what is dropped without a word, what is refused.

use ringdown::simulator::{PASSWORD, USERNAME};
use serde_json::{Value, json};

use crate::simulator_servicenow::instance::{CHOSEN, INCIDENT, Instance, detail, id_of, read};

#[tokio::test]
async fn a_new_incident_is_answered_whole_as_texts() {
    let instance = Instance::start().await;
    let request = instance.http.post(instance.address(INCIDENT));
    let request = request.basic_auth(USERNAME, Some(PASSWORD));
    let body = json!({"short_description": "Trunk down", "urgency": 1, "impact": "2"});
    let response = request.json(&body).send().await.unwrap();
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, body) = read(response).await;
    assert_eq!(status, 201);
    let record = body["result"].as_object().unwrap();
    assert_eq!(
        location,
        instance.address(&format!("{INCIDENT}/{}", id_of(&body)))
    );
    for (name, value) in [
        ("number", "INC0010001"),
        ("state", "1"),
        ("incident_state", "1"),
        ("active", "true"),
        ("urgency", "1"),
        ("priority", "2"),
        ("sys_mod_count", "0"),
        ("assignment_group", ""),
        ("work_notes", ""),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    assert_eq!(record["sys_created_on"], record["sys_updated_on"]);
    assert_eq!(record["sys_created_on"].as_str().unwrap().len(), 19);
}

#[tokio::test]
async fn a_repeated_insert_with_one_id_makes_one_record() {
    let instance = Instance::start().await;
    let body = json!({"sys_id": CHOSEN, "short_description": "Trunk down"});
    let (_, first) = instance.post(body.clone()).await;
    assert_eq!(id_of(&first), CHOSEN);
    let (status, second) = instance.post(body.clone()).await;
    assert_eq!(status, 403);
    let expected = format!("Unique Key violation detected by database (Duplicate entry '{CHOSEN}'");
    assert!(detail(&second).starts_with(&expected));
    instance.switch(json!({"duplicate_status": 500})).await;
    assert_eq!(instance.post(body).await.0, 500);
    assert_eq!(instance.host().tickets().len(), 1);
}

#[tokio::test]
async fn an_instance_that_ignores_chosen_ids_gives_its_own() {
    let instance = Instance::with(json!({"sys_id_mode": "ignored"})).await;
    for _ in 0..2 {
        let (status, body) = instance.post(json!({"sys_id": CHOSEN})).await;
        assert_eq!(status, 201);
        assert_ne!(id_of(&body), CHOSEN);
    }
    assert_eq!(instance.host().tickets().len(), 2);
}

#[tokio::test]
async fn an_instance_that_forbids_chosen_ids_inserts_nothing_with_one() {
    let instance = Instance::with(json!({"sys_id_mode": "forbidden"})).await;
    let (status, body) = instance.post(json!({"sys_id": CHOSEN})).await;
    assert_eq!(status, 403);
    assert!(detail(&body).starts_with("ACL Exception Insert Failed"));
    assert_eq!(instance.post(json!({})).await.0, 201);
}

#[tokio::test]
async fn what_cannot_be_stored_is_dropped_without_a_word() {
    let instance = Instance::with(json!({"unwritable_fields": ["description"]})).await;
    let sent = json!({
        "u_nonsense": "x", "urgency": "9", "close_code": "Nonsense", "priority": "1",
        "assignment_group": "Telephony Operations", "description": "not for you",
    });
    let (status, body) = instance.post(sent).await;
    assert_eq!(status, 201);
    let record = &body["result"];
    assert!(record.get("u_nonsense").is_none());
    assert_eq!(record["urgency"], "3");
    for name in ["close_code", "assignment_group", "description"] {
        assert_eq!(record[name], "", "{name}");
    }
    assert_eq!(record["priority"], "5");
    instance
        .switch(json!({"allow_unknown_choices": true}))
        .await;
    let (_, body) = instance.post(json!({"close_code": "Nonsense"})).await;
    assert_eq!(body["result"]["close_code"], "Nonsense");
}

#[tokio::test]
async fn long_texts_are_cut_where_the_column_ends() {
    let instance = Instance::start().await;
    let long = "ü".repeat(300);
    let sent = json!({"correlation_id": long, "short_description": long, "description": long});
    let (_, body) = instance.post(sent).await;
    let length = |name: &str| body["result"][name].as_str().unwrap().chars().count();
    assert_eq!(length("correlation_id"), 100);
    assert_eq!(length("short_description"), 160);
    assert_eq!(length("description"), 300);
}

#[tokio::test]
async fn a_reference_is_an_object_a_plain_id_or_nothing() {
    let instance = Instance::start().await;
    let by_name = format!("{INCIDENT}?sysparm_input_display_value=true");
    let sent = json!({"assignment_group": "Telephony Operations"});
    let (_, body) = instance.post_to(&by_name, sent).await;
    let group = body["result"]["assignment_group"]["value"]
        .as_str()
        .unwrap();
    let link = instance.address(&format!("/api/now/v2/table/sys_user_group/{group}"));
    assert_eq!(body["result"]["assignment_group"]["link"], link);
    let sent = json!({"assignment_group": group});
    let plain = format!("{INCIDENT}?sysparm_exclude_reference_link=true");
    let (_, body) = instance.post_to(&plain, sent.clone()).await;
    assert_eq!(body["result"]["assignment_group"], group);
    let shown = format!("{INCIDENT}?sysparm_display_value=all&sysparm_fields=assignment_group");
    let (_, body) = instance.post_to(&shown, sent).await;
    let expected = json!({"assignment_group": {
        "display_value": "Telephony Operations", "value": group, "link": link
    }});
    assert_eq!(body["result"], expected);
    let nobody = json!({"assignment_group": "Nobody"});
    let (status, body) = instance.post_to(&by_name, nobody).await;
    assert_eq!(
        (status, &body["result"]["assignment_group"]),
        (201, &json!(""))
    );
}

#[tokio::test]
async fn only_the_fields_asked_for_are_answered_and_unknown_ones_are_no_error() {
    let instance = Instance::start().await;
    let path = format!("{INCIDENT}?sysparm_fields=number,u_nonsense,state");
    let (status, body) = instance.post_to(&path, json!({})).await;
    assert_eq!(status, 201);
    assert_eq!(
        body["result"],
        json!({"number": "INC0010001", "state": "1"})
    );
}

#[tokio::test]
async fn of_an_array_only_the_first_is_inserted() {
    let instance = Instance::start().await;
    let sent = json!([{"short_description": "first"}, {"short_description": "second"}]);
    assert_eq!(instance.post(sent).await.0, 201);
    let tickets = instance.host().tickets();
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0]["short_description"], "first");
}

#[tokio::test]
async fn a_refused_insert_says_which_rule_refused_it_and_leaves_nothing() {
    let instance = Instance::start().await;
    let refusals: [(Value, &str); 4] = [
        (
            json!({"roles_lost": true}),
            "ACL Exception Insert Failed due to security constraints",
        ),
        (
            json!({"roles_lost": false, "data_policy_fields": ["caller_id"]}),
            "Data Policy Exception: The following fields are mandatory: Caller",
        ),
        (
            json!({"may_create": false}),
            "ACL Exception Insert Failed due to security constraints",
        ),
        (
            json!({"may_create": true, "data_policy_fields": [], "business_rule": "Check caller"}),
            "Operation against file 'incident' was aborted by Business Rule 'Check caller^",
        ),
    ];
    for (switches, expected) in refusals {
        instance.switch(switches).await;
        let (status, body) = instance.post(json!({})).await;
        assert_eq!(status, 403);
        assert_eq!(body["error"]["message"], "Operation Failed");
        assert!(detail(&body).starts_with(expected));
    }
    assert!(instance.host().tickets().is_empty());
}

#[tokio::test]
async fn a_unique_column_refuses_a_second_record_with_one_value() {
    let instance = Instance::with(json!({"unique_fields": ["correlation_id"]})).await;
    let body = |key: &str| json!({"correlation_id": key});
    assert_eq!(instance.post(body("rd-1")).await.0, 201);
    let (status, second) = instance.post(body("RD-1")).await;
    assert_eq!(status, 403);
    let expected = "Unique Key violation detected by database (Duplicate entry 'RD-1'";
    assert!(detail(&second).starts_with(expected));
    assert_eq!(instance.post(body("rd-2")).await.0, 201);
    for _ in 0..2 {
        assert_eq!(instance.post(json!({})).await.0, 201);
    }
}

#[tokio::test]
async fn a_403_may_come_behind_a_committed_insert() {
    let instance = Instance::with(json!({"read_denied_after_create": true})).await;
    let (status, _) = instance.post(json!({"sys_id": CHOSEN})).await;
    assert_eq!(status, 403);
    assert_eq!(instance.host().tickets()[0]["sys_id"], CHOSEN);
}
