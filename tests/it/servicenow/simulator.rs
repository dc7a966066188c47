//! The client against the simulated instance: how many records there are in the end.

use std::time::Duration;

use ringdown::clock::Clock;
use ringdown::domain::failure::{FailureKind, Remedy};
use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::TicketKey;
use ringdown::settings::{Secret, TargetAuth};
use ringdown::simulator::{
    self, Fault, FaultKind, Host, PASSWORD, Simulator, SimulatorSettings, Trigger, USERNAME,
};
use ringdown::targets::{Crm, ServiceNow};
use serde_json::{Value, json};
use url::Url;

use crate::servicenow::cases::{fields, key, note, object, resolution};
use crate::servicenow::instance::client_at;

/// A simulated instance and a client for it that logs in with a password.
pub(crate) struct Pair {
    simulator: Simulator,
    pub(crate) client: ServiceNow,
    pub(crate) clock: Clock,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        let simulator = simulator::start(SimulatorSettings::default())
            .await
            .unwrap();
        let clock = Clock::manual(Clock::System.now());
        let client = client_of(&simulator, &clock);
        Self {
            simulator,
            client,
            clock,
        }
    }

    pub(crate) async fn with(switches: Value) -> Self {
        let pair = Self::start().await;
        pair.switch(switches).await;
        pair
    }

    pub(crate) fn host(&self) -> &Host<simulator::ServiceNow> {
        self.simulator.servicenow()
    }

    /// The same client after a restart: it has forgotten everything.
    pub(crate) fn restart(&mut self) {
        self.client = client_of(&self.simulator, &self.clock);
    }

    pub(crate) async fn switch(&self, switches: Value) {
        self.sim("switches", switches).await;
    }

    /// Changes a ticket as an agent does at the screen.
    async fn by_hand(&self, ticket_id: &str, fields: Value) {
        self.sim(&format!("tickets/{ticket_id}"), fields).await;
    }

    async fn sim(&self, path: &str, body: Value) {
        let address = format!("{}/_sim/{path}", self.host().base_url());
        let request = reqwest::Client::new().post(address).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }

    fn fault_next_insert(&self, kind: FaultKind) {
        let fault = Fault::new(kind, Trigger::Next { count: 1 });
        self.host().add_fault(fault.on_method("POST"));
    }

    pub(crate) fn inserts(&self) -> usize {
        let requests = self.host().requests();
        requests.iter().filter(|one| one.method == "POST").count()
    }
}

fn client_of(simulator: &Simulator, clock: &Clock) -> ServiceNow {
    let base = Url::parse(&simulator.servicenow().base_url()).unwrap();
    let auth = TargetAuth::Basic {
        username: USERNAME.to_owned(),
        password: Secret::new(PASSWORD),
    };
    client_at(&base, auth, clock)
}

#[tokio::test]
async fn a_ticket_stands_in_the_instance_as_it_was_sent() {
    let pair = Pair::start().await;
    let fields = object(json!({
        "short_description": "Billing Tier 1: long wait", "urgency": "1", "impact": "2",
        "assignment_group": "Telephony Operations",
    }));
    let ticket = pair.client.create(&key(), &fields).await.unwrap();
    let tickets = pair.host().tickets();
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0]["sys_id"], ticket.id.as_str());
    assert_eq!(tickets[0]["number"].as_str(), ticket.number.as_deref());
    assert_eq!(tickets[0]["correlation_id"], key().as_str());
    assert_eq!(tickets[0]["priority"], "2");
    assert_ne!(tickets[0]["assignment_group"], "");
}

#[tokio::test]
async fn a_repeated_create_makes_no_second_ticket() {
    let mut pair = Pair::start().await;
    let first = pair.client.create(&key(), &fields()).await.unwrap();
    let second = pair.client.create(&key(), &fields()).await.unwrap();
    pair.restart();
    let third = pair.client.create(&key(), &fields()).await.unwrap();
    assert_eq!((&first.id, &second.id), (&second.id, &third.id));
    assert_eq!(pair.host().tickets().len(), 1);
    assert_eq!(pair.inserts(), 3);
}

#[tokio::test]
async fn a_ticket_whose_answer_was_lost_is_found() {
    for fault in [
        FaultKind::CutAfterCommit,
        FaultKind::ErrorAfterCommit { status: 502 },
    ] {
        let pair = Pair::start().await;
        pair.fault_next_insert(fault);
        let failure = pair.client.create(&key(), &fields()).await.unwrap_err();
        assert!(failure.outcome_unknown);
        let found = pair.client.find(&key()).await.unwrap().unwrap();
        assert_eq!(pair.host().tickets()[0]["sys_id"], found.id.as_str());
        let again = pair.client.create(&key(), &fields()).await.unwrap();
        assert_eq!(again.id, found.id);
        assert_eq!(pair.host().tickets().len(), 1);
    }
}

