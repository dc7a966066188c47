//! Keeps the open review items of each source within its limit.
//!
//! Receiving only adds items. They are counted and dropped here, so that no webhook waits for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::{Store, StoreError};
use crate::telemetry::{Metrics, RateLimitedWarning};

/// Rest between two counts. Items that arrive meanwhile may exceed the limit.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// Items dropped in one transaction.
const STEP_ITEMS: u64 = 1_000;
/// Rest between two transactions, for the journal's writer.
const STEP_PAUSE: Duration = Duration::from_millis(5);
/// Open items of all removed sources together.
const MAX_OF_REMOVED_SOURCES: u64 = 10_000;
/// Rest between two log lines about one source.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Enforces the limits.
pub(crate) struct ReviewLimiter {
    store: Store,
    metrics: Metrics,
    clock: Clock,
    /// By source.
    limits: BTreeMap<String, u64>,
    warnings: BTreeMap<String, RateLimitedWarning>,
}

impl ReviewLimiter {
    /// `limits`: of the configured sources.
    pub(crate) fn new(
        store: Store,
        metrics: Metrics,
        clock: Clock,
        limits: impl IntoIterator<Item = (String, u64)>,
    ) -> Self {
        let limits: BTreeMap<String, u64> = limits.into_iter().collect();
        for source in limits.keys() {
            metrics.review_items_dropped(source, 0);
        }
        Self {
            store,
            metrics,
            clock,
            limits,
            warnings: BTreeMap::new(),
        }
    }

    /// Counts and drops until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.enforce_limits(&stop).await {
                tracing::warn!(%error, "review items beyond the limit cannot be dropped; retrying");
            }
            for (source, warning) in &self.warnings {
                warn(source, warning, 0);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(COUNT_EVERY) => {}
            }
        }
    }

    async fn enforce_limits(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let open = self.store.open_reviews().await?;
        for (source, max) in exceeded_limits(&self.limits, &open) {
            loop {
                let now = self.clock.now();
                let dropped = self
                    .store
                    .drop_reviews_over_limit(&source, max, STEP_ITEMS, now);
                let dropped = dropped.await?;
                self.metrics.review_items_dropped(&source, dropped);
                let warning = (self.warnings.entry(source.clone()))
                    .or_insert_with(|| RateLimitedWarning::new(LOG_EVERY));
                warn(&source, warning, dropped);
                if dropped < STEP_ITEMS || stop.is_cancelled() {
                    break;
                }
                tokio::time::sleep(STEP_PAUSE).await;
            }
        }
        Ok(())
    }
}

/// Logs how many review items of `source` were dropped, these included, when that is due.
fn warn(source: &str, warning: &RateLimitedWarning, dropped: u64) {
    if let Some(dropped) = warning.count(dropped, Instant::now()) {
        tracing::warn!(
            source,
            dropped,
            "open review items beyond max_review_items were dropped, the oldest of the same reason first"
        );
    }
}

/// The sources that have too many `open` items, and how many each may keep. Removed sources share
/// one limit; items of the source that has most of them are dropped.
fn exceeded_limits(
    limits: &BTreeMap<String, u64>,
    open: &BTreeMap<String, u64>,
) -> Vec<(String, u64)> {
    let configured = open
        .iter()
        .filter_map(|(source, open)| Some((source.clone(), *limits.get(source)?, *open)))
        .filter(|(_, max, open)| open > max)
        .map(|(source, max, _)| (source, max));
    let removed: Vec<(&String, u64)> = open
        .iter()
        .filter(|(source, _)| !limits.contains_key(*source))
        .map(|(source, open)| (source, *open))
        .collect();
    let all: u64 = removed.iter().map(|(_, open)| open).sum();
    let beyond = all.saturating_sub(MAX_OF_REMOVED_SOURCES);
    let largest = removed.into_iter().max_by_key(|(_, open)| *open);
    let largest = largest
        .filter(|_| beyond > 0)
        .map(|(source, open)| (source.clone(), open.saturating_sub(beyond)));
    configured.chain(largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
        of.iter()
            .map(|(source, count)| ((*source).to_owned(), *count))
            .collect()
    }

    #[test]
    fn only_a_source_beyond_its_own_limit_gives_way() {
        let limits = counts(&[("a", 10), ("b", 10)]);
        let open = counts(&[("a", 11), ("b", 10)]);
        assert_eq!(exceeded_limits(&limits, &open), [("a".to_owned(), 10)]);
    }

    #[test]
    fn removed_sources_share_one_limit_and_the_largest_gives_way() {
        let limits = counts(&[("a", 10)]);
        let open = counts(&[("a", 10), ("old", 4_000), ("older", 6_500)]);
        assert_eq!(
            exceeded_limits(&limits, &open),
            [("older".to_owned(), 6_000)]
        );
        let open = counts(&[("old", 4_000), ("older", 6_000)]);
        assert_eq!(exceeded_limits(&limits, &open), []);
    }
}
