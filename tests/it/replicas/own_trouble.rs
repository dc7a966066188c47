//! Trouble of our own on PostgreSQL, whatever language its text is ordered by.

use serde_json::json;

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::replica::ADMIN_TOKEN;
use crate::replicas::storm::post;

const OWN_TROUBLE: &str = r#"
[own_trouble]
targets = ["salesforce"]
on_recovery = "resolve"
clear_for = "1s"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticket_about_events_not_understood_is_resolved_when_a_person_has_looked() {
    let configured = Cluster::configured(2, CLIENT_CREDENTIALS, OWN_TROUBLE);
    let Some(mut cluster) = configured.await else {
        return;
    };
    let odd = json!({"id": "odd", "type": "telephony.queue.waiting", "metrics": [{"avg": 400}]});
    assert!(post(&cluster, &cluster.replicas[0].public, &odd).await);
    cluster
        .until("it has a ticket", async || {
            cluster.simulator.salesforce().tickets().len() == 1
        })
        .await;
    // What they told of is forgotten with the processes; the database remembers.
    for replica in &mut cluster.replicas {
        assert!(replica.terminate());
    }
    cluster.begin().await;
    let id = cluster.items("review").await[0]["id"].to_string();
    let path = format!("/api/v1/review/{}/discard", id.trim_matches('"'));
    let asked = cluster
        .client
        .post(format!("{}{path}", cluster.replicas[1].admin))
        .bearer_auth(ADMIN_TOKEN);
    assert!(asked.send().await.unwrap().status().is_success());
    cluster
        .until("the ticket is resolved", async || {
            cluster.simulator.salesforce().tickets()[0]["IsClosed"] == true
        })
        .await;
    assert_eq!(cluster.simulator.salesforce().tickets().len(), 1);
    cluster.end().await;
}