#[tokio::test]
async fn an_insert_that_is_committed_late_makes_no_second_ticket() {
    let pair = Pair::start().await;
    let other = TicketKey::of_incident(&IncidentId::new("other"));
    pair.client.create(&other, &fields()).await.unwrap();
    let late = FaultKind::LateCommit { milliseconds: 300 };
    pair.fault_next_insert(late);
    let failure = pair.client.create(&key(), &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(pair.client.find(&key()).await, Ok(None));
    let ticket = pair.client.create(&key(), &fields()).await.unwrap();
    let unknown = pair.host().wait_for_tickets(3, Duration::from_secs(1));
    assert!(!unknown.await);
    let found = pair.client.find(&key()).await.unwrap().unwrap();
    assert_eq!(found.id, ticket.id);
}

#[tokio::test]
async fn an_instance_that_ignores_our_ids_still_has_one_ticket_for_a_key() {
    let mut pair = Pair::with(json!({"sys_id_mode": "ignored"})).await;
    let first = pair.client.create(&key(), &fields()).await.unwrap();
    let lost = TicketKey::of_incident(&IncidentId::new("lost"));
    pair.fault_next_insert(FaultKind::CutAfterCommit);
    let failure = pair.client.create(&lost, &fields()).await.unwrap_err();
    assert!(failure.outcome_unknown);
    assert_eq!(failure.settle_after, Duration::from_secs(60));
    pair.restart();
    let found = pair.client.find(&lost).await.unwrap().unwrap();
    assert_ne!(found.id, first.id);
    assert_eq!(pair.host().tickets().len(), 2);
}

#[tokio::test]
async fn an_instance_that_forbids_our_ids_gets_tickets_without_them() {
    let pair = Pair::with(json!({"sys_id_mode": "forbidden"})).await;
    let ticket = pair.client.create(&key(), &fields()).await.unwrap();
    let tickets = pair.host().tickets();
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0]["correlation_id"], key().as_str());
    let found = pair.client.find(&key()).await.unwrap().unwrap();
    assert_eq!(found.id, ticket.id);
    let before = pair.inserts();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    pair.client.create(&second, &fields()).await.unwrap();
    assert_eq!(pair.inserts(), before + 1);
}

/// The worker stores what is not known any more before the next attempt.
#[tokio::test]
async fn an_instance_that_forbids_our_ids_after_it_took_them_gets_none_without_before_that_is_known()
 {
    let pair = Pair::with(json!({})).await;
    pair.client.create(&key(), &fields()).await.unwrap();
    assert!(pair.client.learnt().is_some());
    pair.host()
        .switch(&json!({"sys_id_mode": "forbidden"}))
        .unwrap();
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    let failure = pair.client.create(&second, &fields()).await.unwrap_err();
    assert!(!failure.outcome_unknown);
    assert!(matches!(failure.remedy(), Remedy::Retry), "{failure}");
    assert_eq!(pair.host().tickets().len(), 1);
    assert_eq!(pair.client.learnt(), None);
    assert_eq!(pair.client.runs_for().create, Duration::from_secs(60));
    pair.client.create(&second, &fields()).await.unwrap();
    assert_eq!(pair.host().tickets().len(), 2);
}

#[tokio::test]
async fn a_403_behind_a_committed_insert_is_a_ticket() {
    let pair = Pair::with(json!({"read_denied_after_create": true})).await;
    let ticket = pair.client.create(&key(), &fields()).await.unwrap();
    let tickets = pair.host().tickets();
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0]["sys_id"], ticket.id.as_str());
}

#[tokio::test]
async fn g16_success_without_a_ticket_is_not_success() {
    for fault in [FaultKind::OkWithoutId, FaultKind::HtmlWith200] {
        let pair = Pair::start().await;
        pair.fault_next_insert(fault);
        assert!(pair.client.create(&key(), &fields()).await.is_err());
        assert_eq!(pair.client.find(&key()).await, Ok(None));
    }
}

#[tokio::test]
async fn a_refusal_names_the_rule_and_is_not_repeated() {
    let pair = Pair::with(json!({"business_rule": "Check caller"})).await;
    let failure = pair.client.create(&key(), &fields()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::IntegrationFailure);
    assert_eq!(failure.remedy(), Remedy::GiveUp);
    assert!(failure.message.contains("Check caller"));
    assert!(pair.host().tickets().is_empty());
}

