//! What is remembered of a key beyond its incidents, and the timeline, on PostgreSQL and over a
//! change of the replica that decides.

use std::time::Duration;

use serde_json::json;

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::storm::{event, post};

const FLAPS: &str = r#"
[rules.flaps]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
clear_for = "0s"
key = "{{ queue_id }}"
burst_lock = "0s"
flapping = { times = 2, within = "1h", calm = "1h" }
on_recovery = "resolve"
targets = ["salesforce"]
"#;

async fn say(cluster: &Cluster, replica: usize, id: &str, average: f64) {
    let mut reading = event(id, "q1");
    reading["metrics"][0]["avg"] = json!(average);
    assert!(post(cluster, &cluster.replicas[replica].public, &reading).await);
    cluster
        .until("the event is decided", async || {
            let (last, decided) = cluster.database.decided().await;
            last == decided
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_replica_knows_how_often_trouble_has_begun_and_tells_the_whole_timeline() {
    let Some(mut cluster) = Cluster::configured(2, CLIENT_CREDENTIALS, FLAPS).await else {
        return;
    };
    let (decider, owner) = cluster.decider().await;
    for round in 0..2 {
        say(&cluster, decider, &format!("up-{round}"), 400.0).await;
        say(&cluster, decider, &format!("down-{round}"), 100.0).await;
    }
    assert!(cluster.replicas[decider].terminate());
    let other = cluster.new_decider(&owner, Duration::from_secs(10)).await;
    say(&cluster, other, "up-2", 400.0).await;
    say(&cluster, other, "down-2", 100.0).await;
    say(&cluster, other, "up-3", 400.0).await;

    let incidents = cluster.items("incidents?rule=flaps").await;
    assert_eq!(incidents.len(), 3, "{incidents:?}");
    assert_eq!(incidents[0]["flapping"], true, "{incidents:?}");
    let id = incidents[0]["id"].as_str().unwrap();
    cluster
        .until("the ticket is told", async || {
            let timeline = cluster.items(&format!("incidents/{id}/timeline")).await;
            timeline.iter().any(|one| one["what"] == "update written")
        })
        .await;
    let timeline = cluster.items(&format!("incidents/{id}/timeline")).await;
    for what in [
        "opened",
        "flapping",
        "ticket to be created",
        "flapping_held",
        "active_incident",
    ] {
        let told = timeline.iter().any(|one| one["what"] == what);
        assert!(told, "{what} is missing in {timeline:#?}");
    }
    cluster.end().await;
}
