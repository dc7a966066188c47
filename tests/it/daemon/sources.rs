//! Two sources that report about one queue.

use serde_json::Value;

use crate::support::world::{TOKEN, World, event};

const SECOND: &str = r#"
[sources.second]
format = "genesys"
auth = [{ type = "bearer", secret = { env = "WEBHOOK_TOKEN" } }]
"#;
const NAMED: &str = r#"
[rules.queue-wait]
sources = ["genesys", "second"]
"#;

async fn send(world: &World, source: &str, event: &Value) {
    let url = format!("{}/webhooks/{source}", world.public);
    let request = world.client.post(url).bearer_auth(TOKEN);
    let answer = request.json(event).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

async fn incident(world: &World) -> Value {
    let incidents = world.items("incidents").await;
    assert_eq!(incidents.len(), 1, "they join: {incidents:?}");
    let id = incidents[0]["id"].as_str().unwrap();
    world.api(&format!("incidents/{id}")).await
}

/// Waits until `event` has been decided on, and answers what it did.
async fn outcome(world: &World, event: &str) -> String {
    let mut outcome = String::new();
    world
        .until(&format!("{event} is decided on"), async || {
            let shown = incident(world).await;
            let events = shown["events"].as_array().unwrap();
            let found = events.iter().find(|one| one["event_id"] == event);
            found.is_some_and(|one| {
                outcome = one["outcome"].as_str().unwrap().to_owned();
                true
            })
        })
        .await;
    outcome
}

async fn state(world: &World) -> Value {
    incident(world).await["state"].clone()
}

async fn is_resolved(world: &World) {
    world
        .until("the ticket is resolved", async || {
            world.simulator.salesforce().tickets()[0]["Status"] == "Closed"
        })
        .await;
}

#[tokio::test]
async fn only_sources_that_reported_the_trouble_can_end_it() {
    let mut world = World::unstarted(SECOND).await;
    world.start().await;
    send(&world, "genesys", &event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    send(&world, "second", &event("evt-2", "q1", 100.0)).await;
    assert_eq!(outcome(&world, "evt-2").await, "other_source");
    assert_eq!(state(&world).await, "open");
    send(&world, "second", &event("evt-3", "q1", 400.0)).await;
    assert_eq!(outcome(&world, "evt-3").await, "active_incident");
    send(&world, "genesys", &event("evt-4", "q1", 100.0)).await;
    assert_eq!(outcome(&world, "evt-4").await, "clearing");
    let parts = incident(&world).await["parts"].clone();
    assert_eq!(parts["genesys"]["breaching"], false, "{parts}");
    assert_eq!(parts["second"]["breaching"], true, "{parts}");
    send(&world, "second", &event("evt-5", "q1", 100.0)).await;
    assert_eq!(outcome(&world, "evt-5").await, "recovered");
    is_resolved(&world).await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

#[tokio::test]
async fn sources_that_the_rule_names_speak_as_one() {
    let mut world = World::unstarted(&format!("{SECOND}{NAMED}")).await;
    world.start().await;
    send(&world, "genesys", &event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    send(&world, "second", &event("evt-2", "q1", 100.0)).await;
    assert_eq!(outcome(&world, "evt-2").await, "recovered");
    is_resolved(&world).await;
}

/// An incident whose parts were kept without their source, as by earlier versions.
#[tokio::test]
async fn an_incident_of_before_is_ended_by_the_source_that_opened_it() {
    let mut world = World::unstarted(&format!("{SECOND}{NAMED}")).await;
    world.start().await;
    send(&world, "genesys", &event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    world.daemon.kill();
    std::fs::write(world.folder.path().join("more.toml"), SECOND).unwrap();
    world.start().await;
    send(&world, "second", &event("evt-2", "q1", 100.0)).await;
    assert_eq!(outcome(&world, "evt-2").await, "other_source");
    send(&world, "genesys", &event("evt-3", "q1", 100.0)).await;
    assert_eq!(outcome(&world, "evt-3").await, "recovered");
    is_resolved(&world).await;
}
