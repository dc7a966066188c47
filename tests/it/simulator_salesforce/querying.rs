//! SOQL: what it finds, in which order, in how many pages, and what it refuses.

use reqwest::Method;
use serde_json::{Value, json};

use crate::simulator_salesforce::org::{Org, code, read, subject};

async fn three() -> Org {
    let org = Org::start().await;
    for (text, status, key) in [
        ("Billing waits", "New", "rd-1"),
        ("Sales waits", "Closed", "rd-2"),
        ("Trunk 7 is down", "Working", ""),
    ] {
        let mut fields = json!({"Subject": text, "Status": status});
        if !key.is_empty() {
            fields["Ringdown_Id__c"] = key.into();
        }
        org.case(fields).await;
    }
    org
}

#[tokio::test]
async fn conditions_find_what_they_say() {
    let org = three().await;
    let (billing, sales, trunk) = ("Billing waits", "Sales waits", "Trunk 7 is down");
    for (condition, expected) in [
        ("Ringdown_Id__c = 'RD-1'", vec![billing]),
        ("Ringdown_Id__c = null", vec![trunk]),
        ("Ringdown_Id__c != null", vec![billing, sales]),
        ("Ringdown_Id__c != 'rd-1'", vec![sales, trunk]),
        ("Ringdown_Id__c IN ('rd-2', 'rd-9')", vec![sales]),
        ("Status NOT IN ('New', 'Working')", vec![sales]),
        ("IsClosed = false", vec![billing, trunk]),
        ("Subject LIKE '%wait_'", vec![billing, sales]),
        (
            "(NOT Subject LIKE 'trunk%') AND IsClosed = true",
            vec![sales],
        ),
        (
            "IsClosed = true AND (Status = 'New' OR Status = 'Closed')",
            vec![sales],
        ),
        (
            "CreatedDate >= 2001-01-01T00:00:00Z",
            vec![billing, sales, trunk],
        ),
        ("SystemModstamp < 2001-01-01T00:00:00.000+0000", vec![]),
    ] {
        let found = org
            .subjects(&format!("WHERE {condition} ORDER BY Subject"))
            .await;
        assert_eq!(found, expected, "{condition}");
    }
}

#[tokio::test]
async fn order_limit_and_offset_are_kept() {
    let org = three().await;
    let found = org.subjects("ORDER BY Subject DESC LIMIT 1 OFFSET 1").await;
    assert_eq!(found, ["Sales waits"]);
    let found = org
        .subjects("ORDER BY Ringdown_Id__c ASC NULLS LAST, Subject")
        .await;
    assert_eq!(found.last().unwrap(), "Trunk 7 is down");
}

#[tokio::test]
async fn counts_come_as_total_or_as_an_aggregate() {
    let org = three().await;
    let (_, body) = org
        .query("SELECT COUNT() FROM Case WHERE IsClosed = false")
        .await;
    assert_eq!(body, json!({"totalSize": 2, "done": true, "records": []}));
    let (_, body) = org.query("SELECT COUNT(Ringdown_Id__c) FROM Case").await;
    assert_eq!(body["records"][0]["expr0"], 2);
}

#[tokio::test]
async fn a_long_answer_comes_in_pages_by_a_path() {
    let org = three().await;
    org.configure(|switches| switches.query_page = 2);
    let (_, first) = org.query("SELECT Id FROM Case").await;
    assert_eq!(
        (&first["totalSize"], &first["done"]),
        (&json!(3), &json!(false))
    );
    let next = first["nextRecordsUrl"].as_str().unwrap();
    assert!(next.starts_with("/services/data/v64.0/query/"));
    let second = org.at(Method::GET, next).send().await.unwrap();
    let (_, second) = read(second).await;
    assert_eq!(second["done"], true);
    assert_eq!(second["records"].as_array().unwrap().len(), 1);
    assert_eq!(second.get("nextRecordsUrl"), None);
}

#[tokio::test]
async fn deleted_rows_are_found_by_query_all_only() {
    let org = three().await;
    let id = org.host().tickets()[0]["Id"].clone();
    let path = format!(
        "/services/data/v64.0/sobjects/Case/{}",
        id.as_str().unwrap()
    );
    org.at(Method::DELETE, &path).send().await.unwrap();
    let soql = "SELECT Id, IsDeleted FROM Case WHERE Ringdown_Id__c = 'rd-1'";
    assert_eq!(org.query(soql).await.1["totalSize"], 0);
    let request = org.at(Method::GET, "/services/data/v64.0/queryAll");
    let (_, body) = read(request.query(&[("q", soql)]).send().await.unwrap()).await;
    assert_eq!(body["records"][0]["IsDeleted"], true);
}

#[tokio::test]
async fn closed_statuses_can_be_learnt() {
    let org = Org::start().await;
    let soql = "SELECT ApiName, IsClosed, IsDefault FROM CaseStatus ORDER BY SortOrder";
    let (_, body) = org.query(soql).await;
    let closed: Vec<&Value> = body["records"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|status| status["IsClosed"] == true)
        .map(|status| &status["ApiName"])
        .collect();
    assert_eq!(closed, ["Closed"]);
    assert_eq!(body["records"][0]["IsDefault"], true);
}

#[tokio::test]
async fn comments_are_found_by_their_ticket() {
    let org = three().await;
    let id = org.host().tickets()[2]["Id"].clone();
    let comment = json!({"ParentId": id, "CommentBody": "[ref 1a] still down"});
    org.post("/sobjects/CaseComment", comment).await;
    let soql = format!(
        "SELECT Id FROM CaseComment WHERE ParentId = '{}' AND CommentBody LIKE '%[ref 1a]%'",
        id.as_str().unwrap()
    );
    assert_eq!(org.query(&soql).await.1["totalSize"], 1);
}

#[tokio::test]
async fn bad_queries_are_refused_each_by_its_code() {
    let org = Org::with(|switches| switches.hidden_fields = vec!["Origin".into()]).await;
    org.case(subject("one")).await;
    for (soql, expected) in [
        ("SELECT FROM Case", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Case WHERE Subject = 'it's'",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Case LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Origin FROM Case", "INVALID_FIELD"),
        (
            "SELECT Id FROM Case WHERE Nowhere__c = 'x'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Case WHERE CreatedDate > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Case WHERE IsClosed = 'false'",
            "INVALID_FIELD",
        ),
    ] {
        let (status, body) = org.query(soql).await;
        assert_eq!((status, code(&body).0), (400, expected), "{soql}");
    }
    let (status, body) = org.get("/query/01g000000000000AAA-2000").await;
    assert_eq!((status, code(&body).0), (400, "INVALID_QUERY_LOCATOR"));
}
