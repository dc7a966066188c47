//! A sender as Genesys is one: it repeats an event until it hears 202, over a new connection
//! each time, and knows for sure what was acknowledged.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::world::TOKEN;

/// Requests under way at once.
const WORKERS: usize = 4;
/// Most events in one request.
const MOST_IN_ONE: usize = 3;
/// Rest after a request that got no 202; far shorter than Genesys's, so that it falls into the
/// next life's first moments.
const REST: Duration = Duration::from_millis(5);
/// Genesys waits no longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a sender knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    waiting: VecDeque<Value>,
    in_flight: usize,
    /// Ids of the events that a 202 was heard for.
    pub(crate) acknowledged: BTreeSet<String>,
    /// Events sent again, because no 202 was heard.
    pub(crate) resent: u64,
    /// Events that were there already, as the answers say.
    pub(crate) duplicates: u64,
    /// Answers that are neither 202 nor a reason to repeat, or whose numbers are wrong.
    pub(crate) wrong: Vec<String>,
}

struct Shared {
    client: reqwest::Client,
    url: String,
    ledger: Mutex<Ledger>,
    more: Notify,
}

/// Sends until it is dropped.
pub(crate) struct Sender {
    shared: Arc<Shared>,
    _workers: JoinSet<()>,
}

impl Sender {
    /// A sender to the public listener at `public`.
    pub(crate) fn new(public: &str) -> Self {
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let shared = Arc::new(Shared {
            client,
            url: format!("{public}/webhooks/genesys"),
            ledger: Mutex::default(),
            more: Notify::new(),
        });
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(send_on(Arc::clone(&shared)));
        }
        Self {
            shared,
            _workers: workers,
        }
    }

    /// Sends `event` from now on, until it is acknowledged.
    pub(crate) fn send(&self, event: Value) {
        self.ledger().waiting.push_back(event);
        self.shared.more.notify_one();
    }

    /// What is known.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared.ledger.lock().unwrap()
    }

    /// Whether everything is acknowledged.
    pub(crate) fn is_done(&self) -> bool {
        let ledger = self.ledger();
        ledger.waiting.is_empty() && ledger.in_flight == 0
    }
}

impl Shared {
    /// The next events to send together.
    fn take(&self) -> Vec<Value> {
        let mut ledger = self.ledger.lock().unwrap();
        let count = ledger.waiting.len().min(MOST_IN_ONE);
        ledger.in_flight += count;
        ledger.waiting.drain(..count).collect()
    }

    async fn post(&self, events: &[Value]) -> Result<(StatusCode, Value), reqwest::Error> {
        let request = self.client.post(&self.url).bearer_auth(TOKEN);
        let answer = match events {
            [single] => request.json(single),
            many => request.json(many),
        };
        let answer = answer.send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    fn note(&self, events: Vec<Value>, answer: Result<(StatusCode, Value), reqwest::Error>) {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.in_flight -= events.len();
        match answer {
            Ok((StatusCode::ACCEPTED, counts)) => ledger.acknowledge(&events, &counts),
            Ok((status, body)) if status != 503 => {
                ledger.wrong.push(format!("{status}: {body}"));
            }
            Ok(_) | Err(_) => {
                ledger.resent += events.len() as u64;
                ledger.waiting.extend(events);
            }
        }
    }
}

impl Ledger {
    fn acknowledge(&mut self, events: &[Value], counts: &Value) {
        let count = |name: &str| counts[name].as_u64().unwrap_or_default();
        if count("accepted") + count("duplicates") != events.len() as u64 {
            self.wrong
                .push(format!("202 for {}: {counts}", events.len()));
        }
        self.duplicates += count("duplicates");
        let ids = events.iter().filter_map(|event| event["id"].as_str());
        self.acknowledged.extend(ids.map(str::to_owned));
    }
}

async fn send_on(shared: Arc<Shared>) {
    loop {
        let events = shared.take();
        if events.is_empty() {
            shared.more.notified().await;
            continue;
        }
        let answer = shared.post(&events).await;
        let failed = !matches!(answer, Ok((StatusCode::ACCEPTED, _)));
        shared.note(events, answer);
        if failed {
            tokio::time::sleep(REST).await;
        }
    }
}
