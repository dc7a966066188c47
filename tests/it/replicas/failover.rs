//! Tickets go to the next target while the first is away, and what replicas know of that.

use serde_json::Value;

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::storm::Storm;

const SECOND_TARGET: &str = r#"
[rules.queue-wait]
targets = ["salesforce", "servicenow"]
[targets.salesforce]
failover_after = "1s"
[targets.salesforce.retry]
base = "100ms"
[targets.servicenow]
kind = "servicenow"
base_url = "{servicenow}"
timeout = "5s"
[targets.servicenow.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = { env = "CRM_SECRET" }
[targets.servicenow.limit]
per_second = 100
concurrent = 4
[targets.servicenow.create]
short_description = "{{ queue_name }} waits too long"
"#;

async fn opened_in(cluster: &Cluster, target: &str) -> usize {
    let incidents = cluster.items("incidents").await;
    let is_there =
        |one: &&Value| one["ticket"]["target"] == target && one["ticket"]["id"].is_string();
    incidents.iter().filter(is_there).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_fail_over_once_and_the_one_that_is_left_notices_that_the_first_is_back() {
    let configured = Cluster::configured(2, CLIENT_CREDENTIALS, SECOND_TARGET).await;
    let Some(mut cluster) = configured else {
        return;
    };
    cluster.simulator.salesforce().refuse_connections(true);
    let mut storm = Storm::default();
    storm.blow(&cluster, 60, 30).await;
    cluster
        .until("thirty tickets are in the second target", async || {
            opened_in(&cluster, "servicenow").await == 30
        })
        .await;
    // Who said that the first is away dies, and nothing is owed to it any more.
    let owner = cluster.database.health_keeper().await.unwrap();
    let keeper = cluster.number_of(&owner);
    cluster.replicas[keeper].kill();
    cluster.simulator.salesforce().refuse_connections(false);
    cluster
        .until("the first target is said to be up", async || {
            cluster.database.health_keeper().await.is_none()
        })
        .await;
    storm.blow(&cluster, 90, 45).await;
    cluster
        .until(
            "the new queues have their tickets in the first target",
            async || opened_in(&cluster, "salesforce").await == 15,
        )
        .await;
    assert_eq!(opened_in(&cluster, "servicenow").await, 30);
    assert_eq!(cluster.simulator.salesforce().tickets().len(), 15);
    assert_eq!(cluster.simulator.servicenow().tickets().len(), 30);
    cluster.end().await;
}
