//! How fast a source begins incidents.

use std::time::Duration;

use super::policy::FloodPolicy;
use crate::domain::decision::Allowance;
use crate::domain::time::Timestamp;

/// The limit is counted over this time.
const WINDOW: Duration = Duration::from_secs(60);

/// How fast a source begins incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceRate {
    /// When the current minute began.
    pub began_at: Timestamp,
    /// Tickets of new incidents since then.
    pub opened: u32,
    /// Incidents without a ticket: the last count from the store, and changes since.
    pub pending: u64,
    /// When they were last counted in the store.
    pub counted_at: Timestamp,
}

impl SourceRate {
    /// The permissions at `now` for a breach received, or a ticket due, at `at`. The time in the
    /// journal counts, so that a backlog after a downtime is no flood.
    pub fn allowance(&self, policy: &FloodPolicy, at: Timestamp, now: Timestamp) -> Allowance {
        Allowance {
            may_open: !self.is_current(at, now) || self.opened < policy.per_minute,
            may_wait: self.pending < policy.max_pending(),
        }
    }

    /// Counts at `now` a ticket that was due at `at`.
    pub fn record_opened(&mut self, at: Timestamp, now: Timestamp) {
        if !self.is_current(at, now) {
            self.began_at = at.min(now);
            self.opened = 0;
        }
        self.opened = self.opened.saturating_add(1);
    }

    /// Counts an incident that was or is without a ticket. Returns whether the count changed.
    pub const fn record_pending(&mut self, was_pending: bool, is_pending: bool) -> bool {
        match (was_pending, is_pending) {
            (false, true) => self.pending = self.pending.saturating_add(1),
            (true, false) => self.pending = self.pending.saturating_sub(1),
            _ => return false,
        }
        true
    }

    /// Whether `at` is in the current minute.
    fn is_current(&self, at: Timestamp, now: Timestamp) -> bool {
        // A time before the minute counts as in it: a late decision must not begin an earlier
        // minute, and with it a new count.
        let ends_after = at.min(now) < self.began_at.plus(WINDOW);
        // After the clock was set back the minute lies in the future, and a new one begins. The
        // clocks of replicas differ a little, so it must lie a whole minute ahead for that.
        let lies_in_the_future = self.began_at >= now.plus(WINDOW);
        ends_after && !lies_in_the_future
    }
}
