//! A ticket is deleted while a create whose answer was lost still runs in the CRM.

use std::time::{Duration, Instant};

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::support::crm::At;
use crate::support::world::event;
use crate::sync::desk::{Desk, OFTEN, story};

/// How late the lost create takes effect.
const LATE: Duration = Duration::from_secs(8);

#[tokio::test]
async fn the_ticket_that_a_lost_create_brings_after_a_deletion_is_resolved() {
    for (at, method) in [(At::Salesforce, "PATCH"), (At::ServiceNow, "POST")] {
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
        let newest = async || {
            let id = desk.world.items("incidents").await[0]["id"].clone();
            let id = id.as_str().unwrap().to_owned();
            desk.world.api(&format!("incidents/{id}")).await
        };
        desk.world
            .until("the deletion closes the incident", async || {
                newest().await["state"] == "closed"
            })
            .await;
        assert!(lost_at.elapsed() < LATE, "{at:?}: the test was too slow");
        desk.world
            .until("the late ticket is resolved", async || {
                let incident = newest().await;
                let ticket = &incident["ticket"];
                ticket["closed"] == true && ticket["fate"].is_null()
            })
            .await;
        desk.world.all_delivered().await;
        let open = desk.tickets().into_iter().filter(|one| match at {
            At::Salesforce => one["Status"] != "Closed",
            At::ServiceNow => one["state"] != "6" && one["state"] != "7",
        });
        assert_eq!(open.count(), 0, "{at:?}: {}", story(&newest().await));
    }
}
