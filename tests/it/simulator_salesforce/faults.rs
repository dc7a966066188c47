//! Faults on demand against Salesforce's routes.

use std::time::Duration;

use reqwest::Method;
use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::json;

use crate::simulator_salesforce::org::{BASE, KEYED, Org, code, read, subject};

#[tokio::test]
async fn an_answer_cut_after_the_commit_leaves_the_row() {
    let org = Org::start().await;
    let path = format!("{BASE}{KEYED}/rd-1");
    org.fault(FaultKind::CutAfterCommit);
    let request = org.at(Method::PATCH, &path).json(&subject("one"));
    assert!(request.send().await.is_err());
    org.fault(FaultKind::ErrorAfterCommit { status: 502 });
    let request = org.at(Method::PATCH, &path).json(&subject("two"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.headers()["content-type"], "text/html;charset=UTF-8");
    assert_eq!(org.subjects("").await, ["two"]);
}

#[tokio::test]
async fn a_crm_that_is_down_does_nothing() {
    let org = Org::start().await;
    org.fault(FaultKind::Down);
    let path = format!("{BASE}{KEYED}/rd-1");
    let request = org.at(Method::PATCH, &path).json(&subject("one"));
    assert!(request.send().await.is_err());
    assert!(org.host().tickets().is_empty());
}

#[tokio::test]
async fn a_late_commit_comes_after_the_client_has_gone() {
    let org = Org::start().await;
    org.fault(FaultKind::LateCommit { milliseconds: 50 });
    let path = format!("{BASE}{KEYED}/rd-1");
    let request = org.at(Method::PATCH, &path).json(&subject("one"));
    assert!(request.send().await.is_err());
    let patience = Duration::from_secs(10);
    assert!(org.host().wait_for_tickets(1, patience).await);
}

#[tokio::test]
async fn the_two_request_limits_are_told_apart_by_the_usage_header() {
    let org = Org::start().await;
    let allowed = 1_000_000;
    org.configure(|switches| switches.daily_requests = allowed);
    for (daily, message, full) in [
        (true, "TotalRequests Limit exceeded.", true),
        (
            false,
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            false,
        ),
    ] {
        org.fault(FaultKind::RequestLimitExceeded { daily });
        let request = org.at(Method::GET, &format!("{BASE}/limits"));
        let answer = request.send().await.unwrap();
        let usage = answer.headers()["sforce-limit-info"].to_str().unwrap();
        assert_eq!(usage == format!("api-usage={allowed}/{allowed}"), full);
        let (status, body) = read(answer).await;
        assert_eq!((status, code(&body).0), (403, "REQUEST_LIMIT_EXCEEDED"));
        assert_eq!(body[0]["message"], message);
    }
}

#[tokio::test]
async fn g16_a_success_that_is_none_makes_no_row() {
    let org = Org::start().await;
    for kind in [
        FaultKind::OkWithoutId,
        FaultKind::SuccessFalse,
        FaultKind::HtmlWith200,
    ] {
        org.fault(kind.clone());
        let (status, body) = org.upsert("rd-1", subject("one")).await;
        assert!((200..300).contains(&status), "{kind:?}");
        assert!(!body["id"].is_string(), "{kind:?}");
        assert!(org.host().tickets().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn faults_hit_the_calls_they_name_as_often_as_they_say() {
    let org = Org::start().await;
    let twice = Trigger::Next { count: 2 };
    let fault = Fault::new(FaultKind::Unauthorized, twice);
    org.host().add_fault(fault.on_method("PATCH"));
    assert_eq!(org.query("SELECT Id FROM Case").await.0, 200);
    for expected in [401, 401, 201] {
        assert_eq!(org.upsert("rd-1", subject("one")).await.0, expected);
    }
    let over_http = json!({"kind": "unauthorized", "trigger": "always"});
    let (status, _) = org.send(Method::POST, "/_sim/faults", over_http).await;
    assert_eq!(status, 204);
    assert_eq!(org.upsert("rd-1", subject("two")).await.0, 401);
    let path = "/_sim/faults";
    org.at(Method::DELETE, path).send().await.unwrap();
    assert_eq!(org.upsert("rd-1", subject("two")).await.0, 200);
}

#[tokio::test]
async fn connections_can_be_refused_and_accepted_again_on_the_same_port() {
    let org = Org::start().await;
    org.case(subject("one")).await;
    org.host().refuse_connections(true);
    let address = org.host().base_url();
    let refused = async {
        loop {
            match org.http.get(&address).send().await {
                Err(error) if error.is_connect() => return,
                // The port is closed by another task, a moment later.
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused)
        .await
        .unwrap();
    org.host().refuse_connections(false);
    let accepted = async {
        while org.http.get(&address).send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), accepted)
        .await
        .unwrap();
    assert_eq!(org.host().tickets().len(), 1);
}

#[tokio::test]
async fn g13_requests_are_recorded_with_their_content_type() {
    let org = Org::start().await;
    org.upsert("rd-1", subject("one")).await;
    let last = org.host().requests().pop().unwrap();
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    assert!(last.headers.contains(&kind));
    assert_eq!((last.method.as_str(), last.status), ("PATCH", 201));
    assert!(last.at_ms > 0);
}

#[tokio::test]
async fn a_case_is_armed_by_its_name_and_affects_only_what_it_is_about() {
    let org = Org::start().await;
    let arm = async |name: &str| {
        let case = json!({"kind": "case", "name": name, "trigger": "next", "count": 1});
        org.send(Method::POST, "/_sim/faults", case).await
    };
    let (status, body) = arm("sf-nothing").await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("sf-storage-limit"));
    assert_eq!(arm("sf-read-only-maintenance").await.0, 204);
    assert_eq!(org.query("SELECT Id FROM Case").await.0, 200);
    let (status, body) = org.upsert("rd-1", subject("one")).await;
    let code = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE";
    assert_eq!((status, self::code(&body).0), (400, code));
    assert_eq!(org.upsert("rd-1", subject("one")).await.0, 201);
}

#[tokio::test]
async fn an_org_that_has_moved_names_its_new_host_with_a_token() {
    let org = Org::start().await;
    let always = Trigger::Always;
    org.host()
        .add_fault(Fault::case("sf-stale-instance-404-html", always));
    assert_eq!(org.upsert("rd-1", subject("one")).await.0, 404);
    let (_, token) = org.token(&[("grant_type", "client_credentials")]).await;
    let named = token["instance_url"].as_str().unwrap();
    assert!(named.starts_with("http://localhost:"), "{named}");
}

#[tokio::test]
async fn two_faults_take_turns_from_the_first_request_on() {
    let org = Org::start().await;
    let every_other = Trigger::Every { nth: 2 };
    let limited = FaultKind::TooManyRequests { retry_after: None };
    org.host().add_fault(Fault::new(limited, every_other));
    let absent = FaultKind::Unavailable { retry_after: None };
    org.host().add_fault(Fault::new(absent, Trigger::Always));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(org.query("SELECT Id FROM Case").await.0);
    }
    assert_eq!(statuses, [429, 503, 429, 503]);
}

#[tokio::test]
async fn a_damaged_answer_says_that_it_is_gzip() {
    let org = Org::start().await;
    org.fault(FaultKind::DamagedGzip);
    let request = org.at(Method::GET, &format!("{BASE}/limits"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.bytes().await.unwrap(), "{\"id\": \"500");
}

#[tokio::test]
async fn a_person_opens_a_ticket_at_its_address_and_ends_a_fault_by_a_button() {
    let org = Org::start().await;
    let mut case = subject("<b>one</b>");
    case["Description"] = json!("What happened");
    let id = org.case(case).await;
    let page = async |method: Method, path: &str| {
        let request = org.http.request(method, org.host().base_url() + path);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let list = page(Method::GET, "/").await.1;
    let address = format!("/lightning/r/Case/{id}/view");
    assert!(list.contains(&format!("<a href=\"{address}\">")), "{list}");
    // The button leads back to the list.
    assert_eq!(page(Method::POST, "/_sim/faults/down").await.0, 303);
    let list = page(Method::GET, "/").await.1;
    assert!(list.contains("In force"), "{list}");
    let (_, armed) = org.send(Method::GET, "/_sim/faults", json!(null)).await;
    assert_eq!(armed[0]["kind"], "down");
    let request = org.at(Method::GET, &format!("{BASE}{KEYED}/rd-1"));
    assert!(request.send().await.is_err());
    let (status, ticket) = page(Method::GET, &address).await;
    assert_eq!(status, 200, "no fault affects a page");
    assert!(ticket.contains("What happened"), "{ticket}");
    assert!(ticket.contains("&lt;b&gt;one"), "{ticket}");
    assert_eq!(page(Method::POST, "/_sim/faults/nonsense").await.0, 404);
    assert_eq!(page(Method::POST, "/_sim/faults/none").await.0, 303);
    let list = page(Method::GET, "/").await.1;
    assert!(list.contains("None is in force"), "{list}");
}
