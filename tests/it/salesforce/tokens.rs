//! Tokens: one login for many requests, renewed once when refused, rotated without loss.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ringdown::clock::Clock;
use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::salesforce::world::{CLIENT_CREDENTIALS, REFRESH_TOKEN, World, change, fields, key};

const PASSWORD: &str = r#"flow = "password"
client_id = "ringdown"
client_secret = { env = "CLIENT_SECRET" }
username = "ringdown"
password = "not-the-password""#;

const UNIQUE: &str = "external_id_field = \"Ringdown_Id__c\"";

#[tokio::test]
async fn g9_one_login_serves_every_request() {
    let world = World::new().await;
    let client = world.client();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    for marker in ["ref 1", "ref 2", "ref 3"] {
        client
            .update(&ticket.id, &change(marker, None))
            .await
            .unwrap();
    }
    assert_eq!(world.simulator.salesforce().token_calls(), 1);
}

#[tokio::test]
async fn g21_an_expired_token_is_renewed_once_for_all_requests_under_way() {
    let world = World::new().await;
    let client = world.client();
    client.probe().await.unwrap();
    let before = world.simulator.salesforce().token_calls();
    reqwest::Client::new()
        .post(format!(
            "{}/_sim/expire-tokens",
            world.simulator.salesforce().base_url()
        ))
        .send()
        .await
        .unwrap();
    let calls = (0..20).map(|_| client.probe());
    for result in futures::future::join_all(calls).await {
        result.unwrap();
    }
    assert_eq!(world.simulator.salesforce().token_calls(), before + 1);
}

#[tokio::test]
async fn g21_a_refused_login_is_an_auth_failure_that_holds_the_target() {
    let world = World::new().await;
    let client = world.client_with(UNIQUE, CLIENT_CREDENTIALS, "wrong-secret");
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(!failure.outcome_unknown);
    assert!(!failure.to_string().contains("wrong-secret"));
    assert_eq!(client.token_status().failed_renewals, 1);
}

#[tokio::test]
async fn a_refused_password_is_sent_once_in_a_minute_whoever_needs_a_token() {
    let mut world = World::new().await;
    world.clock = Clock::manual(Clock::System.now());
    let secret = ringdown::simulator::CLIENT_SECRET;
    let client = world.client_with(UNIQUE, PASSWORD, secret);
    for expected in [1, 2] {
        for _ in 0..2 {
            let calls = (0..20).map(|_| client.probe());
            for result in futures::future::join_all(calls).await {
                assert!(result.unwrap_err().may_lock_user);
            }
        }
        assert_eq!(world.simulator.salesforce().token_calls(), expected);
        assert_eq!(client.token_status().failed_renewals, expected as u64);
        world.clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn a_session_that_stays_refused_makes_no_login_loop() {
    let world = World::new().await;
    let client = world.client();
    client.probe().await.unwrap();
    world
        .simulator
        .salesforce()
        .add_fault(Fault::new(FaultKind::Unauthorized, Trigger::Always).on_path("/services/data"));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(world.simulator.salesforce().token_calls(), 2);
}

#[tokio::test]
async fn a_password_is_sent_rarely_also_where_a_page_refuses_it() {
    for status in [400, 401, 403] {
        let world = World::new().await;
        let org = world.simulator.salesforce();
        let page = FaultKind::Status {
            status,
            body: "<html>Authorization Required</html>".to_owned(),
            content_type: "text/html".to_owned(),
        };
        org.add_fault(Fault::new(page, Trigger::Always).on_path("/oauth2/token"));
        let secret = ringdown::simulator::CLIENT_SECRET;
        let client = world.client_with(UNIQUE, PASSWORD, secret);
        for _ in 0..2 {
            let failure = client.create(&key(), &fields()).await.unwrap_err();
            assert!(failure.may_lock_user, "{status}");
            assert_eq!(failure.remedy(), Remedy::HoldTarget, "{status}");
            assert!(!failure.outcome_unknown);
        }
        assert_eq!(org.token_calls(), 1, "{status}");
        // Without a password nothing can be locked: the page ends by itself.
        let client = world.client_with(UNIQUE, CLIENT_CREDENTIALS, secret);
        let failure = client.create(&key(), &fields()).await.unwrap_err();
        assert!(!failure.may_lock_user, "{status}");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_puts_nothing_in_doubt() {
    let world = World::new().await;
    let client = world.client();
    world
        .simulator
        .salesforce()
        .add_fault(Fault::new(FaultKind::Down, Trigger::Always).on_path("/oauth2/token"));
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NetworkFailure);
    assert_eq!(failure.remedy(), Remedy::Retry);
    assert!(!failure.outcome_unknown);
}

#[tokio::test]
async fn g9_a_rotated_refresh_token_survives_a_restart_and_is_kept_sealed() {
    let world = World::new().await;
    let secret = ringdown::simulator::CLIENT_SECRET;
    let client = world.client_with(UNIQUE, REFRESH_TOKEN, secret);
    client.probe().await.unwrap();
    let rotated = world.simulator.salesforce().crm().refresh_token();
    assert_ne!(rotated, ringdown::simulator::REFRESH_TOKEN);
    let kept = world.vault.kept.lock().unwrap()["salesforce"].clone();
    let clear = kept
        .windows(rotated.len())
        .any(|window| window == rotated.as_bytes());
    assert!(!clear, "the database must not hold the token in clear");

    let restarted = world.client_with(UNIQUE, REFRESH_TOKEN, secret);
    restarted.probe().await.unwrap();
}

#[tokio::test]
async fn a_rotated_token_that_cannot_be_kept_is_not_used() {
    let world = World::new().await;
    let client = world.client_with(UNIQUE, REFRESH_TOKEN, ringdown::simulator::CLIENT_SECRET);
    world.vault.broken.store(true, Ordering::SeqCst);
    let failure = client.probe().await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::Retry);
    assert!(failure.message.contains("disk full"));
    let data_calls = world
        .simulator
        .salesforce()
        .requests()
        .iter()
        .filter(|request| request.path.starts_with("/services/data"))
        .count();
    assert_eq!(data_calls, 0);
}

#[tokio::test]
async fn a_revoked_refresh_token_is_an_auth_failure() {
    let world = World::new().await;
    let secret = ringdown::simulator::CLIENT_SECRET;
    world
        .client_with(UNIQUE, REFRESH_TOKEN, secret)
        .probe()
        .await
        .unwrap();
    world.vault.kept.lock().unwrap().clear();
    let failure = world
        .client_with(UNIQUE, REFRESH_TOKEN, secret)
        .probe()
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert!(failure.message.contains("expired access/refresh token"));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_in_doubt() {
    let world = World::new().await;
    let client = world.client();
    client.probe().await.unwrap();
    world.simulator.salesforce().add_fault(
        Fault::new(
            FaultKind::Slow {
                milliseconds: 10_000,
            },
            Trigger::Next { count: 1 },
        )
        .on_method("PATCH"),
    );
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert!(
        world
            .simulator
            .salesforce()
            .wait_for_tickets(1, Duration::from_secs(5))
            .await
    );
    assert!(client.find(&key()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_tls_failure_is_a_network_failure_that_sent_nothing() {
    let world = World::new().await;
    let plain = world.simulator.salesforce().base_url();
    let client = world.client_at(
        &plain.replace("http://", "https://"),
        UNIQUE,
        CLIENT_CREDENTIALS,
        ringdown::simulator::CLIENT_SECRET,
    );
    let failure = client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NetworkFailure);
    assert!(!failure.outcome_unknown);
}
