//! Lists: conditions, order, pages, and conditions on fields that do not exist.

use ringdown::simulator::USERNAME;
use serde_json::{Value, json};

use crate::simulator_servicenow::instance::{INCIDENT, Instance, id_of, read};

async fn three() -> Instance {
    let instance = Instance::start().await;
    for (subject, key, urgency) in [
        ("one", "rd-1", "1"),
        ("two", "rd-2", "2"),
        ("three", "", "3"),
    ] {
        let row = json!({"short_description": subject, "correlation_id": key, "urgency": urgency});
        instance.post(row).await;
    }
    instance
}

#[tokio::test]
async fn conditions_select_rows() {
    let instance = three().await;
    for (query, expected) in [
        ("correlation_id=rd-1", vec!["one"]),
        ("correlation_id=RD-1", vec!["one"]),
        ("correlation_id!=rd-1", vec!["two", "three"]),
        ("correlation_idINrd-1,rd-2", vec!["one", "two"]),
        ("correlation_idSTARTSWITHrd-", vec!["one", "two"]),
        ("short_descriptionLIKEhre", vec!["three"]),
        ("urgency>1", vec!["two", "three"]),
        ("urgency>=2^urgency<=2", vec!["two"]),
        ("urgency<2", vec!["one"]),
        ("correlation_idISEMPTY", vec!["three"]),
        ("correlation_idISNOTEMPTY", vec!["one", "two"]),
        (
            "urgency=1^ORurgency=3^correlation_idISNOTEMPTY",
            vec!["one"],
        ),
        ("urgency=1^NQurgency=3", vec!["one", "three"]),
        ("ORDERBYDESCurgency", vec!["three", "two", "one"]),
        ("urgency>1^ORDERBYshort_description", vec!["three", "two"]),
    ] {
        assert_eq!(instance.subjects(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_condition_on_an_unknown_field_brings_strangers() {
    let instance = three().await;
    assert_eq!(instance.subjects("u_typo=rd-1").await.len(), 3);
    let bare = instance.get(&format!("{INCIDENT}?u_typo=rd-1"));
    let (_, body) = read(bare.send().await.unwrap()).await;
    assert_eq!(body["result"].as_array().unwrap().len(), 3);
    let rest = instance.subjects("u_typo=rd-1^urgency=2").await;
    assert_eq!(rest, ["two"]);
}

#[tokio::test]
async fn a_condition_on_an_unknown_field_may_instead_bring_nothing_or_a_403() {
    let instance = three().await;
    instance
        .switch(json!({"unknown_query_field": "no_rows"}))
        .await;
    assert!(instance.subjects("u_typo=rd-1").await.is_empty());
    instance
        .switch(json!({"unknown_query_field": "forbidden"}))
        .await;
    let (status, body) = instance.list("u_typo=rd-1").await;
    assert_eq!(status, 403);
    let message = &body["error"]["message"];
    assert_eq!(message, "Insufficient rights to query records");
}

#[tokio::test]
async fn a_page_tells_the_total_and_where_the_next_one_is() {
    let instance = three().await;
    let path = format!("{INCIDENT}?sysparm_query=ORDERBYnumber&sysparm_limit=1&sysparm_offset=1");
    let response = instance.get(&path).send().await.unwrap();
    assert_eq!(response.headers()["x-total-count"], "3");
    let link = response.headers()["link"].to_str().unwrap().to_owned();
    let has = |part: &str| link.split(',').any(|one| one.contains(part));
    assert!(has(
        "sysparm_limit=1&sysparm_offset=2&sysparm_query=ORDERBYnumber>;rel=\"next\""
    ));
    assert!(link.contains("rel=\"prev\""));
    let (_, body) = read(response).await;
    assert_eq!(body["result"].as_array().unwrap().len(), 1);
    assert_eq!(body["result"][0]["short_description"], "two");
}

#[tokio::test]
async fn an_empty_list_is_a_404_in_version_1_only() {
    let instance = Instance::start().await;
    let list = async |path| read(instance.get(path).send().await.unwrap()).await;
    assert_eq!(list(INCIDENT).await, (200, json!({"result": []})));
    assert_eq!(list("/api/now/table/incident").await.0, 200);
    assert_eq!(list("/api/now/v1/table/incident").await.0, 404);
}

#[tokio::test]
async fn a_record_that_is_not_there_is_a_404_and_a_table_a_400() {
    let instance = Instance::start().await;
    let path = format!("{INCIDENT}/c537bae64f411200adf9f8e18110c76e");
    let (status, body) = read(instance.get(&path).send().await.unwrap()).await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (404, &json!("No Record found"))
    );
    let path = "/api/now/v2/table/incidence";
    let (status, body) = read(instance.get(path).send().await.unwrap()).await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (400, &json!("Invalid table incidence"))
    );
}

#[tokio::test]
async fn a_record_is_read_and_deleted_by_its_id() {
    let instance = Instance::start().await;
    let (_, created) = instance.post(json!({})).await;
    let path = format!("{INCIDENT}/{}", id_of(&created));
    let (status, body) = read(instance.get(&path).send().await.unwrap()).await;
    assert_eq!((status, body), (200, created));
    let delete = instance.http.delete(instance.address(&path));
    let delete = delete.basic_auth(USERNAME, Some(ringdown::simulator::PASSWORD));
    assert_eq!(delete.send().await.unwrap().status(), 204);
    assert_eq!(instance.get(&path).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn records_are_counted_without_being_listed() {
    let instance = three().await;
    let path = "/api/now/stats/incident?sysparm_count=true&sysparm_query=urgency>1";
    let (_, body) = read(instance.get(path).send().await.unwrap()).await;
    assert_eq!(body, json!({"result": {"stats": {"count": "2"}}}));
}

#[tokio::test]
async fn people_groups_columns_and_choices_can_be_looked_up() {
    let instance = Instance::start().await;
    for (table, query, column, expected) in [
        ("sys_user", "user_name=ringdown", "time_zone", "GMT"),
        (
            "sys_user_group",
            "name=Telephony Operations",
            "active",
            "true",
        ),
        (
            "sys_dictionary",
            "name=task^element=correlation_id",
            "max_length",
            "100",
        ),
        (
            "sys_choice",
            "name=task^ORname=incident^element=state^value=6",
            "label",
            "Resolved",
        ),
        (
            "sys_properties",
            "name=glide.buildname",
            "value",
            "Australia",
        ),
    ] {
        let path = format!("/api/now/v2/table/{table}");
        let request = instance.get(&path).query(&[("sysparm_query", query)]);
        let (_, body) = read(request.send().await.unwrap()).await;
        let rows: &Vec<Value> = body["result"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{table}");
        assert_eq!(rows[0][column], expected, "{table}");
    }
}

#[tokio::test]
async fn the_properties_say_what_the_switches_do() {
    let instance = Instance::start().await;
    let value = async || {
        let path = "/api/now/v2/table/sys_properties\
                    ?sysparm_query=name=glide.invalid_query.returns_no_rows";
        let (_, body) = read(instance.get(path).send().await.unwrap()).await;
        body["result"][0]["value"].clone()
    };
    assert_eq!(value().await, "false");
    instance
        .switch(json!({"unknown_query_field": "no_rows"}))
        .await;
    assert_eq!(value().await, "true");
}
