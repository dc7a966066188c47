//! Creating, changing, closing: what is refused, what is computed, what is silent.

use reqwest::Method;
use ringdown::simulator::salesforce::{CaseStatus, DuplicateRule, RuleCondition, ValidationRule};
use serde_json::{Value, json};

use crate::simulator_salesforce::org::{BASE, Org, code, subject};

#[tokio::test]
async fn a_new_case_has_a_number_defaults_and_an_id_of_18_characters() {
    let org = Org::start().await;
    let id = org.case(subject("one")).await;
    let (_, case) = org.get(&format!("/sobjects/Case/{id}")).await;
    assert!(id.starts_with("500") && id.len() == 18);
    assert_eq!(case["Status"], "New");
    assert_eq!(case["Priority"], "Medium");
    assert_eq!(case["IsClosed"], false);
    assert_eq!(case["CaseNumber"].as_str().unwrap().len(), 8);
    let short = org.get(&format!("/sobjects/Case/{}", &id[..15])).await;
    assert_eq!(short.1["Id"], Value::from(id));
}

#[tokio::test]
async fn a_change_answers_204_without_a_body_or_a_content_type() {
    let org = Org::start().await;
    let id = org.case(subject("one")).await;
    let request = org.at(Method::PATCH, &format!("{BASE}/sobjects/Case/{id}"));
    let answer = request.json(&subject("two")).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers().get("content-type"), None);
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
    assert_eq!(org.host().tickets()[0]["Subject"], "two");
}

#[tokio::test]
async fn a_case_closes_by_any_closed_status_and_reopens() {
    let org = Org::start().await;
    org.configure(|switches| {
        switches
            .case_statuses
            .push(CaseStatus::new("Auto-resolved", true));
    });
    let id = org.case(subject("one")).await;
    let path = format!("/sobjects/Case/{id}");
    for (status, closed) in [
        ("Auto-resolved", true),
        ("Working", false),
        ("Closed", true),
    ] {
        org.patch(&path, json!({ "Status": status })).await;
        let (_, case) = org.get(&path).await;
        assert_eq!(case["IsClosed"], closed, "{status}");
        assert_eq!(case["ClosedDate"].is_string(), closed, "{status}");
    }
}

#[tokio::test]
async fn an_unknown_status_is_stored_and_leaves_the_case_open_unless_picklists_are_restricted() {
    let org = Org::start().await;
    let id = org.case(subject("one")).await;
    let path = format!("/sobjects/Case/{id}");
    let done = json!({"Status": "Done"});
    assert_eq!(org.patch(&path, done.clone()).await.0, 204);
    assert_eq!(org.get(&path).await.1["IsClosed"], false);
    org.configure(|switches| switches.restricted_picklists = true);
    let (status, body) = org.patch(&path, done).await;
    let expected = ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Status");
    assert_eq!((status, code(&body)), (400, expected));
}

#[tokio::test]
async fn too_long_text_is_refused_by_utf16_units_and_comments_by_bytes() {
    let org = Org::start().await;
    let bell = "\u{1f514}";
    let fits = bell.repeat(127) + "x";
    assert_eq!(fits.encode_utf16().count(), 255);
    let case = org.case(subject(&fits)).await;
    let (status, body) = org.post("/sobjects/Case", subject(&bell.repeat(128))).await;
    assert_eq!((status, code(&body)), (400, ("STRING_TOO_LONG", "Subject")));
    for (text, expected) in [("ü".repeat(2000), 201), ("ü".repeat(2001), 400)] {
        let comment = json!({"ParentId": case, "CommentBody": text});
        let (status, body) = org.post("/sobjects/CaseComment", comment).await;
        assert_eq!(status, expected, "{body}");
    }
}

