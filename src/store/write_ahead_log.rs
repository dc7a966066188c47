//! What the writers of a SQLite file and the checkpointing thread tell each other about the
//! write-ahead log. Every writer counts: a log that only one of them restarted would grow without
//! limit while the others write.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Transactions between two looks at the log.
const WRITES: u32 = 16;

#[derive(Debug, Default)]
pub(super) struct WriteAheadLog {
    writes: AtomicU32,
    look: Mutex<bool>,
    requested: Condvar,
    is_long: AtomicBool,
}

impl WriteAheadLog {
    /// Counts a transaction; at every few of them the checkpointing thread looks at the log.
    pub(super) fn count_write(&self) {
        if self.writes.fetch_add(1, Ordering::Relaxed) % WRITES == WRITES - 1 {
            self.request_look();
        }
    }

    pub(super) fn request_look(&self) {
        // One value, replaced as a whole.
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.requested.notify_one();
    }

    /// Waits until a look is requested, `longest` at most.
    pub(super) fn wait(&self, longest: Duration) {
        let look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .requested
            .wait_timeout_while(look, longest, |look| !*look);
        let (mut look, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *look = false;
    }

    pub(super) fn set_long(&self, is_long: bool) {
        self.is_long.store(is_long, Ordering::Relaxed);
    }

    /// Whether the log is so long that the next writer restarts it; answers so to one writer.
    ///
    /// The writer copies the rest of the log before its transaction, in its turn: while nobody
    /// writes, everything can be copied, and the next write begins the log anew.
    pub(super) fn take_long(&self) -> bool {
        self.is_long.swap(false, Ordering::Relaxed)
    }
}
