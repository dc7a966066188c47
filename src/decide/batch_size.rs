//! How many events are decided in one batch, and how often timers fire in between.
//!
//! A batch that failed is tried again with fewer events. So a batch that takes too long, or that
//! fails because of one event, becomes smaller until it succeeds, and does not block the others.

/// Events in one transaction.
pub(super) const MAX_BATCH: u32 = 4096;
/// Findings that a batch may have in memory, when each event concerns each rule.
const MAX_FINDINGS: usize = 100_000;
/// A batch after a failed one has so many times fewer events.
const SHRINK_BY: u32 = 8;
/// A batch of so many events shows that many more are coming.
pub(super) const LARGE_BATCH: usize = 16;
/// Large batches after which timers fire: asking after each would cost too much.
const BATCHES_BETWEEN_TIMERS: u32 = 4;

#[derive(Debug)]
pub(super) struct AdaptiveBatchSize {
    size: u32,
    max: u32,
    since_timers: u32,
    is_deciding: bool,
}

impl AdaptiveBatchSize {
    /// The size where `rules` rules are evaluated.
    pub(super) fn of(rules: usize) -> Self {
        let fitting = u32::try_from(MAX_FINDINGS / rules.max(1)).unwrap_or(MAX_BATCH);
        let max = fitting.clamp(LARGE_BATCH as u32, MAX_BATCH);
        Self {
            size: max,
            max,
            since_timers: 0,
            is_deciding: false,
        }
    }

    /// The most events that a batch may have.
    pub(super) const fn max(&self) -> usize {
        self.max as usize
    }

    /// A batch begins. Returns how many events it may have.
    pub(super) const fn begin(&mut self) -> u32 {
        self.is_deciding = true;
        self.size
    }

    /// A batch of `decided` events was stored. Returns whether timers are to fire now.
    pub(super) fn stored(&mut self, decided: usize) -> bool {
        self.is_deciding = false;
        self.size = self.size.saturating_mul(2).min(self.max);
        self.since_timers += 1;
        if decided >= LARGE_BATCH && self.since_timers < BATCHES_BETWEEN_TIMERS {
            return false;
        }
        self.since_timers = 0;
        true
    }

    /// The batch failed, or a step after it was stored; only a failed batch is made smaller.
    pub(super) fn failed(&mut self) {
        if std::mem::take(&mut self.is_deciding) {
            self.size = (self.size / SHRINK_BY).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_fails_again_and_again_comes_down_to_one_event_and_grows_back() {
        let mut size = AdaptiveBatchSize::of(1);
        let mut sizes = Vec::new();
        for _ in 0..6 {
            sizes.push(size.begin());
            size.failed();
        }
        assert_eq!(sizes, [4096, 512, 64, 8, 1, 1]);
        for _ in 0..12 {
            size.begin();
            size.stored(1);
        }
        assert_eq!(size.begin(), MAX_BATCH);
    }

    #[test]
    fn a_batch_is_smaller_where_each_event_may_concern_many_rules() {
        assert_eq!(AdaptiveBatchSize::of(0).begin(), MAX_BATCH);
        assert_eq!(AdaptiveBatchSize::of(300).begin(), 333);
        assert_eq!(AdaptiveBatchSize::of(1_000_000).begin(), 16);
    }

    #[test]
    fn a_failure_after_a_batch_was_stored_makes_no_batch_smaller() {
        let mut size = AdaptiveBatchSize::of(1);
        for _ in 0..3 {
            assert_eq!(size.begin(), MAX_BATCH);
            size.stored(1);
            size.failed();
        }
    }

    #[test]
    fn timers_fire_after_every_batch_but_less_often_after_large_ones() {
        let mut size = AdaptiveBatchSize::of(1);
        assert!(size.stored(LARGE_BATCH - 1));
        let passes = (0..16)
            .map(|_| size.stored(LARGE_BATCH))
            .filter(|passes| *passes);
        assert_eq!(passes.count(), 4);
    }
}
