//! What people do is found by polling alone.

use serde_json::{Value, json};

use crate::world::{World, event};

const POLL: &str = "[targets.salesforce.sync]\npoll_every = \"200ms\"\n";

/// A daemon with one open incident, and its ticket's id in Salesforce.
async fn one_ticket() -> (World, String) {
    let mut world = World::unstarted(POLL).await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let tickets = world.tickets(1).await;
    world.all_delivered().await;
    let id = tickets[0]["Id"].as_str().unwrap().to_owned();
    (world, id)
}

async fn first_incident(world: &World) -> Value {
    let items = world.items("incidents").await;
    let id = items.last().unwrap()["id"].as_str().unwrap().to_owned();
    world.api(&format!("incidents/{id}")).await
}

async fn closed_incident(world: &World) -> Value {
    world
        .until("the incident is closed", async || {
            first_incident(world).await["state"] == "closed"
        })
        .await;
    first_incident(world).await
}

fn story(incident: &Value) -> String {
    let entries = incident["history"].as_array().unwrap();
    let line = |entry: &Value| format!("{}: {}\n", entry["what"], entry["cause"]);
    entries.iter().map(line).collect()
}

#[tokio::test]
async fn a_person_closes_the_ticket_and_a_lasting_breach_opens_exactly_one_new_one() {
    let (world, id) = one_ticket().await;
    assert!(world.simulator.salesforce().close_ticket(&id));
    let incident = closed_incident(&world).await;
    let story = story(&incident);
    assert!(story.contains("Ada Agent"), "{story}");
    assert_eq!(incident["ticket"]["state"], "Closed");
    assert!(
        world.items("locks").await.is_empty(),
        "the burst lock is released"
    );
    for number in 2..6 {
        world
            .accept(&event(&format!("evt-{number}"), "q1", 400.0))
            .await;
    }
    world.tickets(2).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 2);
    assert_eq!(world.items("incidents").await.len(), 2);
}

#[tokio::test]
async fn a_deleted_ticket_closes_its_incident_and_the_history_says_so() {
    let (world, id) = one_ticket().await;
    assert!(world.simulator.salesforce().delete_ticket(&id));
    let incident = closed_incident(&world).await;
    assert!(story(&incident).contains("ticket deleted"));
    assert_eq!(incident["ticket"]["fate"], "deleted");
}

#[tokio::test]
async fn a_reassigned_ticket_with_a_new_priority_is_shown() {
    let (world, id) = one_ticket().await;
    world
        .until("the ticket was seen", async || {
            first_incident(&world).await["ticket"]["priority"] == "High"
        })
        .await;
    let change = json!({"OwnerId": "0055g00000PeRsOAAV", "Priority": "Low", "Status": "Working"});
    assert!(world.simulator.salesforce().edit_ticket(&id, &change));
    world
        .until("the change is shown", async || {
            first_incident(&world).await["ticket"]["priority"] == "Low"
        })
        .await;
    let incident = first_incident(&world).await;
    assert_eq!(incident["ticket"]["assignee"], "Ada Agent");
    assert_eq!(incident["ticket"]["state"], "Working");
    assert_eq!(incident["state"], "open");
    assert!(story(&incident).contains("ticket reassigned"));
}
