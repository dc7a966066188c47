//! Replicas share an outage: one ticket, whoever dies meanwhile.

use std::time::Duration;

use serde_json::Value;

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::storm::{Storm, event, post};

/// The lease on deciding lasts 5 s, and the others look every second.
const DECIDER_FOLLOWED: Duration = Duration::from_secs(9);

const OUTAGE: &str = r#"
[outages.site]
group_by = "all"
rules = ["queue-wait"]
at_least = 10
within = "2m"
hold = "1s"
targets = ["salesforce"]
"#;

fn outages(tickets: &[Value]) -> Vec<&Value> {
    let is_outage = |one: &&Value| one["Subject"].as_str().unwrap().contains("outage site");
    tickets.iter().filter(is_outage).collect()
}

/// Every queue recovers, told to whichever replica takes it.
async fn recover(cluster: &Cluster, queues: u64) {
    for queue in 0..queues {
        let mut calm = event(&format!("calm-{queue}"), &format!("q{queue}"));
        calm["metrics"][0]["avg"] = 100.0.into();
        cluster
            .until("a replica takes it", async || {
                for replica in cluster.replicas.iter().filter(|one| one.is_running()) {
                    if post(cluster, &replica.public, &calm).await {
                        return true;
                    }
                }
                false
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_queues_are_one_ticket_though_the_decider_dies_in_the_middle() {
    let configured = Cluster::configured(2, CLIENT_CREDENTIALS, OUTAGE);
    let Some(mut cluster) = configured.await else {
        return;
    };
    let mut storm = Storm::default();
    storm.blow(&cluster, 1, 1).await;
    cluster
        .until("the first queue has its ticket", async || {
            cluster.simulator.salesforce().tickets().len() == 1
        })
        .await;
    storm.blow(&cluster, 100, 200).await;
    let (decider, owner) = cluster.decider().await;
    cluster.replicas[decider].kill();
    let (_, ()) = tokio::join!(
        cluster.new_decider(&owner, DECIDER_FOLLOWED),
        storm.blow(&cluster, 99, 200)
    );
    cluster.replicas[decider].start();
    cluster.ready(decider).await;
    cluster
        .until("every queue is a member", async || {
            let outages = cluster.items("incidents?rule=outage:site").await;
            outages.len() == 1 && outages[0]["members"] == 200
        })
        .await;
    cluster
        .until("everything is delivered", async || {
            let deliveries = cluster.items("deliveries").await;
            deliveries.len() > 2 && deliveries.iter().all(|one| one["state"] == "done")
        })
        .await;
    let tickets = cluster.simulator.salesforce().tickets();
    assert_eq!(tickets.len(), 2, "the first one's and the outage's");
    let outage = outages(&tickets)[0]["Id"].clone();
    assert_eq!(tickets[0]["ParentId"], outage);
    recover(&cluster, 200).await;
    cluster
        .until("both tickets are closed", async || {
            let tickets = cluster.simulator.salesforce().tickets();
            tickets.iter().all(|one| one["IsClosed"] == true)
        })
        .await;
    cluster
        .until("every incident is over", async || {
            let all = cluster.items("incidents").await;
            all.len() == 201 && all.iter().all(|one| one["state"] == "closed")
        })
        .await;
    assert_eq!(cluster.simulator.salesforce().tickets().len(), 2);
    cluster.end().await;
}
