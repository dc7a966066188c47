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
    assert!(
        title.contains("cannot open tickets in salesforce"),
        "{title}"
    );
    let text = tickets[0]["description"].as_str().unwrap();
    assert!(text.contains("invalid client credentials"), "{text}");
    salesforce.clear_faults();
    world.tickets(1).await;
    world
        .until("the trouble is over, and its ticket resolved", async || {
            world.simulator.servicenow().tickets()[0]["state"] == "6"
        })
        .await;
    assert_eq!(world.items("incidents?rule=own-trouble").await.len(), 1);
    assert_eq!(world.simulator.servicenow().tickets().len(), 1);
}

#[tokio::test]
async fn a_silent_source_is_a_ticket_and_its_voice_ends_it() {
    let world = world("clear_for = \"1s\"\n[sources.genesys]\nexpect_every = \"3s\"").await;
    let tickets = world.tickets(1).await;
    let title = tickets[0]["Subject"].as_str().unwrap();
    assert_eq!(title, "Ringdown hears nothing from genesys");
    let mut number = 0;
    world
        .until("the ticket is resolved once it is heard", async || {
            number += 1;
            world
                .accept(&event(&format!("evt-{number}"), "q1", 100.0))
                .await;
            world.simulator.salesforce().tickets()[0]["IsClosed"] == true
        })
        .await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
    all_closed(&world).await;
}

#[tokio::test]
async fn events_that_are_not_understood_are_one_ticket_until_a_person_has_looked() {
    let world = world("clear_for = \"1s\"").await;
    for number in 0..3 {
        world
            .accept(&json!({"id": format!("odd-{number}"), "type": "telephony.queue.waiting", "metrics": [{"avg": 400}]}))
            .await;
    }
    let tickets = world.tickets(1).await;
    let title = tickets[0]["Subject"].as_str().unwrap();
    assert!(
        title.contains("does not understand events from genesys"),
        "{title}"
    );
    for item in world.items("review").await {
        let id = item["id"].as_str().unwrap();
        world.act(&format!("review/{id}/discard")).await;
    }
    all_closed(&world).await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

#[tokio::test]
async fn a_crm_that_refuses_every_ticket_is_held_and_one_ticket_in_the_other_crm_says_so() {
    let world = world("").await;
    let refusal = FaultKind::ValidationRefusal {
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
        message: "Say which site".into(),
        field: None,
    };
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(Fault::new(refusal, Trigger::Always).on_method("PATCH"));
    for queue in 0..3 {
        world
            .accept(&event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0))
            .await;
    }
    let tickets = servicenow_tickets(&world, 1).await;
    let title = tickets[0]["short_description"].as_str().unwrap();
    // No create stays a dead letter: all wait for the target.
    assert!(
        title.contains("cannot open tickets in salesforce"),
        "{title}"
    );
    salesforce.clear_faults();
    world.tickets(3).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.servicenow().tickets().len(), 1);
}
