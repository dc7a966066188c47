//! Silences with several replicas: whichever makes or ends one, the one that decides heeds it.

use serde_json::{Value, json};

use crate::replicas::cluster::Cluster;
use crate::replicas::replica::ADMIN_TOKEN;
use crate::replicas::storm::{event, post};

/// A POST to the admin listener of replica `number`.
async fn act(cluster: &Cluster, number: usize, path: &str, body: Value) -> Value {
    let url = format!("{}/api/v1/{path}", cluster.replicas[number].admin);
    let request = cluster.client.post(url).bearer_auth(ADMIN_TOKEN);
    let answer = request.json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_made_by_a_follower_is_heeded_by_the_decider_from_its_answer_on() {
    let Some(cluster) = Cluster::of(2).await else {
        return;
    };
    let (decider, _) = cluster.decider().await;
    let follower = 1 - decider;
    for round in 0..10 {
        let queue = format!("q{round}");
        let wanted = json!({"match": [format!("key={queue}")], "for": "2h", "reason": "a test"});
        let made = act(&cluster, follower, "silences", wanted).await;
        let event = event(&format!("evt-{round}"), &queue);
        assert!(post(&cluster, &cluster.replicas[decider].public, &event).await);
        let path = format!("incidents?key={queue}");
        cluster
            .until("the breach is recorded", async || {
                cluster.items(&path).await.len() == 1
            })
            .await;
        assert_eq!(cluster.items(&path).await[0]["waits"]["for"], "silenced");
        let id = made["id"].as_str().unwrap();
        act(
            &cluster,
            follower,
            &format!("silences/{id}/expire"),
            json!({}),
        )
        .await;
        cluster
            .until("it opens", async || {
                cluster.items(&path).await[0]["state"] == "open"
            })
            .await;
    }
    cluster
        .until("each has its ticket", async || {
            cluster.simulator.salesforce().tickets().len() == 10
        })
        .await;
    cluster.end().await;
}
