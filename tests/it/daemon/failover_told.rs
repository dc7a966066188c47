//! A ticket that another target takes over is told of once that is kept: a decider that dies
//! before its commit has said nothing.

use serde_json::Value;

use crate::daemon::failover::{in_servicenow, until_salesforce_is, world};
use crate::support::world::{World, event};

/// How often the log says that a ticket goes to another target.
fn told(world: &World) -> usize {
    let log = world.log();
    log.matches("the ticket is opened in another target")
        .count()
}

/// Starts a daemon that dies with the next decisions, before they are kept.
async fn until_it_died(world: &mut World, event: Option<Value>) {
    world.spawn("decisions-written");
    if let Some(event) = event {
        let url = format!("{}/readyz", world.public);
        let ready = async || world.client.get(&url).send().await.is_ok();
        world.until("the daemon listens", ready).await;
        world.accept(&event).await;
    }
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !world.daemon.is_dead() {
        assert!(std::time::Instant::now() < end, "it lives on");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_failover_is_told_of_once_it_is_kept_and_not_before() {
    let mut world = world("2s").await;
    world.simulator.salesforce().refuse_connections(true);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    until_salesforce_is(&world, "circuit_open").await;
    // A death before the result is stored would leave the create in doubt, and so with its target.
    world
        .until("the result of the attempt is stored", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().all(|one| one["state"] != "sending")
        })
        .await;
    world.daemon.kill();
    // One that waits is moved, and the move is lost.
    until_it_died(&mut world, None).await;
    assert_eq!(told(&world), 0, "{}", world.log());
    world.start().await;
    in_servicenow(&world, 1).await;
    assert_eq!(told(&world), 1);
    let counted =
        |count| format!(r#"ringdown_failovers_total{{from="salesforce",to="servicenow"}} {count}"#);
    assert!(world.metrics().await.contains(&counted(1)));
    world.daemon.kill();
    // One that begins is owed to the second at once, and that is lost.
    until_it_died(&mut world, Some(event("evt-2", "q2", 400.0))).await;
    assert_eq!(told(&world), 1);
    world.start().await;
    in_servicenow(&world, 2).await;
    assert_eq!(told(&world), 2);
    assert!(world.metrics().await.contains(&counted(1)));
}
