//! A client that spreads events over the replicas, and goes to the next one until it hears
//! 202.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::replica::TOKEN;

/// Events sent at the same time.
const AT_ONCE: usize = 8;
/// Most tries for one event.
const TRIES: usize = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

pub(crate) fn event(id: &str, queue: &str) -> Value {
    json!({
        "id": id, "type": "telephony.queue.waiting",
        "timestamp": ringdown::clock::Clock::System.now().to_string(),
        "queue": {"id": queue}, "metrics": [{"name": format!("Queue {queue}"), "avg": 400.0}],
    })
}

/// Events that were sent: how many of each queue.
#[derive(Debug, Default)]
pub(crate) struct Storm {
    pub(crate) sent: BTreeMap<String, u64>,
    number: u64,
}

impl Storm {
    /// Sends `count` breaches of `queues` queues; each is accepted by some replica.
    pub(crate) async fn blow(&mut self, cluster: &Cluster, count: u64, queues: u64) {
        use futures::StreamExt;
        let begin = self.number;
        self.number += count;
        let sending = (begin..begin + count).map(|number| {
            let queue = format!("q{}", number % queues);
            async move {
                accept(cluster, number, &queue).await;
                queue
            }
        });
        let mut sent = futures::stream::iter(sending).buffer_unordered(AT_ONCE);
        while let Some(queue) = sent.next().await {
            *self.sent.entry(queue).or_default() += 1;
        }
    }
}

async fn accept(cluster: &Cluster, number: u64, queue: &str) {
    let event = event(&format!("evt-{number}"), queue);
    let first = usize::try_from(number).unwrap();
    for attempt in 0..TRIES {
        let replica = &cluster.replicas[(first + attempt) % cluster.replicas.len()];
        if replica.is_running() && post(cluster, &replica.public, &event).await {
            return;
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    panic!("no replica takes evt-{number}");
}

/// Sends `event` to one replica; answers whether it was accepted.
pub(crate) async fn post(cluster: &Cluster, public: &str, event: &Value) -> bool {
    let answer = cluster
        .client
        .post(format!("{public}/webhooks/genesys"))
        .bearer_auth(TOKEN)
        .json(event)
        .send()
        .await;
    answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::ACCEPTED)
}
