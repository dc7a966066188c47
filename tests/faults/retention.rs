//! A death between two steps of retention.

use std::time::Duration;

use serde_json::Value;

use crate::support::world::{World, event};

/// More events than one step looks at.
const OLD: usize = 1200;

#[tokio::test]
async fn a_death_between_two_steps_of_retention_keeps_what_is_open_and_deletes_the_rest_later() {
    let mut world = World::new().await;
    let quiet: Vec<Value> = (0..OLD)
        .map(|number| event(&format!("quiet-{number}"), "quiet", 10.0))
        .collect();
    for some in quiet.chunks(100) {
        let (status, _) = world.post(Value::from(some).to_string()).await;
        assert_eq!(status, 202);
    }
    world.accept(&event("evt-open", "open", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert!(world.daemon.terminate());
    let old_soon = "[store]\nretention = \"1ms\"\n";
    std::fs::write(world.folder.path().join("more.toml"), old_soon).unwrap();

    world.spawn("retention-step:2");
    while !world.daemon.is_dead() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.daemon.kill();
    world.start().await;
    world
        .until("only what is open is kept", async || {
            let events = world.items("events?limit=500").await;
            events.len() == 1 && events[0]["event_id"] == "evt-open"
        })
        .await;
    let incidents = world.items("incidents").await;
    assert_eq!(incidents.len(), 1);
    let ticket = &world.simulator.salesforce().tickets()[0]["Id"];
    assert_eq!(&incidents[0]["ticket"]["id"], ticket);
    world.accept(&event("evt-again", "open", 400.0)).await;
    world
        .until("the open incident hears on", async || {
            world.items("incidents").await[0]["occurrences"] == 2
        })
        .await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}
