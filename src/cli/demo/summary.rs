//! What the demo showed, as the daemon's metrics and API and the simulated CRMs count it, and
//! whether that is as it should be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::outcome::Failed;
use super::crms::{CRMS, DemoCrm};
use super::lines::wrapped;
use super::script::{QUEUES, QUEUES_OF_A_CRM};
use super::stage::Stage;

/// What the demo showed, counted by the daemon and the simulated CRMs.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) tickets: BTreeMap<&'static str, usize>,
    pub(super) resolved: BTreeMap<&'static str, usize>,
    pub(super) sent: u64,
    pub(super) accepted: f64,
    pub(super) repeated: u64,
    pub(super) duplicates: f64,
    pub(super) review: usize,
    pub(super) suppressed: BTreeMap<String, f64>,
    pub(super) parked_seen: usize,
    pub(super) dead_letters_left: usize,
    pub(super) token_calls: usize,
    pub(super) times_to_ticket: TimesToTicket,
    pub(super) elapsed: Duration,
}

/// What the daemon's histogram says: how many tickets, and the upper bounds in seconds of the
/// buckets in which the median and the longest time lie.
#[derive(Debug, Default)]
pub(super) struct TimesToTicket {
    pub(super) count: f64,
    pub(super) median: f64,
    pub(super) longest: f64,
}

impl Summary {
    /// One ticket per breached queue, half of them in each CRM, all resolved, every event accounted for, both
    /// misfits in review, deliveries parked meanwhile and no dead letter left.
    pub(super) fn is_as_it_should_be(&self) -> bool {
        let all = |counts: &BTreeMap<&str, usize>| {
            counts.len() == CRMS.len()
                && counts
                    .values()
                    .all(|count| *count as u64 == QUEUES_OF_A_CRM)
        };
        all(&self.tickets)
            && all(&self.resolved)
            && same(self.times_to_ticket.count, QUEUES)
            && same(self.accepted, self.sent)
            && self.repeated > 0
            && same(self.duplicates, self.repeated)
            && self.review == 2
            && self.parked_seen > 0
            && self.dead_letters_left == 0
            && self.suppressed.get("active_incident").copied() > Some(0.0)
    }

    /// The summary for the terminal.
    pub(super) fn describe(&self) -> String {
        let suppressed: Vec<String> = self
            .suppressed
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let times = &self.times_to_ticket;
        let rows = [
            ("breached queues", QUEUES.to_string()),
            ("tickets", counts(&self.tickets)),
            ("resolved by recovery", counts(&self.resolved)),
            (
                "events accepted",
                format!("{} of {} sent", self.accepted, self.sent),
            ),
            (
                "duplicates",
                format!("{} of {} sent", self.duplicates, self.repeated),
            ),
            ("suppressed breaches", suppressed.join(", ")),
            ("review items", self.review.to_string()),
            (
                "parked meanwhile",
                format!(
                    "{} seen; {} dead letters",
                    self.parked_seen, self.dead_letters_left
                ),
            ),
            ("logins at the CRMs", self.token_calls.to_string()),
            (
                "time to ticket",
                format!(
                    "{} tickets; half within {} s, the last within {} s",
                    times.count, times.median, times.longest
                ),
            ),
        ];
        let mut lines = vec![format!(
            "\nSummary after {:.0} s",
            self.elapsed.as_secs_f64()
        )];
        for (name, value) in &rows {
            for (number, line) in wrapped(value, 0, 56).iter().enumerate() {
                let name = if number == 0 { name } else { "" };
                lines.push(format!("  {name:<22}{line}"));
            }
        }
        lines.push(if self.is_as_it_should_be() {
            "As it should be: one ticket per breached queue.".to_owned()
        } else {
            "NOT as it should be.".to_owned()
        });
        lines.join("\n")
    }
}

/// Whether a metric has counted `count`.
fn same(metric: f64, count: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "counts of a demo are small")]
    let count = count as f64;
    (metric - count).abs() < 0.5
}

/// Reads everything that can be counted at the end.
pub(super) async fn fill(stage: &Stage, summary: &mut Summary) -> Result<(), Failed> {
    let simulator = &stage.simulator;
    summary.tickets = CRMS
        .iter()
        .map(|crm| (crm.label, (crm.tickets)(simulator).len()))
        .collect();
    summary.resolved = resolved(stage);
    summary.token_calls = CRMS.iter().map(|crm| (crm.token_calls)(simulator)).sum();
    summary.review = stage.list("review?limit=500").await?.len();
    summary.dead_letters_left = stage.list("dead-letters").await?.len();
    let metrics = stage.metrics().await?;
    let value = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
    summary.accepted = value("ringdown_events_total{source=\"genesys\",outcome=\"accepted\"}");
    summary.duplicates = value("ringdown_events_total{source=\"genesys\",outcome=\"duplicate\"}");
    for (name, count) in &metrics {
        if let Some(reason) = name
            .strip_prefix("ringdown_suppressed_total")
            .and_then(|labels| labels.split("reason=\"").nth(1))
        {
            let reason = reason.trim_end_matches("\"}").to_owned();
            *summary.suppressed.entry(reason).or_default() += count;
        }
    }
    summary.times_to_ticket = TimesToTicket {
        count: value("ringdown_time_to_ticket_seconds_count"),
        median: bound(&metrics, 0.5),
        longest: bound(&metrics, 1.0),
    };
    Ok(())
}

/// The upper bound in seconds of the bucket in which `share` of the times to ticket lie.
fn bound(metrics: &BTreeMap<String, f64>, share: f64) -> f64 {
    let mut buckets: Vec<(f64, f64)> = metrics
        .iter()
        .filter_map(|(name, count)| {
            let bound = name.strip_prefix("ringdown_time_to_ticket_seconds_bucket{le=\"")?;
            Some((bound.trim_end_matches("\"}").parse().ok()?, *count))
        })
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = buckets.last().map_or(0.0, |(_, count)| count * share);
    buckets
        .iter()
        .find(|(_, count)| *count >= wanted)
        .map_or(0.0, |(bound, _)| *bound)
}

/// Tickets that count as resolved, by CRM.
pub(super) fn resolved(stage: &Stage) -> BTreeMap<&'static str, usize> {
    let count = |crm: &DemoCrm| {
        let tickets = (crm.tickets)(&stage.simulator);
        tickets
            .iter()
            .filter(|ticket| (crm.is_resolved)(ticket))
            .count()
    };
    CRMS.iter().map(|crm| (crm.label, count(crm))).collect()
}

/// `Salesforce 20, ServiceNow 20`.
pub(super) fn counts(counts: &BTreeMap<&str, usize>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(crm, count)| format!("{crm} {count}"))
        .collect();
    parts.join(", ")
}
