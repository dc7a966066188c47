//! Upsert by external id: one record per key, and answers that depend on the version.

use reqwest::Method;
use ringdown::simulator::salesforce::RaceLoser;
use serde_json::{Value, json};

use crate::simulator_salesforce::org::{KEYED, Org, code, subject};

#[tokio::test]
async fn the_first_upsert_creates_and_the_second_updates_the_same_record() {
    let org = Org::start().await;
    let (created, first) = org.upsert("rd-1", subject("one")).await;
    let (updated, second) = org.upsert("rd-1", subject("two")).await;
    assert_eq!((created, updated), (201, 200));
    assert_eq!(first["created"], true);
    assert_eq!(second["created"], false);
    assert_eq!(first["id"], second["id"]);
    assert_eq!(org.host().tickets().len(), 1);
    assert_eq!(org.host().tickets()[0]["Subject"], "two");
}

#[tokio::test]
async fn before_version_46_an_update_answers_nothing_and_a_creation_says_not_created() {
    let org = Org::start().await;
    let path = format!("/services/data/v45.0{KEYED}/rd-1");
    let (status, body) = org.send(Method::PATCH, &path, subject("one")).await;
    assert_eq!((status, body.get("created")), (201, None));
    let (status, body) = org.send(Method::PATCH, &path, subject("two")).await;
    assert_eq!((status, body), (204, Value::Null));
}

#[tokio::test]
async fn a_key_that_several_records_have_answers_300_with_paths_and_writes_nothing() {
    let org = Org::with(|switches| switches.external_id_unique = false).await;
    for text in ["one", "two"] {
        let fields = json!({"Subject": text, "Ringdown_Id__c": "rd-1"});
        org.case(fields).await;
    }
    let (status, body) = org.upsert("rd-1", subject("three")).await;
    let id = org.host().tickets()[0]["Id"].clone();
    assert_eq!(status, 300);
    assert_eq!(
        body[0],
        format!(
            "/services/data/v64.0/sobjects/Case/{}",
            id.as_str().unwrap()
        )
    );
    assert_eq!(org.subjects("ORDER BY Subject").await, ["one", "two"]);
}

#[tokio::test]
async fn a_unique_key_that_is_taken_is_a_duplicate_value_also_in_other_letters() {
    let org = Org::start().await;
    let (_, made) = org.upsert("rd-1", subject("one")).await;
    let fields = json!({"Subject": "two", "Ringdown_Id__c": "RD-1"});
    let (status, body) = org.post("/sobjects/Case", fields).await;
    assert_eq!((status, code(&body).0), (400, "DUPLICATE_VALUE"));
    let message = body[0]["message"].as_str().unwrap();
    assert!(message.contains(&made["id"].as_str().unwrap()[..15]));
}

#[tokio::test]
async fn the_body_may_hold_neither_the_id_nor_the_key() {
    let org = Org::start().await;
    for field in ["Id", "Ringdown_Id__c"] {
        let (status, body) = org.upsert("rd-1", json!({field: "rd-1"})).await;
        assert_eq!((status, code(&body)), (400, ("INVALID_FIELD", field)));
    }
    assert!(org.host().tickets().is_empty());
}

#[tokio::test]
async fn a_repeated_upsert_resets_what_an_agent_has_changed() {
    let org = Org::start().await;
    let fields = json!({"Subject": "one", "Status": "New"});
    let (_, made) = org.upsert("rd-1", fields.clone()).await;
    let id = made["id"].as_str().unwrap();
    let edited = json!({"Status": "Working"});
    org.send(Method::POST, &format!("/_sim/tickets/{id}"), edited)
        .await;
    assert_eq!(org.host().tickets()[0]["Status"], "Working");
    org.upsert("rd-1", fields).await;
    assert_eq!(org.host().tickets()[0]["Status"], "New");
}

#[tokio::test]
async fn an_unknown_or_hidden_key_field_is_not_found() {
    let org = Org::with(|switches| switches.hidden_fields = vec!["Ringdown_Id__c".into()]).await;
    for field in ["Ringdown_Id__c", "Nowhere__c", "Subject"] {
        let path = format!("/sobjects/Case/{field}/rd-1");
        let (status, body) = org.patch(&path, subject("one")).await;
        assert_eq!((status, code(&body).0), (404, "NOT_FOUND"), "{field}");
    }
}

#[tokio::test]
async fn keys_with_odd_characters_travel_percent_encoded_and_an_empty_one_is_not_allowed() {
    let org = Org::start().await;
    let key = "a/b+c d%ü";
    let encoded = "a%2Fb%2Bc%20d%25%C3%BC";
    assert_eq!(org.upsert(encoded, subject("one")).await.0, 201);
    assert_eq!(org.host().tickets()[0]["Ringdown_Id__c"], key);
    assert_eq!(org.get(&format!("{KEYED}/{encoded}")).await.0, 200);
    let (status, body) = org.upsert("", subject("two")).await;
    assert_eq!((status, code(&body).0), (405, "METHOD_NOT_ALLOWED"));
}

#[tokio::test]
async fn a_record_is_read_and_deleted_by_its_key_and_its_key_is_free_again() {
    let org = Org::start().await;
    let (_, first) = org.upsert("rd-1", subject("one")).await;
    let (status, body) = org.get(&format!("{KEYED}/rd-1?fields=Id,Status")).await;
    assert_eq!((status, &body["Id"]), (200, &first["id"]));
    assert_eq!(body.get("Subject"), None);
    let path = format!("/services/data/v64.0{KEYED}/rd-1");
    let deleted = org.at(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(org.get(&format!("{KEYED}/rd-1")).await.0, 404);
    let (status, second) = org.upsert("rd-1", subject("two")).await;
    assert_eq!(status, 201);
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn update_only_creates_nothing() {
    let org = Org::start().await;
    let path = "rd-1?updateOnly=true";
    assert_eq!(org.upsert(path, subject("one")).await.0, 404);
    assert!(org.host().tickets().is_empty());
}

#[tokio::test]
async fn the_loser_of_a_race_hears_what_the_switch_says_and_there_is_one_record() {
    for (loser, expected) in [
        (RaceLoser::DuplicateValue, (400, "DUPLICATE_VALUE")),
        (RaceLoser::LockRow, (400, "UNABLE_TO_LOCK_ROW")),
        (RaceLoser::Updated, (200, "")),
    ] {
        let org = Org::with(|switches| switches.race_loser = loser).await;
        let (one, two) = tokio::join!(
            org.upsert("rd-1", subject("one")),
            org.upsert("rd-1", subject("two"))
        );
        let (winner, loser) = if one.0 == 201 { (one, two) } else { (two, one) };
        assert_eq!(winner.0, 201);
        assert_eq!((loser.0, code(&loser.1).0), expected);
        assert_eq!(org.host().tickets().len(), 1);
    }
}
