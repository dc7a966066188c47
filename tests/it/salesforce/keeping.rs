//! What becomes of tokens when the store fails, callers leave, replicas take turns, or the
//! login endpoint says something unexpected.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::simulator::{CLIENT_SECRET, Fault, FaultKind, Trigger};

use crate::salesforce::world::{CLIENT_CREDENTIALS, REFRESH_TOKEN, World, fields, key};

const UNIQUE: &str = "external_id_field = \"Ringdown_Id__c\"";
const ONCE: Trigger = Trigger::Next { count: 1 };

fn answer(status: u16, body: &str) -> FaultKind {
    FaultKind::Status {
        status,
        body: body.to_owned(),
        content_type: "application/json".to_owned(),
    }
}

fn data_calls(world: &World) -> usize {
    let requests = world.simulator.salesforce().requests();
    let is_data = |path: &str| path.starts_with("/services/data");
    requests.iter().filter(|r| is_data(&r.path)).count()
}

#[tokio::test]
async fn g9_a_rotated_token_that_could_not_be_kept_is_kept_before_the_next_use() {
    let world = World::new().await;
    let client = world.client_with(UNIQUE, REFRESH_TOKEN, CLIENT_SECRET);
    world.vault.broken.store(true, Ordering::SeqCst);
    client.probe().await.unwrap_err();
    client.probe().await.unwrap_err();
    assert_eq!(world.simulator.salesforce().token_calls(), 1);
    world.vault.broken.store(false, Ordering::SeqCst);
    client.probe().await.unwrap();
    let restarted = world.client_with(UNIQUE, REFRESH_TOKEN, CLIENT_SECRET);
    restarted.probe().await.unwrap();
}

#[tokio::test]
async fn g9_a_rotation_is_finished_although_whoever_asked_for_it_has_left() {
    let world = World::new().await;
    let slow = FaultKind::Slow { milliseconds: 200 };
    let fault = Fault::new(slow, ONCE).on_path("/oauth2/token");
    world.simulator.salesforce().add_fault(fault);
    let client = world.client_with(UNIQUE, REFRESH_TOKEN, CLIENT_SECRET);
    let left = tokio::time::timeout(Duration::from_millis(50), client.probe()).await;
    assert!(left.is_err(), "the probe was meant to be left alone");
    client.probe().await.unwrap();
    let restarted = world.client_with(UNIQUE, REFRESH_TOKEN, CLIENT_SECRET);
    restarted.probe().await.unwrap();
}

#[tokio::test]
async fn g9_replicas_go_on_with_the_token_that_the_other_one_kept() {
    let world = World::new().await;
    let replicas = [(), ()].map(|()| world.client_with(UNIQUE, REFRESH_TOKEN, CLIENT_SECRET));
    for _ in 0..3 {
        for replica in &replicas {
            world.expire_tokens().await;
            replica.probe().await.unwrap();
        }
    }
}

#[tokio::test]
async fn everybody_who_waits_for_a_token_shares_the_failure_too() {
    let world = World::new().await;
    let down = Fault::new(answer(503, ""), Trigger::Always).on_path("/oauth2/token");
    world.simulator.salesforce().add_fault(down);
    let client = world.client();
    for result in futures::future::join_all((0..20).map(|_| client.probe())).await {
        assert_eq!(result.unwrap_err().kind, FailureKind::NetworkFailure);
    }
    assert_eq!(world.simulator.salesforce().token_calls(), 1);
}

