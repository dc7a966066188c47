//! Keeps the gauges that are counted from the store: incidents, queues, dead letters, review
//! items.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::failure::FailureKind;
use crate::domain::identity::TargetName;
use crate::domain::incident::IncidentState;
use crate::store::{Counts, Store};
use crate::telemetry::Metrics;

/// Rest between two counts; shorter than any scrape interval.
const EVERY: Duration = Duration::from_secs(5);

/// Sets gauges from counts. What there is none of any more is set to zero, and what is
/// configured is there from the start: an absent series cannot raise an alarm.
#[derive(Debug, Clone)]
pub struct Gauges {
    metrics: Metrics,
    targets: BTreeSet<TargetName>,
    sources: BTreeSet<String>,
    dead_letters: BTreeSet<(TargetName, String)>,
}

impl Gauges {
    /// Gauges in `metrics` for the configured `targets` and `sources`.
    pub fn new(
        metrics: Metrics,
        targets: impl IntoIterator<Item = TargetName>,
        sources: impl IntoIterator<Item = String>,
    ) -> Self {
        let targets: BTreeSet<TargetName> = targets.into_iter().collect();
        let dead_letters = targets
            .iter()
            .flat_map(|target| {
                FailureKind::ALL.map(|kind| (target.clone(), kind.as_str().to_owned()))
            })
            .collect();
        Self {
            metrics,
            targets,
            sources: sources.into_iter().collect(),
            dead_letters,
        }
    }

    pub fn set(&mut self, counts: &Counts) {
        self.know(counts);
        for state in IncidentState::ALL {
            let count = count_of(&counts.incidents, state.as_str());
            self.metrics.set_incidents(state.as_str(), count);
        }
        self.metrics.set_flapping(counts.flapping);
        for target in &self.targets {
            let count = count_of(&counts.owed, target.as_str());
            self.metrics.set_delivery_queue(target, count);
            let count = count_of(&counts.incomplete, target.as_str());
            self.metrics.set_incomplete_tickets(target, count);
        }
        for (target, kind) in &self.dead_letters {
            let count = counts
                .dead_letters
                .iter()
                .find(|(of, as_kind, _)| of == target && as_kind == kind)
                .map_or(0, |(_, _, count)| *count);
            self.metrics.set_dead_letters(target, kind, count);
        }
        for source in &self.sources {
            let count = count_of(&counts.review_items, source);
            self.metrics.set_review_items(source, count);
        }
    }

    /// Takes in names that are in the store but configured no more: what is left of them
    /// still has to be seen.
    fn know(&mut self, counts: &Counts) {
        let owed = counts.owed.iter().filter(|(_, count)| *count > 0);
        self.targets.extend(owed.map(|(target, _)| target.clone()));
        let incomplete = counts.incomplete.iter();
        self.targets
            .extend(incomplete.map(|(target, _)| target.clone()));
        let waiting = counts.review_items.iter();
        self.sources
            .extend(waiting.map(|(source, _)| source.clone()));
        let dead = counts.dead_letters.iter();
        self.dead_letters
            .extend(dead.map(|(target, kind, _)| (target.clone(), kind.clone())));
    }
}

fn count_of<K: Borrow<str>>(counts: &[(K, i64)], name: &str) -> i64 {
    counts
        .iter()
        .find(|(known, _)| known.borrow() == name)
        .map_or(0, |(_, count)| *count)
}

/// Keeps `gauges` up to date with `store` until `stop`.
pub async fn keep_gauges(store: Store, mut gauges: Gauges, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match store.counts().await {
            Ok(counts) => gauges.set(&counts),
            Err(error) => tracing::warn!(%error, "the store cannot be counted for metrics"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
