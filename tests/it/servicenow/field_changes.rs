//! What instances have answered to changes and logins in the field, by the simulator's names.

use std::sync::Arc;
use std::time::Duration;

use ringdown::domain::allowance::Shortage;
use ringdown::domain::failure::{FailureKind, FailureScope, Remedy};
use ringdown::domain::identity::TargetName;
use ringdown::outbound::Redactor;
use ringdown::settings::{Secret, TargetAuth};
use ringdown::simulator::{CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME};
use ringdown::targets::{Crm, connect};
use serde_json::json;
use url::Url;

use crate::servicenow::cases::{fields, key, note, resolution};
use crate::servicenow::field_cases::OF_OUR_USER;
use crate::servicenow::instance::{NoVault, settings};
use crate::servicenow::simulator::Pair;

#[tokio::test]
async fn a_ticket_that_a_rule_closes_at_once_is_resolved() {
    let pair = Pair::start().await;
    let id = pair.ticket().await;
    pair.begin("sn-resolve-closed-at-once");
    pair.client.resolve(&id, &resolution()).await.unwrap();
    assert_eq!(pair.host().tickets()[0]["state"], "7");
    pair.host().clear_faults();
    pair.client.resolve(&id, &resolution()).await.unwrap();
}

#[tokio::test]
async fn a_comment_that_was_not_kept_is_not_delivered_and_keeps_no_resolution_waiting() {
    for restarted in [false, true] {
        let mut pair = Pair::start().await;
        let id = pair.ticket().await;
        if restarted {
            pair.restart();
        }
        pair.begin("sn-note-dropped");
        let comment = note("Still waiting.", json!({}));
        let failure = pair.client.update(&id, &comment).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::IntegrationFailure);
        assert_eq!(failure.class.scope, FailureScope::Ticket);
        assert_eq!(failure.remedy(), Remedy::GiveUp);
        assert_eq!(failure.field.as_deref(), Some("work_notes"));
        assert!(failure.message.contains(&id), "what to look at");
        pair.client.resolve(&id, &resolution()).await.unwrap();
        assert_eq!(pair.host().tickets()[0]["state"], "6");
        pair.host().clear_faults();
        pair.client.update(&id, &comment).await.unwrap();
        assert_eq!(pair.host().tickets()[0]["work_notes_count"], 1);
    }
}

#[tokio::test]
async fn a_comment_that_is_kept_costs_one_request() {
    let pair = Pair::start().await;
    let id = pair.ticket().await;
    let before = pair.host().requests().len();
    for text in ["one", "two"] {
        pair.client
            .update(&id, &note(text, json!({})))
            .await
            .unwrap();
    }
    assert_eq!(pair.host().requests().len(), before + 2);
}

#[tokio::test]
async fn a_journal_that_is_too_long_is_asked_newest_first_or_given_up() {
    let pair = Pair::start().await;
    let id = pair.ticket().await;
    let comment = note("Still waiting.", json!({}));
    pair.client.update(&id, &comment).await.unwrap();
    pair.begin("sn-journal-over-2MiB");
    let failure = pair.client.has_comment(&id, "[ref 3f9a]").await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::GiveUp, "it ends");
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert!(failure.message.contains("cannot be told"));
    assert!(failure.outcome_unknown);
    pair.switch(json!({"may_read_journal": true})).await;
    assert_eq!(pair.client.has_comment(&id, "[ref 3f9a]").await, Ok(true));
    assert_eq!(pair.client.has_comment(&id, "[ref none]").await, Ok(false));
}

/// A client that logs in by OAuth: as an application, or with a user's password.
fn client_by(pair: &Pair, with_password: bool) -> Arc<dyn Crm> {
    let token_url = Url::parse(&format!("{}/oauth_token.do", pair.host().base_url())).unwrap();
    let (client_id, client_secret) = (CLIENT_ID.to_owned(), Secret::new(CLIENT_SECRET));
    let auth = match with_password {
        false => TargetAuth::ClientCredentials {
            token_url,
            client_id,
            client_secret,
            scope: None,
        },
        true => TargetAuth::Password {
            token_url,
            client_id,
            client_secret,
            username: USERNAME.to_owned(),
            password: Secret::new(PASSWORD),
        },
    };
    let base = Url::parse(&pair.host().base_url()).unwrap();
    let (vault, redactor) = (Arc::new(NoVault), Redactor::default());
    let settings = settings(&base, auth);
    connect(
        &TargetName::new("servicenow"),
        &settings,
        vault,
        &redactor,
        &pair.clock,
    )
    .unwrap()
}

