//! Composite requests and collections: 200 outside whatever happened inside.

use reqwest::Method;
use serde_json::{Value, json};

use crate::simulator_salesforce::org::{BASE, Org, subject};

const COLLECTION: &str = "/composite/sobjects/Case/Ringdown_Id__c";

fn keyed(key: &str, text: &str) -> Value {
    json!({"attributes": {"type": "Case"}, "Ringdown_Id__c": key, "Subject": text})
}

#[tokio::test]
async fn a_composite_answers_each_request_in_order_and_later_ones_use_earlier_ids() {
    let org = Org::start().await;
    let requests = json!([
        {"method": "PATCH", "url": format!("{BASE}/sobjects/Case/Ringdown_Id__c/rd-1"),
            "referenceId": "case", "body": subject("one")},
        {"method": "POST", "url": format!("{BASE}/sobjects/CaseComment"),
            "referenceId": "note", "body": {"ParentId": "@{case.id}", "CommentBody": "first"}},
        {"method": "GET", "url": format!("{BASE}/sobjects/Case/@{{case.id}}?fields=Status"),
            "referenceId": "read"},
    ]);
    let body = json!({"allOrNone": true, "compositeRequest": requests});
    let (status, answer) = org.post("/composite", body).await;
    assert_eq!(status, 200);
    let inner = answer["compositeResponse"].as_array().unwrap();
    let statuses: Vec<&Value> = inner.iter().map(|one| &one["httpStatusCode"]).collect();
    assert_eq!(statuses, [201, 201, 200]);
    assert_eq!(inner[2]["referenceId"], "read");
    assert_eq!(inner[2]["body"]["Status"], "New");
    assert_eq!(org.host().tickets()[0]["CommentCount"], 1);
}

#[tokio::test]
async fn one_failure_halts_all_of_an_all_or_none_composite_and_200_is_answered() {
    let org = Org::start().await;
    let requests = json!([
        {"method": "POST", "url": format!("{BASE}/sobjects/Case"), "referenceId": "a",
            "body": subject("one")},
        {"method": "POST", "url": format!("{BASE}/sobjects/Case"), "referenceId": "b",
            "body": {"Nowhere__c": "x"}},
    ]);
    for (all_or_none, first, left) in [(true, 400, 0), (false, 201, 1)] {
        let body = json!({"allOrNone": all_or_none, "compositeRequest": requests});
        let (status, answer) = org.post("/composite", body).await;
        assert_eq!(status, 200);
        let inner = &answer["compositeResponse"];
        assert_eq!(inner[0]["httpStatusCode"], first);
        assert_eq!(inner[1]["body"][0]["errorCode"], "INVALID_FIELD");
        if all_or_none {
            assert_eq!(inner[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
        }
        assert_eq!(org.host().tickets().len(), left);
    }
}

#[tokio::test]
async fn a_collection_upserts_by_a_key_in_each_record_and_spells_errors_its_own_way() {
    let org = Org::start().await;
    org.upsert("rd-1", subject("old")).await;
    let records = json!([
        keyed("rd-1", "one"),
        keyed("rd-2", &"x".repeat(300)),
        {"Subject": "no key"},
        keyed("rd-3", "three"),
    ]);
    let body = json!({"allOrNone": false, "records": records});
    let (status, rows) = org.patch(COLLECTION, body).await;
    assert_eq!(status, 200);
    assert_eq!(rows[0]["created"], false);
    assert_eq!(rows[1]["success"], false);
    assert_eq!(rows[1]["errors"][0]["statusCode"], "STRING_TOO_LONG");
    assert_eq!(rows[2]["errors"][0]["statusCode"], "MISSING_ARGUMENT");
    assert_eq!(rows[3]["created"], true);
    assert_eq!(org.subjects("ORDER BY Subject").await, ["one", "three"]);
}

#[tokio::test]
async fn an_all_or_none_collection_rolls_the_innocent_back() {
    let org = Org::start().await;
    let records = json!([keyed("rd-1", "one"), keyed("rd-2", &"x".repeat(300))]);
    let body = json!({"allOrNone": true, "records": records});
    let (status, rows) = org.patch(COLLECTION, body).await;
    assert_eq!(status, 200);
    let innocent = &rows[0]["errors"][0]["statusCode"];
    assert_eq!(innocent, "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert!(org.host().tickets().is_empty());
}

#[tokio::test]
async fn a_collection_creates_changes_and_deletes_by_id() {
    let org = Org::start().await;
    let record = json!({"attributes": {"type": "Case"}, "Subject": "one"});
    let body = json!({"records": [record]});
    let (_, made) = org.post("/composite/sobjects", body).await;
    let id = made[0]["id"].as_str().unwrap();
    let record = json!({"attributes": {"type": "Case"}, "Id": id, "Subject": "two"});
    let body = json!({"records": [record]});
    let (_, changed) = org.patch("/composite/sobjects", body).await;
    assert_eq!(changed[0]["success"], true);
    assert_eq!(org.host().tickets()[0]["Subject"], "two");
    let path = format!("{BASE}/composite/sobjects?ids={id}");
    let answer = org.at(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(org.host().tickets().is_empty());
}

#[tokio::test]
async fn too_many_in_one_request_are_refused_and_nothing_runs() {
    let org = Org::start().await;
    let records: Vec<Value> = (0..201).map(|n| keyed(&n.to_string(), "x")).collect();
    let (status, _) = org.patch(COLLECTION, json!({ "records": records })).await;
    assert_eq!(status, 400);
    assert!(org.host().tickets().is_empty());
}
