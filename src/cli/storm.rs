//! `ringdown storm`: a load of events against a daemon, repeatable by its seed.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::outcome::{Failed, Outcome};
use super::{Global, Output, config, print};
use crate::clock::Clock;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Send a load of events to a daemon on this machine.
#[derive(Debug, Clone, Args)]
pub struct StormArgs {
    /// Where events go.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/genesys")]
    pub url: String,
    /// The value of the Authorization header, such as "Bearer …".
    #[arg(long, env = "RINGDOWN_STORM_AUTHORIZATION", hide_env_values = true)]
    pub authorization: Option<String>,
    /// How many events.
    #[arg(long, default_value_t = 10_000)]
    pub events: u64,
    /// Over how many queues.
    #[arg(long, default_value_t = 200)]
    pub queues: u64,
    /// The share of events that is sent twice, in percent.
    #[arg(long, default_value_t = 0.0)]
    pub duplicates: f64,
    /// The share of events that breaches, in percent.
    #[arg(long, default_value_t = 100.0)]
    pub breaching: f64,
    /// Events per second; 0 sends as fast as answers come.
    #[arg(long, default_value_t = 0)]
    pub rate: u64,
    /// Connections at once.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Events per request.
    #[arg(long, default_value_t = 1)]
    pub batch: usize,
    /// First part of queue names.
    #[arg(long, default_value = "Storm")]
    pub prefix: String,
    /// Repeatable randomness.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The address is not this machine's, and I may put load on it.
    #[arg(long)]
    pub i_own_this_host: bool,
}

/// What came of a storm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StormReport {
    /// Requests by status; 0 for those without an answer.
    pub statuses: BTreeMap<u16, u64>,
    /// Events that the answers called accepted.
    pub accepted: u64,
    /// Events that the answers called duplicates.
    pub duplicates: u64,
    /// Events that the answers sent to review.
    pub review: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Time to answer of each request, sorted, in microseconds.
    pub latencies: Vec<u64>,
}

impl StormReport {
    /// The time to answer that `share` (0 to 1) of the requests stayed below.
    pub fn latency(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a length is an index"
        )]
        let index = (last as f64 * share.clamp(0.0, 1.0)) as usize;
        Duration::from_micros(self.latencies.get(index).copied().unwrap_or(0))
    }
}

/// Runs the storm and prints its report.
pub(super) async fn run(args: StormArgs, global: &Global) -> Outcome {
    let host = url::Url::parse(&args.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .ok_or_else(|| Failed::usage(format!("--url {:?} is not an address", args.url)))?;
    let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if !local && !args.i_own_this_host {
        return Err(Failed::usage(format!(
            "{host} is not this machine; add --i-own-this-host if you may put load on it"
        )));
    }
    let bar = ProgressBar::new(args.events);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} events  {per_sec}  {eta}")
    {
        bar.set_style(style);
    }
    let events = args.events;
    let report = storm(args, Some(bar.clone())).await;
    bar.finish_and_clear();
    print(&describe(&report, global.output));
    let answered: u64 = report.accepted + report.duplicates + report.review;
    Ok(ExitCode::from(u8::from(answered < events)))
}

