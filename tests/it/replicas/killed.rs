//! A replica dies without a word.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::replicas::cluster::Cluster;
use crate::replicas::storm::Storm;

/// The lease on deciding lasts 5 s, and the others look every second.
const DECIDER_FOLLOWED: Duration = Duration::from_secs(9);
/// A claim lasts 10 s, and workers look twice a second.
const CLAIM_FOLLOWED: Duration = Duration::from_secs(16);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_the_decider_in_a_storm_loses_and_doubles_nothing() {
    let Some(mut cluster) = Cluster::of(3).await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 150, 30).await;
    let (decider, owner) = cluster.decider().await;
    cluster.replicas[decider].kill();
    let (_, ()) = tokio::join!(
        cluster.new_decider(&owner, DECIDER_FOLLOWED),
        storm.blow(&cluster, 150, 30)
    );
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticket_of_a_replica_that_died_before_it_heard_of_it_is_adopted_within_seconds() {
    let Some(mut cluster) = Cluster::of(2).await else {
        return;
    };
    let slow = FaultKind::Slow {
        milliseconds: 60_000,
    };
    let fault = Fault::new(slow, Trigger::Next { count: 1 }).on_method("PATCH");
    cluster.simulator.salesforce().add_fault(fault);
    let mut storm = Storm::default();
    storm.blow(&cluster, 1, 1).await;
    cluster
        .until("the ticket is in the CRM", async || {
            !cluster.simulator.salesforce().tickets().is_empty()
        })
        .await;
    let deliverer = cluster.database.deliverer().await.unwrap();
    let number = cluster.number_of(&deliverer);
    cluster.replicas[number].kill();
    cluster
        .within(CLAIM_FOLLOWED, "the ticket is adopted", async || {
            let incidents = cluster.items("incidents").await;
            incidents.iter().any(|one| one["ticket"]["id"].is_string())
        })
        .await;
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_die_and_come_back_in_turn_lose_and_double_nothing() {
    let Some(mut cluster) = Cluster::of(3).await else {
        return;
    };
    let mut storm = Storm::default();
    for number in 0..3 {
        storm.blow(&cluster, 60, 20).await;
        cluster.replicas[number].kill();
        storm.blow(&cluster, 60, 20).await;
        cluster.replicas[number].start();
        cluster.ready(number).await;
    }
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}
