//! Replicas that all live: they share the work, and change turns without a gap.

use std::time::Duration;

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::replicas::cluster::{CONCURRENT, Cluster};
use crate::replicas::replica::TOKEN;
use crate::replicas::storm::{Storm, event, post};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_three_replicas_leaves_one_ticket_for_each_queue() {
    let Some(cluster) = Cluster::of(3).await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 400, 40).await;
    cluster.all_is_well(&storm.sent).await;
    let deciders = cluster
        .replicas
        .iter()
        .filter(|replica| replica.log().contains("this replica decides"))
        .count();
    assert_eq!(deciders, 1, "one replica decides as long as it lives");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_replica_delivers_and_none_sends_more_at_once_than_the_limit_says() {
    let Some(cluster) = Cluster::of(3).await else {
        return;
    };
    let slow = FaultKind::Slow {
        milliseconds: 1_000,
    };
    let fault = Fault::new(slow, Trigger::Always).on_method("PATCH");
    cluster.simulator.salesforce().add_fault(fault);
    let mut storm = Storm::default();
    storm.blow(&cluster, 60, 60).await;
    cluster
        .until("all replicas deliver at the same time", async || {
            let deliverers = cluster.database.deliverers().await;
            let above: Vec<_> = deliverers
                .iter()
                .filter(|(_, claims)| *claims > CONCURRENT)
                .collect();
            assert!(above.is_empty(), "more than {CONCURRENT}: {above:?}");
            deliverers.len() == 3
        })
        .await;
    cluster.simulator.salesforce().clear_faults();
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repetitions_among_new_events_are_told_apart_wherever_they_come_in() {
    let Some(cluster) = Cluster::of(2).await else {
        return;
    };
    let misfit = json!({"id": "misfit", "type": "telephony.queue.waiting"});
    let events = |ids: &[&str]| {
        let events = ids.iter().map(|id| match *id {
            "misfit" => misfit.clone(),
            id => event(id, &format!("queue of {id}")),
        });
        Value::Array(events.collect())
    };
    let counts = async |replica: usize, ids: &[&str]| {
        let url = format!("{}/webhooks/genesys", cluster.replicas[replica].public);
        let sent = cluster.client.post(url).bearer_auth(TOKEN);
        let answer = sent.json(&events(ids)).send().await.unwrap();
        let counts: Value = answer.json().await.unwrap();
        ["accepted", "duplicates", "review"].map(|name| counts[name].as_u64().unwrap())
    };
    assert_eq!(counts(0, &["a", "b", "a"]).await, [2, 1, 0]);
    assert_eq!(
        counts(1, &["c", "b", "misfit", "d", "a", "c"]).await,
        [2, 3, 1]
    );
    assert_eq!(counts(0, &["d", "misfit", "c"]).await, [0, 3, 0]);
    assert_eq!(
        cluster.database.journal().await,
        ["a", "b", "c", "d", "misfit"]
    );
    let sent = ["a", "b", "c", "d"].map(|id| (format!("queue of {id}"), 1));
    cluster.all_is_well(&sent.into_iter().collect()).await;
    assert_eq!(cluster.items("review").await.len(), 1);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_a_follower_receives_wakes_the_decider_at_once() {
    let Some(cluster) = Cluster::of(2).await else {
        return;
    };
    let (decider, _) = cluster.decider().await;
    let follower = &cluster.replicas[1 - decider];
    let mut slow = 0;
    for number in 0..10 {
        let event = event(&format!("evt-{number}"), &format!("q{number}"));
        assert!(post(&cluster, &follower.public, &event).await);
        let begin = std::time::Instant::now();
        cluster
            .until("the event is decided", async || {
                let (last, decided) = cluster.database.decided().await;
                last == decided
            })
            .await;
        slow += usize::from(begin.elapsed() > Duration::from_millis(250));
    }
    assert!(slow <= 2, "{slow} of 10 waited for the decider's next look");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_stop_of_the_decider_hands_over_without_waiting_for_the_lease() {
    let Some(mut cluster) = Cluster::of(2).await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 40, 10).await;
    let (decider, owner) = cluster.decider().await;
    assert!(cluster.replicas[decider].terminate());
    cluster
        .new_decider(&owner, Duration::from_millis(2500))
        .await;
    storm.blow(&cluster, 40, 10).await;
    cluster.all_is_well(&storm.sent).await;
    cluster.end().await;
}
