//! What instances, and things in front of them, have answered to creates in the field: one test for
//! each case that the simulator knows by name, from its begin to what comes after its end.

use std::time::Duration;

use ringdown::domain::failure::{
    Failure, FailureClass, FailureKind, FailureScope, Remedy, ResolvedBy, class,
};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::simulator::{Fault, Trigger};
use ringdown::targets::Crm;
use serde_json::json;

use crate::servicenow::cases::{fields, key, note, object, resolution};
use crate::servicenow::simulator::Pair;

const IN_FRONT: FailureClass = class(FailureScope::Network, ResolvedBy::Time);
pub(crate) const OF_OUR_USER: FailureClass = class(FailureScope::User, ResolvedBy::PersonInCrm);
const OF_OUR_SETTINGS: FailureClass = class(
    FailureScope::Configuration,
    ResolvedBy::PersonInConfiguration,
);

impl Pair {
    pub(crate) fn begin(&self, case: &str) {
        self.host().add_fault(Fault::case(case, Trigger::Always));
    }

    async fn refused_create(&self, case: &str) -> Failure {
        self.begin(case);
        self.client.create(&key(), &fields()).await.unwrap_err()
    }

    /// The case has ended: the ticket is created, once.
    async fn end(&self) {
        self.host().clear_faults();
        // A refused password is not sent again for a minute.
        self.clock.advance(Duration::from_secs(60));
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

    pub(crate) async fn ticket(&self) -> String {
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
        let old = TicketKey::of_incident(&IncidentId::new("old"));
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
    let other = TicketKey::of_incident(&IncidentId::new("other"));
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