#[tokio::test]
async fn a_refused_login_is_an_auth_failure_in_the_words_of_the_table_api() {
    let pair = Pair::start().await;
    for with_password in [false, true] {
        let client = client_by(&pair, with_password);
        pair.begin("sn-token-401-table-shape");
        let failure = client.probe().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::AuthFailure);
        assert_eq!(failure.class, OF_OUR_USER);
        assert_eq!(failure.remedy(), Remedy::HoldTarget);
        assert_eq!(failure.may_lock_user, with_password);
        let words = "Required to provide Auth information";
        assert!(failure.message.contains(words), "{failure}");
        pair.host().clear_faults();
        pair.clock.advance(Duration::from_secs(60));
        assert_eq!(client.probe().await, Ok(()));
    }
}

#[tokio::test]
async fn the_calls_of_one_client_send_a_refused_password_once_in_a_minute() {
    let pair = Pair::start().await;
    let (by_token, by_basic) = (client_by(&pair, true), &pair.client);
    let logins = || {
        let requests = pair.host().requests();
        let is_login = |path: &str| path == "/oauth_token.do";
        let tokens = requests.iter().filter(|one| is_login(&one.path)).count();
        (tokens, requests.len() - tokens)
    };
    pair.begin("sn-token-401-table-shape");
    pair.begin("sn-401-empty");
    let clients: [&dyn Crm; 2] = [by_token.as_ref(), by_basic];
    for expected in [(1, 1), (2, 2)] {
        for client in clients {
            let calls = (0..20).map(|_| client.probe());
            for result in futures::future::join_all(calls).await {
                let failure = result.unwrap_err();
                assert_eq!(failure.kind, FailureKind::AuthFailure);
                assert!(failure.may_lock_user);
            }
            assert!(client.probe().await.is_err(), "and one that comes later");
        }
        assert_eq!(logins(), expected);
        pair.clock.advance(Duration::from_secs(60));
    }
    pair.host().clear_faults();
    for client in clients {
        client.probe().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_rate_limit_rule_leaves_is_known_until_its_reset() {
    let pair = Pair::start().await;
    pair.client.probe().await.unwrap();
    assert_eq!(pair.client.allowance(), None);
    let now = pair.clock.now();
    let reset = now.as_millis() / 1000 + 60;
    let rule = json!({"limit": 1000, "remaining": 40, "reset": reset});
    pair.switch(json!({"rate_limit": rule})).await;
    pair.client.probe().await.unwrap();
    let allowance = pair.client.allowance().unwrap();
    assert_eq!((allowance.left, allowance.limit), (40, 1000));
    assert_eq!(allowance.shortage(now), Shortage::LastReserve);
    let later = now.plus(Duration::from_secs(60));
    assert_eq!(allowance.shortage(later), Shortage::None);
}

#[tokio::test]
async fn a_byte_order_mark_changes_no_meaning() {
    let pair = Pair::start().await;
    let client = client_by(&pair, false);
    pair.begin("sn-success-bom");
    client.probe().await.unwrap();
    let ticket = client.create(&key(), &fields()).await.unwrap();
    let found = client.find(&key()).await.unwrap().unwrap();
    assert_eq!(found.id, ticket.id);
    let comment = note("Still waiting.", json!({}));
    client.update(&ticket.id, &comment).await.unwrap();
    client.resolve(&ticket.id, &resolution()).await.unwrap();
    assert_eq!(pair.host().tickets()[0]["state"], "6");
    assert_eq!(pair.inserts(), 2, "a login and a create");
}
