//! Deaths in the middle of a token's rotation.

use std::time::Duration;

use ringdown::simulator;

use crate::support::world::{World, event};

fn refreshing_with(token: &str) -> String {
    format!("[targets.salesforce.auth]\nflow = \"refresh_token\"\nrefresh_token = \"{token}\"\n")
}

/// A daemon that dies at `point` of its first rotation, with an event accepted.
async fn died_at(point: &str) -> World {
    let mut world = World::unstarted(&refreshing_with(simulator::REFRESH_TOKEN)).await;
    world.spawn(point);
    let url = format!("{}/readyz", world.public);
    world
        .until("the daemon is ready", async || {
            let answer = world.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    while !world.daemon.is_dead() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.daemon.kill();
    let now = world.simulator.salesforce().crm().refresh_token();
    assert_ne!(now, simulator::REFRESH_TOKEN, "the CRM has rotated");
    world
}

#[tokio::test]
async fn a_death_after_the_rotated_token_was_kept_costs_nothing() {
    let mut world = died_at("token-kept").await;
    world.start().await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

/// The CRM has killed the old token and nobody has the new one: no client can mend that. What
/// can be promised is that it is said, that nothing is lost, and that a new token is enough.
#[tokio::test]
async fn a_rotated_token_that_died_with_the_process_holds_the_target_until_a_new_one_is_set() {
    let mut world = died_at("token-rotated").await;
    world.start().await;
    world
        .until("the target is held", async || {
            let targets = world.items("targets").await;
            let target = &targets[0];
            target["state"] == "held" && target["last_error"]["kind"] == "auth_failure"
        })
        .await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    assert!(world.items("dead-letters").await.is_empty());
    assert!(world.daemon.terminate());
    let fresh = world.simulator.salesforce().crm().refresh_token();
    std::fs::write(
        world.folder.path().join("more.toml"),
        refreshing_with(&fresh),
    )
    .unwrap();
    world.start().await;
    world.tickets(2).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 2);
}
