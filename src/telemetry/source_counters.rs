//! The counters of one source.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

/// The counters that nearly every webhook of a source moves, looked up once instead of per
/// request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceCounters {
    pub(super) answered_202: Counter,
    pub(super) durable: Histogram,
    pub(super) accepted: Counter,
    pub(super) duplicates: Counter,
    pub(super) review: Counter,
}

impl SourceCounters {
    /// Counts a webhook that was answered with 202.
    pub fn answered_202(&self) {
        self.answered_202.inc();
    }

    /// Observes how long it took to make the events of a webhook durable.
    pub fn durable_after(&self, took: Duration) {
        self.durable.observe(took.as_secs_f64());
    }

    /// Counts events by their outcome.
    pub fn events(&self, accepted: u64, duplicates: u64, review: u64) {
        self.accepted.inc_by(accepted);
        self.duplicates.inc_by(duplicates);
        self.review.inc_by(review);
    }

    /// All events so far, with any outcome: it grows when the source sends.
    pub fn heard(&self) -> u64 {
        self.accepted.get() + self.duplicates.get() + self.review.get()
    }
}
