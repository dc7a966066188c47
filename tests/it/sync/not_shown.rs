//! The CRM does not show a ticket, and does not say that it was deleted: reads lag behind writes, or our
//! user cannot read it for a time.

use std::time::{Duration, Instant};

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::At;
use crate::support::world::event;
use crate::sync::desk::{Desk, OFTEN, story};

/// Longer than a ticket must not be shown to count as deleted.
const LONG: Duration = Duration::from_secs(601);
/// Shorter than the first wait of a change that is parked.
const AT_ONCE: Duration = Duration::from_secs(20);

impl Desk {
    /// Hides every ticket from our user, or shows them again.
    pub(crate) fn hide(&self, hides: bool) {
        self.switch(&match (self.at, hides) {
            (At::Salesforce, true) => json!({"unreadable_tickets": "all"}),
            (At::Salesforce, false) => json!({"unreadable_tickets": "none"}),
            (At::ServiceNow, true) => json!({"unreadable_tables": ["incident"]}),
            (At::ServiceNow, false) => json!({"unreadable_tables": []}),
        });
        // The switch is about lists.
        let instance = self.world.simulator.servicenow();
        match (self.at, hides) {
            (At::Salesforce, _) => {}
            (At::ServiceNow, false) => instance.clear_faults(),
            (At::ServiceNow, true) => {
                let body = json!({"error": {"message": "No Record found", "detail": ""}});
                let not_found = FaultKind::Status {
                    status: 404,
                    body: body.to_string(),
                    content_type: "application/json".to_owned(),
                };
                let fault = Fault::new(not_found, Trigger::Always).on_method("GET");
                instance.add_fault(fault.on_path("/table/incident/"));
            }
        }
    }

    /// Waits until a look has not found the ticket, `count` times so far.
    pub(crate) async fn until_missed(&self, count: usize) {
        let missed = "the CRM does not show these tickets";
        let is_told = async || self.world.log().matches(missed).count() == count;
        self.world.until("a look misses the ticket", is_told).await;
        // Two looks more.
        let reads = self.reads();
        let looked = async || self.reads() >= reads + 6;
        self.world.until("it was looked at again", looked).await;
    }

    /// Hides the ticket until it counts as deleted.
    async fn lose(&self) -> Value {
        self.hide(true);
        self.until_missed(1).await;
        assert_eq!(self.incident().await["state"], "open");
        self.world.pass(LONG);
        self.closed().await
    }

    fn open_tickets(&self) -> usize {
        let is_open = |one: &Value| match self.at {
            At::Salesforce => one["Status"] != "Closed",
            At::ServiceNow => one["state"] != "6" && one["state"] != "7",
        };
        self.tickets().iter().filter(|one| is_open(one)).count()
    }
}

#[tokio::test]
async fn an_open_incident_outlives_reads_that_lag_for_minutes() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.seen().await;
        desk.hide(true);
        desk.until_missed(1).await;
        desk.world.pass(LONG / 2);
        let reads = desk.reads();
        let looked = async || desk.reads() >= reads + 6;
        desk.world.until("it was looked at again", looked).await;
        assert_eq!(desk.incident().await["state"], "open", "{at:?}");
        desk.hide(false);
        desk.reading("evt-2", 100.0).await;
        desk.closed().await;
        desk.world.all_delivered().await;
        assert_eq!(desk.open_tickets(), 0, "{at:?}");
    }
}

#[tokio::test]
async fn an_incident_goes_on_when_its_ticket_is_shown_again() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.seen().await;
        let lost = desk.lose().await;
        assert_eq!(lost["ticket"]["fate"], "not shown any more");
        assert!(story(&lost).contains("it counts as deleted"));
        desk.hide(false);
        let is_open = async || desk.incident().await["state"] == "open";
        desk.world.until("the incident goes on", is_open).await;
        let incident = desk.incident().await;
        assert!(incident["ticket"]["fate"].is_null(), "{incident}");
        assert!(incident["closed_at"].is_null(), "{incident}");
        assert_eq!(desk.open_tickets(), 1, "{at:?}");
        // What comes after that belongs to it.
        desk.breach("evt-2").await;
        desk.reading("evt-3", 100.0).await;
        desk.closed().await;
        desk.world.all_delivered().await;
        assert_eq!(desk.world.items("incidents").await.len(), 1);
        assert_eq!((desk.tickets().len(), desk.open_tickets()), (1, 0));
    }
}

