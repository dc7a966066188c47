//! The burst lock of a key.

use crate::domain::time::Timestamp;

/// No new ticket for a key until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurstLock {
    /// When the ticket was opened that began the lock.
    pub taken_at: Timestamp,
    pub until: Timestamp,
}

impl BurstLock {
    pub fn holds_at(&self, now: Timestamp) -> bool {
        // After the clock was set back the lock lies in the future. It then lasts at most its
        // own length: otherwise a jump of an hour would mute the key for an hour.
        let length = self.until.since(self.taken_at);
        now < self.until && now.plus(length) >= self.taken_at
    }
}
