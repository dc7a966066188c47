//! `ringdown storm`: a load of events against a daemon, the same for the same seed.
//!
//! Owns the command; `events` writes what is sent, `send` sends it.

mod args;
mod events;
mod report;
mod send;

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::outcome::{Failed, NOT_FINE, Outcome};
use super::progress::Progress;
use super::{Global, Output, client, config, print};
use crate::outbound;

pub use args::{Rate, Shape, StormArgs};
pub use report::{CannotStorm, StormReport};
pub use send::storm;
pub(super) use send::{REPEAT_AFTER, REPEATS_FOR, SERVICE_UNAVAILABLE};

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
