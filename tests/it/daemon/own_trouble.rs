//! Ringdown's own trouble gets a ticket, in a target that still works, once.

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::crm::servicenow;
use crate::support::world::{World, event};

/// ServiceNow beside Salesforce, and tickets about ourselves in the first that works.
fn settings(world: &World, more: &str) -> String {
    format!(
        r#"
[own_trouble]
targets = ["salesforce", "servicenow"]
on_recovery = "resolve"
{more}
{}
[targets.servicenow.create]
short_description = "Telephony Incident: {{{{ queue_name }}}} Critical Wait Time"
urgency = "1"
"#,
        servicenow(&world.simulator)
    )
}

async fn world(more: &str) -> World {
    let mut world = World::unstarted("").await;
    std::fs::write(
        world.folder.path().join("more.toml"),
        settings(&world, more),
    )
    .unwrap();
    world.start().await;
    world
}

async fn servicenow_tickets(world: &World, count: usize) -> Vec<Value> {
    world
        .until(&format!("ServiceNow has {count} tickets"), async || {
            world.simulator.servicenow().tickets().len() >= count
        })
        .await;
    world.simulator.servicenow().tickets()
}

async fn all_closed(world: &World) {
    world
        .until("every incident is closed", async || {
            let all = world.items("incidents").await;
            all.iter().all(|one| one["state"] == "closed")
        })
        .await;
}

#[tokio::test]
async fn a_refused_login_is_a_ticket_in_the_other_crm_and_only_one() {
    let world = world("clear_for = \"1s\"").await;
    let salesforce = world.simulator.salesforce();
    let refusal = FaultKind::Status {
        status: 400,
        body: json!({"error": "invalid_client", "error_description": "invalid client credentials"})
            .to_string(),
        content_type: "application/json".into(),
    };
    salesforce.add_fault(Fault::new(refusal, Trigger::Always).on_path("/oauth2/token"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let tickets = servicenow_tickets(&world, 1).await;
    let title = tickets[0]["short_description"].as_str().unwrap();
    assert!(title.contains("salesforce refuses tickets"), "{title}");
    salesforce.clear_faults();
    world.tickets(3).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.servicenow().tickets().len(), 1);
}
