//! What instances, and things in front of them, have answered in the field: one test for each case
//! that the simulator knows by name, from its begin to what comes after its end.

use std::sync::Arc;

use ringdown::clock::Clock;
use ringdown::domain::failure::{
    Failure, FailureClass, FailureKind, FailureScope, Remedy, ResolvedBy, class,
};
use ringdown::domain::ticket::TicketKey;
use ringdown::outbound::Redactor;
use ringdown::settings::{Secret, TargetAuth};
use ringdown::simulator::{CLIENT_ID, CLIENT_SECRET, Fault, PASSWORD, Trigger, USERNAME};
use ringdown::targets::{Crm, connect};
use serde_json::json;
use url::Url;

use crate::servicenow::cases::{fields, key, note, object, resolution};
use crate::servicenow::instance::{NoVault, settings};
use crate::servicenow::simulator::Pair;

const IN_FRONT: FailureClass = class(FailureScope::Network, ResolvedBy::Time);
const OF_OUR_USER: FailureClass = class(FailureScope::User, ResolvedBy::PersonInCrm);
const OF_OUR_SETTINGS: FailureClass = class(
    FailureScope::Configuration,
    ResolvedBy::PersonInConfiguration,
);

impl Pair {
    fn begin(&self, case: &str) {
        self.host().add_fault(Fault::case(case, Trigger::Always));
    }

    async fn refused_create(&self, case: &str) -> Failure {
        self.begin(case);
        self.client.create(&key(), &fields()).await.unwrap_err()
    }

    /// The case has ended: the ticket is created, once.
    async fn end(&self) {
        self.host().clear_faults();
        self.client.probe().await.unwrap();
        let ticket = match self.client.find(&key()).await.unwrap() {
            Some(ticket) => ticket,
            None => self.client.create(&key(), &fields()).await.unwrap(),
        };
        let tickets = self.host().tickets();
        let ours = tickets
            .iter()
            .filter(|row| row["correlation_id"] == key().as_str());
        assert_eq!(ours.count(), 1);
        assert!(
            tickets
                .iter()
                .any(|row| row["sys_id"] == ticket.id.as_str())
        );
    }

    async fn ticket(&self) -> String {
        self.client.create(&key(), &fields()).await.unwrap().id
    }
}

#[tokio::test]
async fn something_in_front_is_the_networks_and_the_login_is_doubted() {
    for case in ["sn-in-front-400-html", "sn-in-front-403-gateway-json"] {
        let pair = Pair::start().await;
        let failure = pair.refused_create(case).await;
        assert_eq!(failure.kind, FailureKind::NetworkFailure, "{case}");
        assert_eq!(failure.class, IN_FRONT, "{case}");
        assert_eq!(failure.remedy(), Remedy::Retry, "{case}");
        assert!(failure.doubts_login(), "{case}");
        assert!(pair.client.find(&key()).await.is_err(), "{case}");
        assert!(pair.client.probe().await.is_err(), "{case}");
        pair.end().await;
    }
}

#[tokio::test]
async fn a_proxy_that_wants_a_login_is_for_a_person_and_nothing_is_in_doubt() {
    let pair = Pair::start().await;
    let failure = pair.refused_create("sn-in-front-407-html").await;
    assert_eq!(failure.kind, FailureKind::NetworkFailure);
    let by_a_person = class(FailureScope::Network, ResolvedBy::PersonInConfiguration);
    assert_eq!(failure.class, by_a_person);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(failure.doubts_login() && !failure.outcome_unknown);
    assert!(failure.message.contains("Proxy Authentication Required"));
    pair.end().await;
}

#[tokio::test]
async fn an_empty_401_shows_its_status_and_challenge_and_warns_of_a_locked_user() {
    let pair = Pair::start().await;
    let failure = pair.refused_create("sn-401-empty").await;
    assert_eq!(failure.kind, FailureKind::AuthFailure);
    assert_eq!(failure.class, OF_OUR_USER);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert!(failure.may_lock_user, "a password was sent");
    assert!(failure.message.contains("401"));
    assert!(failure.message.contains("Basic realm=\"Service-now\""));
    pair.end().await;
}

