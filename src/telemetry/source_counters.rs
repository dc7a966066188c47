//! The counters of one source.

use prometheus_client::metrics::counter::Counter;

/// The counters that nearly every webhook of a source moves, looked up once instead of per
/// request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SourceCounters {
    pub(super) answered_202: Counter,
    pub(super) accepted: Counter,
    pub(super) duplicates: Counter,
    pub(super) review: Counter,
}

impl SourceCounters {
    /// Counts a webhook that was answered with 202.
    pub fn answered_202(&self) {
        self.answered_202.inc();
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
