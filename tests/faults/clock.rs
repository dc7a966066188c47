//! The machine's clock is set forward and back by an hour while the daemon runs.

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::support::world::{World, event};

const HOUR_MS: i64 = 3_600_000;

/// A breach as the daemon would get it now: `event` has a time of its own, long ago.
async fn breach(world: &World, id: &str, queue: &str) {
    world.accept(&event(id, queue, 400.0)).await;
}

#[tokio::test]
async fn a_clock_that_jumps_an_hour_forward_and_back_neither_stops_nor_doubles_tickets() {
    let world = World::new().await;
    breach(&world, "evt-1", "q1").await;
    world.tickets(1).await;
    let jumps = [HOUR_MS, 0, -HOUR_MS, 0];
    for (number, jump) in jumps.into_iter().enumerate() {
        world.set_clock_off_by(jump);
        // A known queue again, a repetition of its first event, and a queue never heard of.
        breach(&world, &format!("evt-1-{number}"), "q1").await;
        breach(&world, "evt-1", "q1").await;
        breach(
            &world,
            &format!("evt-new-{number}"),
            &format!("new-{number}"),
        )
        .await;
        world.tickets(2 + number).await;
    }
    world.all_delivered().await;
    let mut queues: Vec<String> = world
        .items("incidents?limit=500")
        .await
        .iter()
        .map(|incident| incident["key"].as_str().unwrap().to_owned())
        .collect();
    queues.sort_unstable();
    assert_eq!(queues, ["new-0", "new-1", "new-2", "new-3", "q1"]);
    let tickets = world.simulator.salesforce().tickets();
    assert_eq!(tickets.len(), queues.len(), "{tickets:?}");
}

/// Waits until the log tells of a failed attempt with this kind of failure.
async fn has_failed(world: &World, kind: &str) {
    let said = format!("\"kind\":\"{kind}\"");
    world
        .until("an attempt has failed", async || {
            world.log().contains(&said)
        })
        .await;
}

#[tokio::test]
async fn a_retry_and_a_pause_are_not_an_hour_longer_when_the_clock_is_set_back_by_an_hour() {
    let faults = [
        ("network_failure", FaultKind::Down),
        (
            "rate_limited",
            FaultKind::TooManyRequests {
                retry_after: Some(2),
            },
        ),
    ];
    for (kind, fault) in faults {
        let world = World::new().await;
        let on_create = Fault::new(fault, Trigger::Next { count: 1 }).on_path("/sobjects/");
        world.simulator.salesforce().add_fault(on_create);
        breach(&world, "evt-1", "q1").await;
        has_failed(&world, kind).await;
        world.set_clock_off_by(-HOUR_MS);
        world.tickets(1).await;
        world.all_delivered().await;
    }
}

#[tokio::test]
async fn what_is_owed_is_sent_at_once_when_the_clock_was_set_back_during_a_stop() {
    let mut world = World::new().await;
    let limited = FaultKind::TooManyRequests {
        retry_after: Some(600),
    };
    let first = Fault::new(limited, Trigger::Next { count: 1 }).on_path("/sobjects/");
    world.simulator.salesforce().add_fault(first);
    breach(&world, "evt-1", "q1").await;
    has_failed(&world, "rate_limited").await;
    world.daemon.kill();
    world.set_clock_off_by(-HOUR_MS);
    world.start().await;
    world.tickets(1).await;
}