#[tokio::test]
async fn an_api_that_is_not_there_holds_the_target_under_either_status() {
    for case in ["sn-api-not-there", "sn-api-not-there-400"] {
        let pair = Pair::start().await;
        let old = TicketKey::of_incident("old");
        let id = pair.client.create(&old, &fields()).await.unwrap().id;
        let create = pair.refused_create(case).await;
        let read = pair.client.read(&id).await.unwrap_err();
        let update = pair.client.update(&id, &note("x", json!({}))).await;
        let resolve = pair.client.resolve(&id, &resolution()).await;
        let probe = pair.client.probe().await.unwrap_err();
        let find = pair.client.find(&key()).await.unwrap_err();
        let others = [update.unwrap_err(), resolve.unwrap_err(), read, probe, find];
        for failure in others.iter().chain([&create]) {
            assert_eq!(failure.kind, FailureKind::IntegrationFailure, "{case}");
            assert_eq!(failure.class, OF_OUR_SETTINGS, "{case}");
            assert!(!failure.outcome_unknown, "{case}");
            assert!(failure.message.contains("does not represent any resource"));
        }
        pair.end().await;
    }
}

#[tokio::test]
async fn inserts_that_are_denied_to_our_user_hold_the_target_until_the_role_is_back() {
    let pair = Pair::start().await;
    let failure = pair.refused_create("sn-insert-acl-for-all").await;
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.class, OF_OUR_USER);
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(failure.code.as_deref(), Some("ACL Exception"));
    assert!(failure.message.contains("security constraints"));
    pair.end().await;
    let requests = pair.host().requests();
    let created = requests.iter().rfind(|one| one.method == "POST").unwrap();
    assert!(created.body.contains("sys_id"), "chosen ids are still sent");
}

#[tokio::test]
async fn a_rules_name_is_shown_whole() {
    let pair = Pair::start().await;
    let failure = pair.refused_create("sn-rule-name-with-apostrophe").await;
    let code = "Business Rule 'Don't allow blank caller'";
    assert_eq!(failure.code.as_deref(), Some(code));
    assert_eq!(failure.class.scope, FailureScope::Ticket);
    assert!(failure.message.contains("Don't allow blank caller"));
    assert!(!failure.outcome_unknown && !failure.refuses_value);
    pair.end().await;
}

#[tokio::test]
async fn a_unique_key_of_another_column_is_a_refusal_with_its_words() {
    let pair = Pair::start().await;
    let case = "sn-unique-key-of-another-column";
    let failure = pair.refused_create(case).await;
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.class.scope, FailureScope::Ticket);
    assert!(failure.message.contains("u_queue_unique"));
    assert!(!failure.outcome_unknown, "no record of ours is there");
    assert!(!failure.refuses_value, "no such field was sent");
    let with_field = object(json!({"short_description": "a", "u_queue": "x"}));
    let failure = pair.client.create(&key(), &with_field).await.unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("u_queue"));
    assert!(failure.refuses_value);
    pair.end().await;
}

#[tokio::test]
async fn a_ticket_that_a_firewall_rejects_waits_alone() {
    let pair = Pair::start().await;
    let case = Fault::case("sn-one-ticket-waf-200", Trigger::Always);
    pair.host().add_fault(case.on_body(key().as_str()));
    let failure = pair.client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NetworkFailure);
    assert_eq!(failure.class, IN_FRONT);
    assert_eq!(failure.remedy(), Remedy::Retry, "no pause of the target");
    assert!(failure.outcome_unknown);
    assert!(failure.message.contains("support ID"));
    let other = TicketKey::of_incident("other");
    pair.client.create(&other, &fields()).await.unwrap();
    pair.end().await;
}

#[tokio::test]
async fn a_record_with_our_id_and_our_key_is_proof_under_a_rewritten_status() {
    for mode in ["honoured", "ignored"] {
        let pair = Pair::with(json!({"sys_id_mode": mode})).await;
        pair.begin("sn-201-rewritten-200");
        let ticket = pair.client.create(&key(), &fields()).await.unwrap();
        assert_eq!(pair.host().tickets()[0]["sys_id"], ticket.id.as_str());
        assert_eq!(pair.inserts(), 1, "{mode}");
        pair.end().await;
    }
}

#[tokio::test]
async fn a_ticket_that_a_rule_closes_at_once_is_resolved() {
    let pair = Pair::start().await;
    let id = pair.ticket().await;
    pair.begin("sn-resolve-closed-at-once");
    assert_eq!(pair.client.resolve(&id, &resolution()).await, Ok(()));
    assert_eq!(pair.host().tickets()[0]["state"], "7");
    pair.host().clear_faults();
    assert_eq!(pair.client.resolve(&id, &resolution()).await, Ok(()));
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
        assert_eq!(pair.client.resolve(&id, &resolution()).await, Ok(()));
        assert_eq!(pair.host().tickets()[0]["state"], "6");
        pair.host().clear_faults();
        assert_eq!(pair.client.update(&id, &comment).await, Ok(()));
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
    connect("servicenow", &settings, vault, &redactor, &Clock::System).unwrap()
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
        assert_eq!(client.probe().await, Ok(()));
    }
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
