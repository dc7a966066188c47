//! Faults, in ServiceNow's words.

use ringdown::simulator::FaultKind;
use serde_json::json;

use crate::simulator_servicenow::instance::{CHOSEN, INCIDENT, Instance, detail, id_of, read};

#[tokio::test]
async fn an_answer_cut_after_the_commit_leaves_the_record() {
    let instance = Instance::start().await;
    instance.fault(FaultKind::CutAfterCommit);
    let request = instance.http.post(instance.address(INCIDENT));
    let request = request.basic_auth("ringdown", Some("simulator-password"));
    let body = json!({"sys_id": CHOSEN});
    assert!(request.json(&body).send().await.is_err());
    assert_eq!(instance.host().tickets()[0]["sys_id"], CHOSEN);
    assert_eq!(instance.post(body).await.0, 403);
    assert_eq!(instance.host().tickets().len(), 1);
}

#[tokio::test]
async fn a_hibernating_instance_answers_200_with_its_page_on_every_route() {
    let instance = Instance::start().await;
    for path in [INCIDENT, "/oauth_token.do", "/nowhere"] {
        instance.fault(FaultKind::HtmlWith200);
        let request = instance.http.post(instance.address(path));
        let response = request.json(&json!({})).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        let page = response.text().await.unwrap();
        assert!(page.contains("class=\"instance-hibernating-page\""));
    }
    assert!(instance.host().tickets().is_empty());
}

#[tokio::test]
async fn a_rate_limit_rule_tells_its_limit_and_a_full_queue_tells_nothing() {
    let instance = Instance::start().await;
    instance.fault(FaultKind::TooManyRequests {
        retry_after: Some(1260),
    });
    let response = instance.get(INCIDENT).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1260");
    for header in ["x-ratelimit-limit", "x-ratelimit-reset", "x-ratelimit-rule"] {
        assert!(response.headers().contains_key(header));
    }
    let (status, body) = read(response).await;
    assert_eq!(
        (status, &body["error"]["message"]),
        (429, &json!("Rate limit exceeded"))
    );
    instance.fault(FaultKind::TooManyRequests { retry_after: None });
    let response = instance.get(INCIDENT).send().await.unwrap();
    assert_eq!(response.status(), 429);
    assert!(!response.headers().contains_key("retry-after"));
    assert!(!response.headers().contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn a_refusal_on_demand_is_a_data_policys_or_a_business_rules() {
    let instance = Instance::start().await;
    let refusal = |code: &str, field: Option<&str>| FaultKind::ValidationRefusal {
        code: code.to_owned(),
        message: "The following fields are mandatory: Caller".to_owned(),
        field: field.map(str::to_owned),
    };
    let by_policy = "Data Policy Exception: The following fields are mandatory: Caller";
    let by_rule = "Operation against file 'incident' was aborted by Business Rule 'Check caller^";
    for (fault, expected) in [
        (refusal("DATA_POLICY", None), by_policy),
        (refusal("any", Some("caller_id")), by_policy),
        (refusal("Check caller", None), by_rule),
    ] {
        instance.fault(fault);
        let (status, body) = instance.post(json!({})).await;
        assert_eq!(
            (status, &body["error"]["message"]),
            (403, &json!("Operation Failed"))
        );
        assert!(detail(&body).starts_with(expected));
    }
}

#[tokio::test]
async fn a_success_without_an_id_makes_no_record() {
    let instance = Instance::start().await;
    for fault in [FaultKind::OkWithoutId, FaultKind::SuccessFalse] {
        instance.fault(fault);
        assert_eq!(instance.post(json!({})).await, (201, json!({"result": {}})));
    }
    assert!(instance.host().tickets().is_empty());
}

#[tokio::test]
async fn an_expired_session_on_demand_is_a_401_in_the_words_of_its_route() {
    let instance = Instance::start().await;
    instance.fault(FaultKind::Unauthorized);
    let (status, body) = instance.post(json!({})).await;
    assert_eq!(
        (status, detail(&body)),
        (401, "Required to provide Auth information")
    );
    instance.fault(FaultKind::Unauthorized);
    let grant = [("grant_type", "client_credentials")];
    let (status, body) = instance.token(&grant).await;
    assert_eq!((status, &body["error"]), (401, &json!("server_error")));
}

#[tokio::test]
async fn the_users_lack_of_a_right_to_the_api_is_a_403_of_its_own() {
    let instance = Instance::with(json!({"api_access": false})).await;
    let (status, body) = instance.post(json!({})).await;
    assert_eq!(
        (status, detail(&body)),
        (403, "Failed API level ACL Validation")
    );
    instance.switch(json!({"api_access": true})).await;
    let (_, body) = instance.post(json!({})).await;
    assert_eq!(id_of(&body).len(), 32);
}