#[tokio::test]
async fn unknown_hidden_and_read_only_fields_are_refused() {
    let org = Org::with(|switches| {
        switches.hidden_fields = vec!["Origin".into()];
        switches.read_only_fields = vec!["Reason".into()];
    })
    .await;
    for (field, expected) in [
        ("Nowhere__c", "INVALID_FIELD"),
        ("Origin", "INVALID_FIELD"),
        ("Reason", "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("IsClosed", "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("CaseNumber", "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ] {
        let (status, body) = org.post("/sobjects/Case", json!({field: "x"})).await;
        assert_eq!((status, code(&body).0), (400, expected), "{field}");
    }
    assert!(org.host().tickets().is_empty());
}

#[tokio::test]
async fn g15_required_fields_and_validation_rules_name_code_message_and_field() {
    let org = Org::with(|switches| {
        switches.required_fields = vec!["Queue__c".into()];
        switches.validation_rules = vec![ValidationRule {
            field: "Subject".into(),
            refuse_when: RuleCondition::Contains("test".into()),
            message: "No tests, please".into(),
        }];
    })
    .await;
    let (status, body) = org.post("/sobjects/Case", subject("one")).await;
    let expected = ("REQUIRED_FIELD_MISSING", "Queue__c");
    assert_eq!((status, code(&body)), (400, expected));
    let fields = json!({"Subject": "a test", "Queue__c": "Billing"});
    let (status, body) = org.post("/sobjects/Case", fields).await;
    let expected = ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Subject");
    assert_eq!((status, code(&body)), (400, expected));
    assert_eq!(body[0]["message"], "No tests, please");
}

#[tokio::test]
async fn an_alerting_duplicate_rule_yields_to_the_header_and_a_blocking_one_does_not() {
    for (rule, expected) in [(DuplicateRule::Alert, 201), (DuplicateRule::Block, 400)] {
        let org = Org::with(|switches| switches.duplicate_rule = rule).await;
        org.case(subject("one")).await;
        let (status, body) = org.post("/sobjects/Case", subject("one")).await;
        assert_eq!((status, code(&body).0), (400, "DUPLICATES_DETECTED"));
        assert!(body[0]["duplicateResut"]["matchResults"].is_array());
        let request = org.at(Method::POST, &format!("{BASE}/sobjects/Case"));
        let request = request.header("Sforce-Duplicate-Rule-Header", "allowSave=true");
        let answer = request.json(&subject("one")).send().await.unwrap();
        assert_eq!(answer.status(), expected);
    }
}

#[tokio::test]
async fn the_assignment_rule_runs_unless_the_header_says_no_also_on_updates() {
    let org = Org::with(|switches| switches.assignment_rule = true).await;
    let id = org.case(subject("one")).await;
    let queue = org.host().tickets()[0]["OwnerId"].clone();
    assert!(queue.as_str().unwrap().starts_with("00G"));
    let path = format!("{BASE}/sobjects/Case/{id}");
    let kept = json!({"OwnerId": "0055g00000RiNgDAAV"});
    let request = org
        .at(Method::PATCH, &path)
        .header("Sforce-Auto-Assign", "FALSE");
    request.json(&kept).send().await.unwrap();
    assert_eq!(org.host().tickets()[0]["OwnerId"], kept["OwnerId"]);
    org.send(Method::PATCH, &path, subject("two")).await;
    assert_eq!(org.host().tickets()[0]["OwnerId"], queue);
}

#[tokio::test]
async fn comments_hang_on_their_ticket_and_need_one() {
    let org = Org::start().await;
    let id = org
        .case(json!({"Subject": "one", "Comments": "first"}))
        .await;
    let comment = json!({"ParentId": id, "CommentBody": "second"});
    assert_eq!(org.post("/sobjects/CaseComment", comment).await.0, 201);
    let post = json!({"ParentId": id, "Body": "third"});
    assert_eq!(org.post("/sobjects/FeedItem", post).await.0, 201);
    let stored = &org.host().tickets()[0];
    assert_eq!(stored["CommentList"], json!(["first", "second", "third"]));
    assert_eq!(stored["CommentCount"], 3);
    let lost = json!({"ParentId": "500000000000000AAA", "CommentBody": "x"});
    let (status, body) = org.post("/sobjects/CaseComment", lost).await;
    let expected = ("INVALID_CROSS_REFERENCE_KEY", "ParentId");
    assert_eq!((status, code(&body)), (400, expected));
}

#[tokio::test]
async fn a_deleted_ticket_is_told_apart_from_one_that_never_was() {
    let org = Org::start().await;
    let id = org.case(subject("one")).await;
    let path = format!("/sobjects/Case/{id}");
    let request = org.at(Method::DELETE, &format!("{BASE}{path}"));
    assert_eq!(request.send().await.unwrap().status(), 204);
    let (status, body) = org.patch(&path, subject("two")).await;
    assert_eq!((status, code(&body).0), (404, "ENTITY_IS_DELETED"));
    let (status, body) = org.get("/sobjects/Case/500000000000000AAA").await;
    assert_eq!((status, code(&body).0), (404, "NOT_FOUND"));
    assert!(org.host().tickets().is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let org = Org::start().await;
    let (status, body) = org.post("/sobjects/Case", json!(["Subject"])).await;
    assert_eq!((status, code(&body).0), (400, "JSON_PARSER_ERROR"));
    let (status, body) = org.post("/sobjects/Case", json!({"Subject": {}})).await;
    assert_eq!((status, code(&body).0), (400, "JSON_PARSER_ERROR"));
}

#[tokio::test]
async fn an_incident_needs_a_subject_and_a_licence() {
    let org = Org::start().await;
    let (status, body) = org.post("/sobjects/Incident", json!({})).await;
    let expected = ("REQUIRED_FIELD_MISSING", "Subject");
    assert_eq!((status, code(&body)), (400, expected));
    let path = "/sobjects/Incident/Ringdown_Id__c/rd-1";
    assert_eq!(org.patch(path, subject("one")).await.0, 201);
    assert_eq!(org.host().tickets()[0]["Priority"], "Critical");
    org.configure(|switches| switches.incident_object = false);
    assert_eq!(org.patch(path, subject("two")).await.0, 404);
}
