//! Tokens, passwords and keys.

use ringdown::simulator::{API_KEY, PASSWORD, REFRESH_TOKEN, USERNAME};
use serde_json::{Value, json};

use crate::simulator_servicenow::instance::{INCIDENT, Instance, read};

const CLIENT_CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

fn denied() -> (u16, Value) {
    let body = json!({"error_description": "access_denied", "error": "server_error"});
    (401, body)
}

fn token_of(body: &Value) -> &str {
    body["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn a_repeated_grant_answers_the_same_token() {
    let instance = Instance::start().await;
    let (status, first) = instance.token(&CLIENT_CREDENTIALS).await;
    let (_, second) = instance.token(&CLIENT_CREDENTIALS).await;
    assert_eq!(status, 200);
    assert_eq!(first["expires_in"], 1799);
    assert_eq!(first["token_type"], "Bearer");
    assert_eq!(token_of(&first).len(), 86);
    assert_eq!(token_of(&first), token_of(&second));
    assert_eq!(instance.host().token_calls(), 2);
}

#[tokio::test]
async fn client_credentials_give_no_refresh_token_and_a_password_does() {
    let instance = Instance::start().await;
    let (_, bare) = instance.token(&CLIENT_CREDENTIALS).await;
    assert!(bare.get("refresh_token").is_none());
    let password = [
        ("grant_type", "password"),
        ("username", USERNAME),
        ("password", PASSWORD),
    ];
    let (_, full) = instance.token(&password).await;
    assert_eq!(full["refresh_token"], REFRESH_TOKEN);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", REFRESH_TOKEN),
    ];
    let (status, refreshed) = instance.token(&refresh).await;
    assert_eq!(
        (status, &refreshed["refresh_token"]),
        (200, &full["refresh_token"])
    );
}

#[tokio::test]
async fn every_refused_grant_is_answered_alike() {
    let instance = Instance::with(json!({"password_grant": false})).await;
    let password = [
        ("grant_type", "password"),
        ("username", USERNAME),
        ("password", PASSWORD),
    ];
    assert_eq!(instance.token(&password).await, denied());
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "wrong")];
    assert_eq!(instance.token(&refresh).await, denied());
    let wrong_secret = [("client_secret", "wrong"), CLIENT_CREDENTIALS[0]];
    assert_eq!(instance.token(&wrong_secret).await, denied());
}

#[tokio::test]
async fn the_token_endpoint_takes_a_form_only() {
    let instance = Instance::start().await;
    let body = json!({"grant_type": "client_credentials"});
    let address = instance.address("/oauth_token.do");
    let request = instance.http.post(address).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_expired_token_is_answered_401_until_a_new_one_is_granted() {
    let instance = Instance::start().await;
    let (_, first) = instance.token(&CLIENT_CREDENTIALS).await;
    assert_eq!(instance.status_with(token_of(&first)).await, 200);
    let expire = instance.http.post(instance.address("/_sim/expire-tokens"));
    assert_eq!(expire.send().await.unwrap().status(), 204);
    assert_eq!(instance.status_with(token_of(&first)).await, 401);
    let (_, second) = instance.token(&CLIENT_CREDENTIALS).await;
    assert_ne!(token_of(&first), token_of(&second));
    assert_eq!(instance.status_with(token_of(&second)).await, 200);
}

#[tokio::test]
async fn a_token_lives_as_long_as_the_switch_says() {
    let instance = Instance::with(json!({"token_lifetime_seconds": 0})).await;
    let (_, body) = instance.token(&CLIENT_CREDENTIALS).await;
    assert_eq!(body["expires_in"], 0);
    assert_eq!(instance.status_with(token_of(&body)).await, 401);
}

#[tokio::test]
async fn no_and_wrong_credentials_get_the_same_401() {
    let instance = Instance::start().await;
    let address = instance.address(INCIDENT);
    let expected = json!({
        "error": {
            "message": "User Not Authenticated",
            "detail": "Required to provide Auth information"
        },
        "status": "failure"
    });
    for request in [
        instance.http.get(&address),
        instance.http.get(&address).basic_auth(USERNAME, Some("no")),
        instance.http.get(&address).bearer_auth("no"),
        instance.http.get(&address).header("x-sn-apikey", "no"),
    ] {
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!(answer, (401, expected.clone()));
    }
}

#[tokio::test]
async fn a_password_and_an_api_key_are_let_in() {
    let instance = Instance::start().await;
    assert_eq!(instance.get(INCIDENT).send().await.unwrap().status(), 200);
    let with_key = instance.http.get(instance.address(INCIDENT));
    let with_key = with_key.header("x-sn-apikey", API_KEY);
    assert_eq!(with_key.send().await.unwrap().status(), 200);
    instance.switch(json!({"basic_auth": false})).await;
    assert_eq!(instance.get(INCIDENT).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn an_unknown_switch_is_refused_by_name() {
    let instance = Instance::start().await;
    let request = instance.http.post(instance.address("/_sim/switches"));
    let answer = request
        .json(&json!({"sys_id_modus": "ignored"}))
        .send()
        .await;
    let (status, body) = read(answer.unwrap()).await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("sys_id_modus"));
}

#[tokio::test]
async fn what_an_administrator_has_laid_down_is_listed_as_it_is_enforced() {
    let instance = Instance::with(json!({
        "may_create": false, "data_policy_fields": ["caller_id"],
    }))
    .await;
    let list = async |path: &str| {
        let path = format!("/api/now/v2/table/{path}");
        let answer = instance.get(&path).send().await.unwrap();
        read(answer).await.1["result"].clone()
    };
    let roles = "sys_security_acl_role?sysparm_query=sys_security_acl.name=incident\
                 &sysparm_fields=sys_security_acl,sys_user_role.name";
    let wanted = list(roles).await;
    let named = |role: &str| {
        let rows = wanted.as_array().unwrap().iter();
        rows.filter(|row| row["sys_user_role.name"] == role).count()
    };
    assert_eq!((named("itil_admin"), named("itil")), (1, 2), "{wanted}");
    let policy = "sys_data_policy_rule?sysparm_query=field=caller_id\
                  &sysparm_fields=mandatory,sys_data_policy.conditions";
    let expected = json!([{"mandatory": "true", "sys_data_policy.conditions": ""}]);
    assert_eq!(list(policy).await, expected);
    let ours = "sys_user?sysparm_query=sys_id=javascript:gs.getUserID()&sysparm_fields=user_name";
    assert_eq!(list(ours).await, json!([{"user_name": USERNAME}]));
    instance
        .switch(json!({"unreadable_tables": ["sys_data_policy_rule"]}))
        .await;
    assert_eq!(list(policy).await, json!([]));
}
