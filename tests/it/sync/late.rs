//! A ticket is deleted, or its create discarded, while a create whose answer was lost still runs in the
//! CRM.

use std::time::{Duration, Instant};

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::At;
use crate::support::world::{ADMIN_TOKEN, event};
use crate::sync::desk::{Desk, OFTEN, story};

/// How late the lost create takes effect.
const LATE: Duration = Duration::from_secs(8);

/// A desk at which the first create of the queue `q2` is lost, and its ticket, of the second one, is
/// deleted by a person.
async fn deleted_while_a_create_runs(at: At, method: &str) -> (Desk, Instant) {
    let mut desk = Desk::open(at, OFTEN).await;
    desk.close();
    desk.closed().await;
    let lost_at = lose_a_create(&desk, method);
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

/// The next create takes effect later, and its connection is lost.
fn lose_a_create(desk: &Desk, method: &str) -> Instant {
    let milliseconds = u64::try_from(LATE.as_millis()).unwrap();
    let late = FaultKind::LateCommit { milliseconds };
    add_fault(
        desk,
        Fault::new(late, Trigger::Next { count: 1 }).on_method(method),
    );
    Instant::now()
}

fn add_fault(desk: &Desk, fault: Fault) {
    match desk.at {
        At::Salesforce => desk.world.simulator.salesforce().add_fault(fault),
        At::ServiceNow => desk.world.simulator.servicenow().add_fault(fault),
    };
}

/// How many tickets are not resolved.
fn open(desk: &Desk) -> usize {
    let tickets = desk.tickets().into_iter();
    let open = tickets.filter(|one| match desk.at {
        At::Salesforce => one["Status"] != "Closed",
        At::ServiceNow => one["state"] != "6" && one["state"] != "7",
    });
    open.count()
}

/// The look-up before the discard came too early, as far as the CRM is concerned.
#[cfg(feature = "fault-points")]
#[tokio::test]
async fn the_ticket_that_a_lost_create_brings_after_it_was_discarded_is_resolved() {
    let refusals = [
        (
            At::Salesforce,
            "PATCH",
            json!([{"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "no"}]),
        ),
        (
            At::ServiceNow,
            "POST",
            json!({"error": {"message": "Operation Failed", "detail": "Operation aborted by business \
                rule"}, "status": "failure"}),
        ),
    ];
    for (at, method, refusal) in refusals {
        let mut desk = Desk::open(at, OFTEN).await;
        desk.close();
        desk.closed().await;
        let lost_at = lose_a_create(&desk, method);
        let kind = FaultKind::Status {
            status: if at == At::Salesforce { 400 } else { 403 },
            body: refusal.to_string(),
            content_type: "application/json".into(),
        };
        let refused = Fault::new(kind, Trigger::Always).on_method(method);
        add_fault(&desk, refused);
        desk.world.accept(&event("evt-2", "q2", 400.0)).await;
        let dead = async || !desk.world.items("dead-letters").await.is_empty();
        desk.world.until("the create is given up", dead).await;
        desk.world.pass(Duration::from_secs(601));
        let ended = async || {
            for one in desk.world.items("dead-letters").await {
                let id = one["id"].as_str().unwrap().to_owned();
                let url = format!("{}/api/v1/dead-letters/{id}/discard", desk.world.admin);
                let request = desk.world.client.post(url).bearer_auth(ADMIN_TOKEN);
                request.json(&json!({})).send().await.unwrap();
            }
            let deliveries = desk.world.items("deliveries?state=discarded").await;
            !deliveries.is_empty() && newest(&desk).await["state"] == "closed"
        };
        desk.world.until("the create is discarded", ended).await;
        assert!(lost_at.elapsed() < LATE, "{at:?}: the test was too slow");
        assert_eq!(desk.tickets().len(), 1);
        match at {
            At::Salesforce => desk.world.simulator.salesforce().clear_faults(),
            At::ServiceNow => desk.world.simulator.servicenow().clear_faults(),
        };
        desk.world
            .until("the late ticket is resolved", async || {
                desk.tickets().len() == 2 && open(&desk) == 0
            })
            .await;
        let incident = newest(&desk).await;
        desk.ticket = desk.id_of(&desk.tickets()[1]);
        assert_eq!(incident["ticket"]["id"], desk.ticket.as_str());
    }
}
