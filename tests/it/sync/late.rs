//! A ticket is deleted while a create whose answer was lost still runs in the CRM.

use std::time::{Duration, Instant};

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::Value;

use crate::support::crm::At;
use crate::support::world::event;
use crate::sync::desk::{Desk, OFTEN, story};

/// How late the lost create takes effect.
const LATE: Duration = Duration::from_secs(8);

/// A desk at which the first create of the queue `q2` is lost, and its ticket, of the second one, is
/// deleted by a person.
async fn deleted_while_a_create_runs(at: At, method: &str) -> (Desk, Instant) {
    let mut desk = Desk::open(at, OFTEN).await;
    desk.close();
    desk.closed().await;
    let milliseconds = u64::try_from(LATE.as_millis()).unwrap();
    let late = FaultKind::LateCommit { milliseconds };
    let late = Fault::new(late, Trigger::Next { count: 1 }).on_method(method);
    let lost_at = Instant::now();
    match at {
        At::Salesforce => desk.world.simulator.salesforce().add_fault(late),
        At::ServiceNow => desk.world.simulator.servicenow().add_fault(late),
    };
    desk.world.accept(&event("evt-2", "q2", 400.0)).await;
    let two = async || desk.tickets().len() == 2;
    desk.world.until("the second try opens one", two).await;
    desk.world.all_delivered().await;
    desk.ticket = desk.id_of(&desk.tickets()[1]);
    desk.delete();
    (desk, lost_at)
}

async fn newest(desk: &Desk) -> Value {
    let id = desk.world.items("incidents").await[0]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    desk.world.api(&format!("incidents/{id}")).await
}

#[tokio::test]
async fn the_ticket_that_a_lost_create_brings_after_a_deletion_is_resolved() {
    let (desk, lost_at) = deleted_while_a_create_runs(At::Salesforce, "PATCH").await;
    desk.world
        .until("the deletion closes the incident", async || {
            newest(&desk).await["state"] == "closed"
        })
        .await;
    assert!(lost_at.elapsed() < LATE, "the test was too slow");
    desk.world
        .until("the late ticket is resolved", async || {
            let incident = newest(&desk).await;
            let ticket = &incident["ticket"];
            ticket["closed"] == true && ticket["fate"].is_null()
        })
        .await;
    desk.world.all_delivered().await;
    let tickets = desk.tickets();
    let open = tickets.iter().filter(|one| one["Status"] != "Closed");
    assert_eq!(open.count(), 0, "{}", story(&newest(&desk).await));
}

/// The late record has the id that its incident knows, because Ringdown has chosen it.
#[tokio::test]
async fn in_servicenow_the_incident_goes_on_with_the_record_that_a_lost_create_brings_back() {
    let (desk, lost_at) = deleted_while_a_create_runs(At::ServiceNow, "POST").await;
    desk.until_missed(1).await;
    assert!(lost_at.elapsed() < LATE, "the test was too slow");
    let is_back = async || desk.tickets().len() == 2;
    desk.world.until("the record is there again", is_back).await;
    let incident = newest(&desk).await;
    assert_eq!(incident["state"], "open", "{}", story(&incident));
    assert_eq!(incident["ticket"]["id"], desk.ticket);
    desk.world.accept(&event("evt-3", "q2", 100.0)).await;
    let is_resolved = async || desk.tickets()[1]["state"] == "6";
    desk.world
        .until("it is resolved in the end", is_resolved)
        .await;
    desk.world.all_delivered().await;
}
