//! The process dies at the worst moments.

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::support::world::{World, event};

#[tokio::test]
async fn an_accepted_event_survives_a_kill() {
    let mut world = World::new().await;
    let down = Fault::new(FaultKind::Down, Trigger::Always);
    world.simulator.salesforce().add_fault(down);
    for queue in 0..20 {
        world
            .accept(&event(&format!("evt-{queue}"), &format!("q{queue}"), 400.0))
            .await;
    }
    world.daemon.kill();
    world.simulator.salesforce().clear_faults();
    world.start().await;
    world.tickets(20).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 20);
}

#[tokio::test]
async fn a_kill_between_the_crms_commit_and_ours_makes_no_second_ticket() {
    let mut world = World::unstarted("[targets.salesforce]\ntimeout = \"1s\"\n").await;
    world.start().await;
    let slow = FaultKind::Slow {
        milliseconds: 20_000,
    };
    let fault = Fault::new(slow, Trigger::Always).on_method("PATCH");
    world.simulator.salesforce().add_fault(fault);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.daemon.kill();
    world.simulator.salesforce().clear_faults();
    world.start().await;
    world
        .until(
            "the lease has run out and the ticket is adopted",
            async || {
                let incident = &world.items("incidents").await[0];
                incident["ticket"]["id"] == world.simulator.salesforce().tickets()[0]["Id"]
            },
        )
        .await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

#[tokio::test]
async fn kills_in_a_storm_leave_one_ticket_for_each_queue() {
    let mut world = World::new().await;
    let mut sent = 0;
    for round in 0..4 {
        for number in 0..60 {
            let queue = format!("q{}", number % 15);
            let id = format!("evt-{round}-{number}");
            world.accept(&event(&id, &queue, 400.0)).await;
            sent += 1;
        }
        world.daemon.kill();
        world.start().await;
    }
    world.tickets(15).await;
    world
        .until("every event is accounted for", async || {
            let incidents = world.items("incidents").await;
            let heard: u64 = incidents
                .iter()
                .filter_map(|incident| incident["occurrences"].as_u64())
                .sum();
            heard == sent
        })
        .await;
    world
        .until("every incident has its ticket", async || {
            let incidents = world.items("incidents").await;
            incidents
                .iter()
                .all(|incident| incident["ticket"]["id"].is_string())
        })
        .await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 15);
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_hand_and_ends_with_status_0() {
    let mut world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    assert!(world.daemon.terminate());
    assert!(world.log().contains("stopped"));
}
