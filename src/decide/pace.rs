//! How many events are decided at once, and how often time is let pass between.
//!
//! A batch that failed is tried again with fewer events: what cannot be kept within the time
//! that a batch has, or for the sake of one event, is then found out step by step, and does
//! not keep everything else waiting.

/// Most events decided in one transaction.
pub(super) const BATCH: u32 = 1024;
/// A failed batch is followed by one of so many times fewer events.
const SMALLER: u32 = 8;
/// A batch of this many events and more belongs to a flood.
pub(super) const FLOOD: usize = 16;
/// Batches of a flood after which time is let pass: it need not be asked after each.
const BATCHES_BETWEEN_LOOKS: u32 = 8;

/// The pace of one decider.
#[derive(Debug)]
pub(super) struct Pace {
    size: u32,
    since_look: u32,
    is_deciding: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            size: BATCH,
            since_look: 0,
            is_deciding: false,
        }
    }
}

impl Pace {
    /// A batch begins; answers how many events it may have.
    pub(super) const fn begin(&mut self) -> u32 {
        self.is_deciding = true;
        self.size
    }

    /// A batch of `decided` events was kept; answers whether time is to be let pass now.
    pub(super) fn kept(&mut self, decided: usize) -> bool {
        self.is_deciding = false;
        self.size = self.size.saturating_mul(2).min(BATCH);
        self.since_look += 1;
        if decided >= FLOOD && self.since_look < BATCHES_BETWEEN_LOOKS {
            return false;
        }
        self.since_look = 0;
        true
    }

    /// Something failed: the batch, or what came after it was kept.
    pub(super) fn failed(&mut self) {
        if std::mem::take(&mut self.is_deciding) {
            self.size = (self.size / SMALLER).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_fails_again_and_again_comes_down_to_one_event_and_grows_back() {
        let mut pace = Pace::default();
        let mut sizes = Vec::new();
        for _ in 0..6 {
            sizes.push(pace.begin());
            pace.failed();
        }
        assert_eq!(sizes, [1024, 128, 16, 2, 1, 1]);
        for _ in 0..12 {
            pace.begin();
            pace.kept(1);
        }
        assert_eq!(pace.begin(), BATCH);
    }

    #[test]
    fn what_fails_after_a_batch_was_kept_makes_no_batch_smaller() {
        let mut pace = Pace::default();
        for _ in 0..3 {
            assert_eq!(pace.begin(), BATCH);
            pace.kept(1);
            pace.failed();
        }
    }

    #[test]
    fn time_passes_after_every_batch_but_those_of_a_flood() {
        let mut pace = Pace::default();
        assert!(pace.kept(FLOOD - 1));
        let passes = (0..16).map(|_| pace.kept(FLOOD)).filter(|passes| *passes);
        assert_eq!(passes.count(), 2);
    }
}
