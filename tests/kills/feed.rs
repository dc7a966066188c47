//! The sender: breaches for ever new queues, each sent until it is acknowledged, as Genesys
//! repeats what was not answered with a 2xx.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::world::{TOKEN, World, event};

/// Queues that begin to breach in one life of the process.
const QUEUES: u32 = 3;
/// Events sent at once.
const AT_ONCE: usize = 4;
/// Pause when nobody answers, while the process starts or is dead.
const PAUSE: Duration = Duration::from_millis(10);

/// What was sent, and what of it was acknowledged.
#[derive(Default)]
pub(crate) struct Feed {
    /// Queues that are breaching for good.
    pub(crate) queues: u32,
    /// Ids of the events that got a 202.
    pub(crate) acknowledged: BTreeSet<String>,
    sent: u32,
    resent: u32,
    unanswered: VecDeque<(String, Value)>,
}

impl fmt::Display for Feed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} events acknowledged, {} sent again, {} queues",
            self.acknowledged.len(),
            self.resent,
            self.queues
        )
    }
}

impl Feed {
    pub(crate) fn open_queues(&mut self) {
        self.queues += QUEUES;
    }

    /// Sends a few events at once: first those that were not answered.
    pub(crate) async fn send_some(&mut self, world: &World) {
        while self.unanswered.len() < AT_ONCE {
            let id = format!("evt-{}", self.sent);
            let newest = self.queues - 1 - self.sent % QUEUES;
            let breach = event(&id, &format!("q{newest}"), 400.0);
            self.sent += 1;
            self.unanswered.push_back((id, breach));
        }
        self.send(world).await;
    }

    /// Sends until everything is acknowledged.
    pub(crate) async fn send_the_rest(&mut self, world: &World) {
        // Every queue is heard of at least once.
        for queue in 0..self.queues {
            let id = format!("last-{queue}");
            let breach = event(&id, &format!("q{queue}"), 400.0);
            self.unanswered.push_back((id, breach));
        }
        while !self.unanswered.is_empty() {
            self.send(world).await;
        }
    }

    async fn send(&mut self, world: &World) {
        let count = self.unanswered.len().min(AT_ONCE);
        let some: Vec<(String, Value)> = self.unanswered.drain(..count).collect();
        let answers = some.iter().map(|(_, event)| post(world, event));
        let answers = futures::future::join_all(answers).await;
        let none_answered = answers.iter().all(|answered| !answered);
        for ((id, event), acknowledged) in some.into_iter().zip(answers) {
            if acknowledged {
                self.acknowledged.insert(id);
            } else {
                self.resent += 1;
                self.unanswered.push_back((id, event));
            }
        }
        if none_answered {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn post(world: &World, event: &Value) -> bool {
    let answer = world
        .client
        .post(format!("{}/webhooks/genesys", world.public))
        .bearer_auth(TOKEN)
        .header("content-type", "application/json")
        .body(event.to_string())
        .send()
        .await;
    answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::ACCEPTED)
}
