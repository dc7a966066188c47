//! `ringdown storm`: a load of events against a daemon, the same for the same seed.
//!
//! Owns the command and its report; `events` writes what is sent, `send` sends it.

mod events;
mod send;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::outcome::{Failed, NOT_FINE, Outcome};
use super::progress::Progress;
use super::{Global, Output, client, config, print};
use crate::outbound;

pub use send::storm;

/// Send a load of events to a daemon on this machine.
#[derive(Debug, Clone, Args)]
pub struct StormArgs {
    /// Where events go.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/genesys")]
    pub url: String,
    /// The value of the Authorization header, such as "Bearer …".
    #[arg(
        long,
        visible_alias = "auth",
        env = "RINGDOWN_STORM_AUTHORIZATION",
        hide_env_values = true
    )]
    pub authorization: Option<String>,
    /// How many different events, at most ten million.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub events: u64,
    /// Over how many queues.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub queues: u64,
    /// The share of requests that is sent a second time, such as 5%.
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = percent)]
    pub duplicates: f64,
    /// The share of events that breaches 300 s.
    #[arg(long, value_name = "PERCENT", default_value = "100%", value_parser = percent)]
    pub breaching: f64,
    /// Events per second, or `max`: as fast as answers come.
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = rate)]
    pub rate: Rate,
    /// Connections at once.
    #[arg(long, default_value_t = 64, value_parser = at_once)]
    pub connections: usize,
    /// A new connection for each request, as Genesys's EventBridge destination does.
    #[arg(long)]
    pub new_connections: bool,
    /// Events per request; more than one makes an array.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub batch: u64,
    /// What an event looks like.
    #[arg(long, value_enum, default_value_t = Shape::Guide)]
    pub shape: Shape,
    /// First part of event ids and queue names; another one makes new incidents.
    #[arg(long, default_value = "Storm")]
    pub prefix: String,
    /// The same seed makes the same events; repeated against one daemon they are duplicates.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The address is not this machine's, and I may put load on it.
    #[arg(long)]
    pub i_own_this_host: bool,
}

/// What an event of a storm looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// The guide's event: one queue, one average.
    Guide,
    /// A queue observation of Genesys Cloud in its EventBridge envelope.
    Observation,
}

/// How fast a storm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As fast as answers come.
    Max,
    /// So many events per second; never zero.
    PerSecond(u64),
}

/// Nothing could be sent: the address is not one, or TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CannotStorm(String);

impl From<CannotStorm> for Failed {
    fn from(error: CannotStorm) -> Self {
        Self::usage(error.to_string())
    }
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
    pub elapsed: Duration,
    /// Time to answer of each answered request, sorted, in microseconds.
    pub latencies: Vec<u64>,
}

impl StormReport {
    /// The time to answer that `share` (0 to 1) of the answered requests stayed below.
    pub fn latency(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a length is an index"
        )]
        let index = (last as f64 * share.clamp(0.0, 1.0)).ceil() as usize;
        Duration::from_micros(self.latencies.get(index).copied().unwrap_or(0))
    }

    /// Whether every request was answered 202.
    pub fn all_taken(&self) -> bool {
        !self.statuses.is_empty() && self.statuses.keys().all(|status| *status == 202)
    }
}

fn percent(text: &str) -> Result<f64, String> {
    text.trim_end_matches('%')
        .parse()
        .ok()
        .filter(|share| (0.0..=100.0).contains(share))
        .ok_or_else(|| "is to be a share from 0% to 100%".to_owned())
}

fn rate(text: &str) -> Result<Rate, String> {
    match text.parse() {
        _ if text == "max" => Ok(Rate::Max),
        Ok(events) if events > 0 => Ok(Rate::PerSecond(events)),
        _ => Err("is to be a number of events per second, or max".to_owned()),
    }
}

fn at_once(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=10_000).contains(count))
        .ok_or_else(|| "is to be a number from 1 to 10000".to_owned())
}

/// Runs the storm and prints its report. Exit status 1 when a request was not answered 202.
pub(super) async fn run(args: StormArgs, global: &Global) -> Outcome {
    let url = client::address(&args.url)?;
    if !outbound::is_local(&url) && !args.i_own_this_host {
        return Err(Failed::usage(format!(
            "{} is not this machine; add --i-own-this-host if you may put load on it",
            url.host_str().unwrap_or_default()
        )));
    }
    let progress = Arc::new(Progress::new(args.events));
    let report = storm(args, Some(Arc::clone(&progress))).await?;
    progress.clear();
    print(&describe(&report, global.output));
    Ok(if report.all_taken() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_FINE)
    })
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
            0 => format!("none {count}"),
            status => format!("{status} {count}"),
        })
        .collect();
    let mut text = format!(
        "events     accepted {}, duplicates {}, review {}\nanswers    {}\nspeed      {events} events in {seconds:.1} s, {per_second:.0} per second",
        report.accepted,
        report.duplicates,
        report.review,
        statuses.join(", "),
    );
    if !report.latencies.is_empty() {
        text.push_str(&format!(
            "\nto answer  p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            milliseconds(0.5),
            milliseconds(0.99),
            milliseconds(1.0),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_answers_stays_below_its_latency() {
        let report = StormReport {
            latencies: (1..=100).collect(),
            ..StormReport::default()
        };
        let micros = |share| report.latency(share).as_micros();
        assert_eq!([micros(0.0), micros(0.99), micros(1.0)], [1, 100, 100]);
        assert_eq!(StormReport::default().latency(0.5), Duration::ZERO);
    }

    #[test]
    fn one_refused_request_is_not_fine_however_many_duplicates_were_counted() {
        let report = StormReport {
            statuses: BTreeMap::from([(202, 100), (429, 1)]),
            accepted: 90,
            duplicates: 50,
            ..StormReport::default()
        };
        assert!(!report.all_taken());
    }
}