#[tokio::test]
async fn a_resolved_ticket_is_resolved_in_the_instance() {
    let pair = Pair::start().await;
    let id = pair.client.create(&key(), &fields()).await.unwrap().id;
    pair.client.resolve(&id, &resolution()).await.unwrap();
    let ticket = pair.host().tickets().remove(0);
    assert_eq!(ticket["state"], "6");
    assert_eq!(ticket["close_code"], "Resolved by caller");
    assert_eq!(ticket["work_notes_count"], 1);
    pair.client.resolve(&id, &resolution()).await.unwrap();
    assert_eq!(pair.host().tickets()[0], ticket);
}

#[tokio::test]
async fn a_close_code_that_the_instance_does_not_know_is_a_failure_and_no_resolution() {
    let pair = Pair::start().await;
    let id = pair.client.create(&key(), &fields()).await.unwrap().id;
    let wrong = json!({"state": "6", "close_code": "Solved (Permanently)", "close_notes": "ok"});
    let change = note("Recovered.", wrong);
    let failure = pair.client.resolve(&id, &change).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::GiveUp);
    assert!(failure.message.contains("Resolution code"));
    assert_eq!(pair.host().tickets()[0]["state"], "1");
}

#[tokio::test]
async fn an_agents_closing_survives() {
    let pair = Pair::start().await;
    let id = pair.client.create(&key(), &fields()).await.unwrap().id;
    pair.by_hand(&id, json!({"state": "7", "close_code": "User error"}))
        .await;
    let closed = pair.host().tickets();
    assert!(pair.client.read(&id).await.unwrap().unwrap().closed);
    pair.client.resolve(&id, &resolution()).await.unwrap();
    let late = note("Still waiting.", json!({"state": "2"}));
    pair.client.update(&id, &late).await.unwrap();
    assert_eq!(pair.host().tickets(), closed);
}

#[tokio::test]
async fn a_comment_is_found_again_by_its_marker_whoever_may_read_the_journal() {
    let pair = Pair::start().await;
    let id = pair.client.create(&key(), &fields()).await.unwrap().id;
    assert_eq!(pair.client.has_comment(&id, "[ref 3f9a]").await, Ok(false));
    let comment = note("Still waiting.", json!({}));
    pair.client.update(&id, &comment).await.unwrap();
    for may in [false, true] {
        pair.switch(json!({"may_read_journal": may})).await;
        assert_eq!(pair.client.has_comment(&id, "[ref 3f9a]").await, Ok(true));
    }
    assert_eq!(pair.host().tickets()[0]["comments_list"], json!([]));
}

#[tokio::test]
async fn a_ticket_hangs_under_its_parent_in_the_instance() {
    let pair = Pair::start().await;
    let parent = pair.client.create(&key(), &fields()).await.unwrap().id;
    let second = TicketKey::of_incident(&IncidentId::new("second"));
    let child = pair.client.create(&second, &fields()).await.unwrap().id;
    pair.client.link(&child, &parent).await.unwrap();
    assert_eq!(pair.host().tickets()[1]["parent_incident"], parent.as_str());
}

#[tokio::test]
async fn strangers_that_an_unheeded_condition_brings_are_not_ours() {
    let pair = Pair::with(json!({"unqueryable_fields": ["correlation_id"]})).await;
    let other = TicketKey::of_incident(&IncidentId::new("other"));
    pair.client.create(&other, &fields()).await.unwrap();
    let strangers = pair.host().tickets();
    assert_eq!(pair.client.find(&key()).await, Ok(None));
    let ours = pair.client.create(&key(), &fields()).await.unwrap();
    assert_ne!(strangers[0]["sys_id"], ours.id.as_str());
    assert_eq!(pair.host().tickets()[0], strangers[0]);
}

#[tokio::test]
async fn where_neither_id_nor_key_can_be_looked_up_nothing_is_taken_for_absent() {
    let switches = json!({"unqueryable_fields": ["correlation_id"], "sys_id_mode": "ignored"});
    let pair = Pair::with(switches).await;
    let other = TicketKey::of_incident(&IncidentId::new("other"));
    pair.client.create(&other, &fields()).await.unwrap();
    let failure = pair.client.find(&key()).await.unwrap_err();
    assert_eq!(failure.remedy(), Remedy::HoldTarget);
    assert_eq!(failure.field.as_deref(), Some("correlation_id"));
}
