//! SQLite without a pool, for the journal's writer and duplicate detection: they execute thousands
//! of statements a second, and must not wait for another thread at each. Everything else goes
//! through the pools of [`super::database`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, MAIN_DB};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::StoreError;
use super::write_ahead_log::WriteAheadLog;

/// How long a statement waits for another process's lock on the SQLite file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages kept in memory, in KiB as SQLite wants it.
const CACHE: i64 = -1024;
/// Statements kept prepared.
const PREPARED: usize = 64;

/// A fair mutex for writing. SQLite allows one writer at a time, and another one would check again
/// only after a sleep. Here writers wait in order, and the next one continues at once.
#[derive(Debug, Clone, Default)]
pub(super) struct WriteTurn {
    turn: Arc<Mutex<()>>,
    log: Arc<WriteAheadLog>,
}

/// The turn, until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl WriteTurn {
    /// Waits for the turn on an async thread.
    pub(super) async fn take(&self) -> Turn {
        self.log.count_write();
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Waits for the turn on a thread of one's own.
    pub(super) fn take_blocking(&self) -> Turn {
        self.log.count_write();
        Arc::clone(&self.turn).blocking_lock_owned()
    }

    pub(super) const fn log(&self) -> &Arc<WriteAheadLog> {
        &self.log
    }
}

/// Copies the pages of the write-ahead log that no reader needs any more into the file; nobody waits
/// for it.
pub(super) const COPY_LOG: &str = "pragma wal_checkpoint(passive)";

/// Opens the existing file at `path` as durably as the pools do.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        path,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // A connection to a file that cannot be written is opened all the same, and only reads for
    // ever.
    if connection.is_readonly(MAIN_DB)? {
        return Err(StoreError::CannotOpen {
            problem: format!("{} cannot be written", path.display()),
        });
    }
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Copying the log into the file is the checkpointer's work.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Appending touches few pages; more in memory would only be kept.
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}
