//! Sends a storm over many connections, and gathers the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;
use url::Url;

use super::super::client;
use super::super::progress::Progress;
use super::args::{Rate, StormArgs};
use super::events::load;
use super::report::{CannotStorm, StormReport};
use crate::clock::Clock;
use crate::outbound::Client;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
pub(in crate::cli) const SERVICE_UNAVAILABLE: u16 = 503;
/// For how long a request that is answered 503 is sent again, and after which wait.
pub(in crate::cli) const REPEATS_FOR: Duration = Duration::from_secs(60);
pub(in crate::cli) const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// One connection at a time, and what it sends.
struct Sender {
    client: Client,
    url: Url,
    args: Arc<StormArgs>,
    /// The first event that nobody has sent yet.
    next: Arc<AtomicU64>,
    started: Instant,
    progress: Option<Arc<Progress>>,
    report: StormReport,
}

/// Sends the events and gathers the answers.
///
/// # Errors
///
/// [`CannotStorm`] when nothing could be sent at all.
pub async fn storm(
    args: StormArgs,
    progress: Option<Arc<Progress>>,
) -> Result<StormReport, CannotStorm> {
    let url = client::address(&args.url).map_err(|failed| CannotStorm(failed.message))?;
    let client = client::http(PATIENCE).map_err(|failed| CannotStorm(failed.message))?;
    let max_idle = usize::from(!args.new_connections);
    let args = Arc::new(args);
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..args.connections {
        let sender = Sender {
            client: client.with_own_connections(max_idle),
            url: url.clone(),
            args: Arc::clone(&args),
            next: Arc::clone(&next),
            started,
            progress: progress.clone(),
            report: StormReport::default(),
        };
        senders.spawn(sender.run());
    }
    let mut report = StormReport::default();
    while let Some(share) = senders.join_next().await {
        merge(&mut report, share.unwrap_or_default());
    }
    report.elapsed = started.elapsed();
    report.latencies.sort_unstable();
    Ok(report)
}

fn merge(report: &mut StormReport, share: StormReport) {
    for (status, count) in share.statuses {
        *report.statuses.entry(status).or_default() += count;
    }
    report.accepted += share.accepted;
    report.duplicates += share.duplicates;
    report.review += share.review;
    report.latencies.extend(share.latencies);
}

impl Sender {
    async fn run(mut self) -> StormReport {
        loop {
            let first = self.next.fetch_add(self.args.batch, Ordering::Relaxed);
            if first >= self.args.events {
                return self.report;
            }
            self.keep_rate(first).await;
            let load = load(&self.args, first, Clock::System.now());
            if load.twice {
                self.send_until_taken(&load.body).await;
            }
            self.send_until_taken(&load.body).await;
            if let Some(progress) = &self.progress {
                progress.add(load.events);
            }
        }
    }

    async fn keep_rate(&self, number: u64) {
        if let Rate::PerSecond(rate) = self.args.rate {
            let due = self.started + Duration::from_micros(number * 1_000_000 / rate);
            tokio::time::sleep_until(due.into()).await;
        }
    }

    async fn send_until_taken(&mut self, body: &str) {
        let until = Instant::now() + REPEATS_FOR;
        while !self.is_taken(body.to_owned(), until).await {
            tokio::time::sleep(REPEAT_AFTER).await;
        }
    }

    /// Sends once. Whether the answer counts: otherwise the body is to be sent again, until `until`.
    async fn is_taken(&mut self, body: String, until: Instant) -> bool {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .body(body);
        if let Some(authorization) = &self.args.authorization {
            request = request.header("authorization", authorization);
        }
        let sent = Instant::now();
        let Ok(response) = self.client.fetch(request).await else {
            *self.report.statuses.entry(0).or_default() += 1;
            return true;
        };
        let status = response.status.as_u16();
        let may_repeat = self.args.repeat_refused && Instant::now() < until;
        if status == SERVICE_UNAVAILABLE && may_repeat {
            return false;
        }
        let answer = response.json();
        let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.report.latencies.push(micros);
        *self.report.statuses.entry(status).or_default() += 1;
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.report.accepted += count("accepted");
        self.report.duplicates += count("duplicates");
        self.report.review += count("review");
        true
    }
}