/// Sends the events and gathers the answers.
pub async fn storm(args: StormArgs, progress: Option<ProgressBar>) -> StormReport {
    let args = Arc::new(args);
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut senders = JoinSet::new();
    for sender in 0..args.connections.max(1) {
        let (args, next, progress) = (Arc::clone(&args), Arc::clone(&next), progress.clone());
        senders.spawn(async move { send_share(&args, &next, sender, progress, started).await });
    }
    let mut report = StormReport::default();
    while let Some(share) = senders.join_next().await {
        merge(&mut report, share.unwrap_or_default());
    }
    report.elapsed = started.elapsed();
    report.latencies.sort_unstable();
    report
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

async fn send_share(
    args: &StormArgs,
    next: &AtomicU64,
    sender: usize,
    progress: Option<ProgressBar>,
    started: Instant,
) -> StormReport {
    let mut report = StormReport::default();
    let Ok(client) = reqwest::Client::builder().timeout(PATIENCE).build() else {
        return report;
    };
    let mut random = SmallRng::seed_from_u64(args.seed.wrapping_add(sender as u64));
    let batch = args.batch.max(1) as u64;
    loop {
        let first = next.fetch_add(batch, Ordering::Relaxed);
        if first >= args.events {
            return report;
        }
        keep_rate(args.rate, first, started).await;
        let last = (first + batch).min(args.events);
        let mut events: Vec<Value> = (first..last)
            .map(|number| event(args, number, &mut random))
            .collect();
        if random.random_bool((args.duplicates / 100.0).clamp(0.0, 1.0)) {
            events.push(events.first().cloned().unwrap_or_default());
        }
        let body = match events.as_slice() {
            [single] => single.to_string(),
            several => Value::from(several.to_vec()).to_string(),
        };
        send(&client, args, body, &mut report).await;
        if let Some(progress) = &progress {
            progress.inc(last - first);
        }
    }
}

async fn keep_rate(rate: u64, number: u64, started: Instant) {
    if let Some(micros) = (number * 1_000_000).checked_div(rate) {
        let due = started + Duration::from_micros(micros);
        tokio::time::sleep_until(due.into()).await;
    }
}

fn event(args: &StormArgs, number: u64, random: &mut SmallRng) -> Value {
    let queue = number % args.queues.max(1);
    let breaches = random.random_bool((args.breaching / 100.0).clamp(0.0, 1.0));
    let average = if breaches {
        random.random_range(301..900)
    } else {
        random.random_range(5..200)
    };
    json!({
        "id": format!("{}-{}-{number}", args.prefix, args.seed),
        "type": "telephony.queue.waiting",
        "timestamp": Clock::System.now().to_string(),
        "queue": {"id": format!("{}-{queue:04}", args.prefix.to_lowercase())},
        "metrics": [{"name": format!("{} {queue:04}", args.prefix), "avg": average}],
    })
}

async fn send(client: &reqwest::Client, args: &StormArgs, body: String, report: &mut StormReport) {
    let mut request = client
        .post(&args.url)
        .header("content-type", "application/json")
        .body(body);
    if let Some(authorization) = &args.authorization {
        request = request.header("authorization", authorization);
    }
    let sent = Instant::now();
    let Ok(response) = request.send().await else {
        *report.statuses.entry(0).or_default() += 1;
        return;
    };
    let status = response.status().as_u16();
    let answer: Value = response.json().await.unwrap_or_default();
    let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
    report.latencies.push(micros);
    *report.statuses.entry(status).or_default() += 1;
    let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
    report.accepted += count("accepted");
    report.duplicates += count("duplicates");
    report.review += count("review");
}

fn describe(report: &StormReport, output: Output) -> String {
    let seconds = report.elapsed.as_secs_f64();
    let events = report.accepted + report.duplicates + report.review;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let per_second = events as f64 / seconds;
    let milliseconds = |share: f64| report.latency(share).as_secs_f64() * 1000.0;
    if output == Output::Json {
        return config::pretty(&json!({
            "accepted": report.accepted, "duplicates": report.duplicates, "review": report.review,
            "statuses": report.statuses, "seconds": seconds, "events_per_second": per_second,
            "latency_ms": {"p50": milliseconds(0.5), "p99": milliseconds(0.99), "max": milliseconds(1.0)},
        }));
    }
    let statuses: Vec<String> = report
        .statuses
        .iter()
        .map(|(status, count)| match status {
            0 => format!("no answer: {count}"),
            status => format!("{status}: {count}"),
        })
        .collect();
    format!(
        "accepted {}, duplicates {}, review {}\nanswers    {}\n{events} events in {seconds:.1} s: {per_second:.0} per second\ntime to answer: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        report.accepted,
        report.duplicates,
        report.review,
        statuses.join(", "),
        milliseconds(0.5),
        milliseconds(0.99),
        milliseconds(1.0),
    )
}