#[tokio::test]
async fn a_renewal_that_gave_the_same_token_again_is_not_repeated_by_who_was_refused_late() {
    let world = World::new().await;
    let org = world.simulator.salesforce();
    let same = answer(200, r#"{"access_token":"refused","token_type":"Bearer"}"#);
    org.add_fault(Fault::new(same, Trigger::Always).on_path("/oauth2/token"));
    let late = FaultKind::Slow { milliseconds: 500 };
    org.add_fault(Fault::new(late, ONCE).on_path("/services/data"));
    let client = world.client();
    for result in futures::future::join_all([client.probe(), client.probe()]).await {
        assert_eq!(result.unwrap_err().kind, FailureKind::AuthFailure);
    }
    assert_eq!(org.token_calls(), 2);
}

#[tokio::test]
async fn too_many_logins_pause_the_target() {
    let world = World::new().await;
    let body = r#"{"error":"invalid_grant","error_description":"login rate exceeded"}"#;
    let fault = Fault::new(answer(400, body), ONCE).on_path("/oauth2/token");
    world.simulator.salesforce().add_fault(fault);
    let failure = world.client().probe().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::RateLimited);
    assert!(matches!(failure.remedy(), Remedy::PauseTarget(Some(pause)) if pause.as_secs() >= 60));
}

#[tokio::test]
async fn a_token_is_never_sent_to_an_address_that_is_not_the_crms() {
    let world = World::new().await;
    let body = r#"{"access_token":"t0ken","instance_url":"https://salesforce.com.evil.example"}"#;
    let fault = Fault::new(answer(200, body), ONCE).on_path("/oauth2/token");
    world.simulator.salesforce().add_fault(fault);
    let failure = world.client().probe().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert!(
        failure
            .message
            .contains("https://salesforce.com.evil.example")
    );
    assert!(!failure.to_string().contains("t0ken"));
    assert_eq!(data_calls(&world), 0);
}

#[tokio::test]
async fn a_refusal_that_quotes_our_secret_is_shown_without_it() {
    let world = World::new().await;
    let words = format!("client_secret {CLIENT_SECRET} is wrong");
    let body = format!(r#"{{"error":"invalid_client","error_description":"{words}"}}"#);
    let fault = Fault::new(answer(400, &body), ONCE).on_path("/oauth2/token");
    world.simulator.salesforce().add_fault(fault);
    let failure = world.client().probe().await.unwrap_err();
    assert_eq!(
        failure.message,
        "the login was refused: client_secret [secret] is wrong"
    );
}

#[tokio::test]
async fn a_session_that_may_not_use_the_api_is_not_renewed() {
    let world = World::new().await;
    let body = r#"[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]"#;
    let fault = Fault::new(answer(401, body), Trigger::Always).on_path("/services/data");
    world.simulator.salesforce().add_fault(fault);
    let failure = world.client().create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(world.simulator.salesforce().token_calls(), 1);
}

#[tokio::test]
async fn a_signed_assertion_is_a_login() {
    let world = World::new().await;
    let auth = r#"flow = "jwt_bearer"
client_id = "ringdown"
username = "ringdown"
private_key = { file = "tests/it/salesforce/keys/signing.pem" }"#;
    let client = world.client_with(UNIQUE, auth, CLIENT_SECRET);
    client.probe().await.unwrap();
    let stranger = auth.replace("username = \"ringdown\"", "username = \"stranger\"");
    let failure = world
        .client_with(UNIQUE, &stranger, CLIENT_SECRET)
        .probe()
        .await
        .unwrap_err();
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(failure.message.contains("approved"), "{}", failure.message);
}

#[tokio::test]
async fn a_name_and_a_password_are_a_login() {
    let world = World::new().await;
    let auth = r#"flow = "password"
client_id = "ringdown"
client_secret = { env = "CLIENT_SECRET" }
username = "ringdown"
password = "simulator-password""#;
    let client = world.client_with(UNIQUE, auth, CLIENT_SECRET);
    client.probe().await.unwrap();
    assert_eq!(client.token_status().renewals, 1);
}

#[tokio::test]
async fn a_token_is_obtained_only_when_it_is_needed() {
    let world = World::new().await;
    let client = world.client_with(UNIQUE, CLIENT_CREDENTIALS, CLIENT_SECRET);
    assert_eq!(client.token_status().obtained_at, None);
    assert_eq!(world.simulator.salesforce().token_calls(), 0);
}
