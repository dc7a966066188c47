//! A replica lives, but not its way to the database.

use std::time::Duration;

use crate::replicas::cluster::Cluster;
use crate::replicas::storm::{Storm, event, post};

/// A transaction that was open is ended after 4 s, the lease after 5 s.
const DECIDER_FOLLOWED: Duration = Duration::from_secs(12);

/// An append is waited for for 10 s, another statement for 30 s.
const CONNECTED_AGAIN: Duration = Duration::from_secs(45);

async fn cut_off_and_back(stall: bool) {
    let Some(cluster) = Cluster::of(2).await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 60, 20).await;
    let (decider, owner) = cluster.decider().await;
    let network = &cluster.replicas[decider].network;
    if stall {
        network.stall();
    } else {
        network.cut();
    }
    let (_, ()) = tokio::join!(
        cluster.new_decider(&owner, DECIDER_FOLLOWED),
        storm.blow(&cluster, 60, 20)
    );
    network.mend();
    storm.blow(&cluster, 100, 20).await;
    let mut late = 0;
    cluster
        .until("the replica takes events again", async || {
            late += 1;
            let event = event(&format!("late-{late}"), &format!("late-{late}"));
            let accepted = post(&cluster, &cluster.replicas[decider].public, &event).await;
            if accepted {
                storm.sent.insert(format!("late-{late}"), 1);
            }
            accepted
        })
        .await;
    // One whose answer was lost may have been kept all the same: it is sent again.
    for number in 1..late {
        let event = event(&format!("late-{number}"), &format!("late-{number}"));
        assert!(post(&cluster, &cluster.replicas[decider].public, &event).await);
        storm.sent.insert(format!("late-{number}"), 1);
    }
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decider_whose_connections_break_is_followed_and_comes_back() {
    cut_off_and_back(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decider_whose_network_stalls_is_followed_and_comes_back() {
    cut_off_and_back(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_connections_die_without_a_word_makes_new_ones() {
    let Some(cluster) = Cluster::of(1).await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 60, 20).await;
    cluster.all_is_well(&storm.sent).await;
    cluster.replicas[0].network.lose_connections();
    let again = event("again", "again");
    cluster
        .within(CONNECTED_AGAIN, "it takes events again", async || {
            post(&cluster, &cluster.replicas[0].public, &again).await
        })
        .await;
    storm.expect("again", "again");
    cluster
        .within(CONNECTED_AGAIN, "it opens tickets again", async || {
            cluster.simulator.salesforce().tickets().len() == 21
        })
        .await;
    storm.blow(&cluster, 60, 30).await;
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}
