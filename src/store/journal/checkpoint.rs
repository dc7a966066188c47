//! Copies SQLite's write-ahead log into the file, on a thread of its own: otherwise every webhook of
//! that moment would wait for the sync of a second file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use rusqlite::Connection;

use crate::fault_points;
use crate::store::StoreError;
use crate::store::sqlite;

/// Bytes of the log that are worth copying. The more are copied at once, the longer the sync of a
/// webhook waits for the disk.
const WORTHWHILE: u64 = 2 * 1024 * 1024;
/// Pages of the log at which it is begun anew: 32 MiB, or 16 MiB in a file that an older version
/// made with pages of 4 KiB.
const LONG_LOG: i64 = 4096;
/// Longest time between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Commits of the journal between two looks.
const COMMITS: u32 = 16;

/// The writer's side of the checkpointing thread, which ends when this is dropped.
pub(super) struct Checkpointer {
    commits: u32,
    look: SyncSender<()>,
    long: Arc<AtomicBool>,
}

impl Checkpointer {
    /// Starts the thread for the file at `path`.
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let mut connection = sqlite::open(path)?;
        let (look, looks) = sync_channel(1);
        let long = Arc::new(AtomicBool::new(false));
        let is_long = Arc::clone(&long);
        std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || keep_copying(&mut connection, &looks, &is_long))
            .map_err(|error| StoreError::CannotOpen {
                problem: format!("no thread can be started: {error}"),
            })?;
        Ok(Self {
            commits: 0,
            look,
            long,
        })
    }

    /// Notifies the thread, at every few commits; answers whether the thread lives.
    pub(super) fn committed(&mut self) -> bool {
        self.commits += 1;
        if self.commits < COMMITS {
            return true;
        }
        self.commits = 0;
        // One waiting notification is enough.
        !matches!(self.look.try_send(()), Err(TrySendError::Disconnected(())))
    }

    /// Copies the rest of a long log while nobody writes, so that the next write begins the log
    /// anew. To be called by the writer in its turn, between two transactions.
    pub(super) fn restart_log(&self, connection: &Connection) -> Result<(), StoreError> {
        if self.long.swap(false, Ordering::Relaxed) {
            copy(connection)?;
        }
        Ok(())
    }
}

fn keep_copying(connection: &mut Connection, looks: &Receiver<()>, long: &AtomicBool) {
    fault_points::reach("checkpoint");
    while !matches!(
        looks.recv_timeout(PAUSE),
        Err(RecvTimeoutError::Disconnected)
    ) {
        match copy_when_worthwhile(connection) {
            Ok(pages) => long.store(pages > LONG_LOG, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log cannot be copied into the database file; it is tried again");
            }
        }
    }
}

/// Copies a log that is long enough; answers its pages.
fn copy_when_worthwhile(connection: &Connection) -> Result<i64, StoreError> {
    let length = connection
        .path()
        .and_then(|path| std::fs::metadata(format!("{path}-wal")).ok())
        .map_or(0, |log| log.len());
    if length < WORTHWHILE {
        return Ok(0);
    }
    copy(connection)
}

/// Copies the pages that no reader needs any more; nobody waits for it. Answers the pages of the log.
fn copy(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("pragma wal_checkpoint(passive)", [], |row| row.get(1))?)
}
