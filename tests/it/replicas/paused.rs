//! A replica stands still for longer than its leases last, and then goes on as if nothing had
//! happened.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::replicas::cluster::Cluster;
use crate::replicas::storm::Storm;

/// A transaction it stood still in is ended after 4 s, its lease after 5 s.
const DECIDER_FOLLOWED: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decider_that_wakes_up_after_its_lease_keeps_no_decision() {
    let Some(cluster) = Cluster::of(2).await else {
        return;
    };
    let mut storm = Storm::default();
    for _ in 0..2 {
        storm.blow(&cluster, 60, 20).await;
        let (decider, owner) = cluster.decider().await;
        cluster.replicas[decider].pause();
        cluster.new_decider(&owner, DECIDER_FOLLOWED).await;
        storm.blow(&cluster, 40, 20).await;
        cluster.replicas[decider].go_on();
        storm.blow(&cluster, 200, 20).await;
        cluster
            .until("the former decider knows", async || {
                let log = cluster.replicas[decider].log();
                log.contains("another replica decides now")
            })
            .await;
    }
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deliverer_that_wakes_up_after_its_claim_sends_nothing() {
    let Some(cluster) = Cluster::of(2).await else {
        return;
    };
    let salesforce = cluster.simulator.salesforce();
    let slow = FaultKind::Slow {
        milliseconds: 1_500,
    };
    salesforce.add_fault(Fault::new(slow, Trigger::Next { count: 1 }).on_path("/oauth2/token"));
    let mut storm = Storm::default();
    storm.blow(&cluster, 1, 1).await;
    cluster
        .until(
            "a replica has claimed the delivery, and logs in",
            async || cluster.database.deliverer().await.is_some(),
        )
        .await;
    let deliverer = cluster.database.deliverer().await.unwrap();
    let paused = &cluster.replicas[cluster.number_of(&deliverer)];
    paused.pause();
    cluster
        .until("the other replica has made the ticket", async || {
            !salesforce.tickets().is_empty()
        })
        .await;
    paused.go_on();
    cluster
        .until("the former deliverer knows", async || {
            paused.log().contains("the claim on this delivery was lost")
        })
        .await;
    cluster.all_is_well(&storm.sent).await;
    let creates = salesforce
        .requests()
        .iter()
        .filter(|request| request.method == "PATCH")
        .count();
    assert_eq!(creates, 1, "what woke up late sent nothing");
    cluster.end().await;
}