#[tokio::test]
async fn a_ticket_that_is_shown_again_is_resolved_where_its_key_has_another_one() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.seen().await;
        desk.lose().await;
        desk.breach("evt-2").await;
        let two = async || desk.tickets().len() == 2;
        desk.world.until("a lasting breach opens one", two).await;
        desk.hide(false);
        let one = async || desk.open_tickets() == 1;
        desk.world.until("the first one is resolved", one).await;
        desk.world.all_delivered().await;
        let is_known = async || desk.incident().await["ticket"]["closed"] == true;
        desk.world.until("that is known", is_known).await;
        let incidents = desk.world.items("incidents").await;
        assert_eq!(incidents[0]["state"], "open", "{at:?}");
        assert_eq!(incidents[1]["state"], "closed", "{at:?}");
        assert!(story(&desk.incident().await).contains("a ticket of its own"));
    }
}

#[tokio::test]
async fn a_change_that_found_no_ticket_is_tried_at_once_when_a_poll_shows_it() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.seen().await;
        desk.hide(true);
        desk.reading("evt-2", 100.0).await;
        let waits = format!(
            "until {} shows the ticket again, or it counts as deleted",
            at.name()
        );
        let is_parked = async || {
            let parked = desk.world.items("deliveries?state=parked").await;
            parked.iter().any(|one| one["waits_for"] == *waits)
        };
        desk.world.until("the resolution waits", is_parked).await;
        // Nobody has to act.
        assert!(desk.world.items("dead-letters").await.is_empty());
        desk.hide(false);
        let shown_at = Instant::now();
        let none = async || desk.open_tickets() == 0;
        desk.world.until("the ticket is resolved", none).await;
        assert!(shown_at.elapsed() < AT_ONCE, "{at:?}");
        desk.world.all_delivered().await;
    }
}

#[tokio::test]
async fn a_resolution_that_was_given_up_is_owed_again_when_its_ticket_is_shown() {
    for at in At::BOTH {
        let desk = Desk::open(at, OFTEN).await;
        desk.seen().await;
        desk.hide(true);
        desk.reading("evt-2", 100.0).await;
        desk.until_missed(1).await;
        desk.world.pass(LONG);
        let nothing_owed = async || {
            let deliveries = desk.world.items("deliveries").await;
            deliveries.iter().any(|one| one["state"] == "discarded")
        };
        desk.world
            .until("the ticket counts as deleted", nothing_owed)
            .await;
        desk.hide(false);
        let none = async || desk.open_tickets() == 0;
        desk.world.until("the ticket is resolved", none).await;
        desk.world.all_delivered().await;
        let incident = desk.incident().await;
        assert_eq!(incident["state"], "closed", "{at:?}");
        assert!(incident["ticket"]["fate"].is_null(), "{at:?}");
    }
}

/// The organisation shares nothing, and closing a Case hands it over to somebody else.
#[tokio::test]
async fn a_ticket_that_its_resolution_hides_from_our_user_is_done() {
    let desk = Desk::open(At::Salesforce, OFTEN).await;
    for queue in ["q2", "q3", "q4"] {
        desk.world.accept(&event(queue, queue, 400.0)).await;
    }
    let four = async || desk.tickets().len() == 4;
    desk.world.until("there are four tickets", four).await;
    desk.world.all_delivered().await;
    desk.switch(&json!({"unreadable_tickets": "closed"}));
    for queue in ["q1", "q2", "q3", "q4"] {
        let calm = event(&format!("calm-{queue}"), queue, 100.0);
        desk.world.accept(&calm).await;
    }
    let none = async || desk.open_tickets() == 0;
    desk.world.until("every ticket is resolved", none).await;
    desk.world.all_delivered().await;
    let deliveries = desk.world.items("deliveries").await;
    assert!(deliveries.iter().all(|one| one["state"] == "done"));
    for incident in desk.world.items("incidents").await {
        assert_eq!(incident["ticket"]["closed"], true, "{incident}");
        assert_eq!(incident["ticket"]["state"], "Closed", "{incident}");
        assert!(incident["ticket"]["fate"].is_null(), "{incident}");
    }
    let log = desk.world.log();
    assert!(!log.contains("delivery failed"), "{log}");
    let target = &desk.world.items("targets").await[0];
    assert!(target["last_error"].is_null(), "{target}");
}
