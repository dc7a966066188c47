//! Flapping: trouble that starts and ends too often to report each time. The incident stays open
//! until it has been stable for the quiet period.

use std::time::Duration;

use super::breach_starts::Flapping;
use super::policy::LifePolicy;
use super::record::Incident;
use crate::domain::time::Timestamp;

impl Incident {
    /// While it flaps, a breach after a clear counts as one more start.
    pub(super) fn count_start_while_flapping(&mut self) {
        if self.is_flapping()
            && self.clear_since.is_some()
            && let Some(flapping) = &mut self.flapping
        {
            flapping.times = flapping.times.saturating_add(1);
        }
    }

    /// Adds a start of trouble at `now`. Returns whether the key flaps.
    pub(super) fn add_breach_start(&mut self, policy: &LifePolicy, now: Timestamp) -> bool {
        let Some(flapping) = &policy.flapping else {
            self.breach_starts.clear();
            return false;
        };
        let flaps = self.breach_starts.add(flapping, now);
        if flaps {
            self.flapping = Some(Flapping::begin(&self.breach_starts, now));
        }
        flaps
    }

    /// How long a recovery must last, and after how long without a breach the incident recovers.
    /// Both are at least the quiet period while it flaps.
    pub(super) fn recovery_times(&self, policy: &LifePolicy) -> (Duration, Duration) {
        match policy.flapping.filter(|_| self.is_flapping()) {
            Some(flapping) => (
                policy.clear_for.max(flapping.quiet_period),
                policy.quiet_after.max(flapping.quiet_period),
            ),
            None => (policy.clear_for, policy.quiet_after),
        }
    }

    /// Ends the flapping. The starts before it do not count for the next one.
    pub(super) fn stabilise(&mut self, now: Timestamp) {
        if let Some(flapping) = &mut self.flapping {
            flapping.stable_at = Some(now);
        }
        self.breach_starts.clear();
    }
}

#[cfg(test)]
#[path = "flapping_tests.rs"]
mod tests;
