//! A client that spreads events over the replicas, and goes to the next one until it hears
//! 202.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::replicas::cluster::Cluster;
use crate::replicas::replica::TOKEN;

/// Events sent at the same time.
const AT_ONCE: usize = 8;
/// Most tries for one event.
const TRIES: usize = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// Every so manieth event is sent once more, to another replica, as by a sender that did not
/// hear the answer.
const REPEATED: u64 = 5;

pub(crate) fn event(id: &str, queue: &str) -> Value {
    event_ahead(id, queue, Duration::ZERO)
}

/// An event of a time to come.
fn event_ahead(id: &str, queue: &str, ahead: Duration) -> Value {
    json!({
        "id": id, "type": "telephony.queue.waiting",
        "timestamp": ringdown::clock::Clock::System.now().plus(ahead).to_string(),
        "queue": {"id": queue}, "metrics": [{"name": format!("Queue {queue}"), "avg": 400.0}],
    })
}

/// Events that were sent: how many of each queue.
#[derive(Debug, Default)]
pub(crate) struct Storm {
    pub(crate) sent: BTreeMap<String, u64>,
    /// The ids of those that a 202 was heard for.
    acknowledged: BTreeSet<String>,
    /// Requests that were sent because an earlier one got no 202, or as if it had not.
    pub(crate) repetitions: u64,
    /// How far the replicas' clocks are ahead.
    pub(crate) ahead: Duration,
    number: u64,
}

impl Storm {
    /// Sends `count` breaches of `queues` queues; each is accepted by some replica.
    pub(crate) async fn blow(&mut self, cluster: &Cluster, count: u64, queues: u64) {
        use futures::StreamExt;
        let (begin, ahead) = (self.number, self.ahead);
        self.number += count;
        let sending = (begin..begin + count).map(|number| {
            let (id, queue) = (format!("evt-{number}"), format!("q{}", number % queues));
            async move {
                let event = event_ahead(&id, &queue, ahead);
                let requests = accept(cluster, number, &event).await;
                (id, queue, requests)
            }
        });
        let mut sent = futures::stream::iter(sending).buffer_unordered(AT_ONCE);
        while let Some((id, queue, requests)) = sent.next().await {
            self.repetitions += requests - 1;
            self.expect(&id, &queue);
        }
    }

    /// The ids of all events that a 202 was heard for, in their order as text.
    pub(crate) fn acknowledged(&self) -> Vec<String> {
        self.acknowledged.iter().cloned().collect()
    }

    /// An event that was acknowledged.
    pub(crate) fn expect(&mut self, id: &str, queue: &str) {
        self.acknowledged.insert(id.to_owned());
        *self.sent.entry(queue.to_owned()).or_default() += 1;
    }
}

/// Sends one event until a replica takes it; answers how many requests it took.
async fn accept(cluster: &Cluster, number: u64, event: &Value) -> u64 {
    let mut requests = 0;
    let first = usize::try_from(number).unwrap();
    for attempt in 0..TRIES {
        let replica = &cluster.replicas[(first + attempt) % cluster.replicas.len()];
        if replica.is_running() {
            requests += 1;
            if post(cluster, &replica.public, event).await {
                let other = &cluster.replicas[(first + attempt + 1) % cluster.replicas.len()];
                if number.is_multiple_of(REPEATED) && other.is_running() {
                    requests += 1;
                    post(cluster, &other.public, event).await;
                }
                return requests;
            }
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    panic!("no replica takes {event}");
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
