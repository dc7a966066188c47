//! Copies SQLite's write-ahead log into the file, on a thread of its own: otherwise every webhook of
//! that moment would wait for the sync of a second file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::fault_points;
use crate::store::StoreError;
use crate::store::sqlite::{self, COPY_LOG};
use crate::store::write_ahead_log::WriteAheadLog;

/// Bytes of the log that are worth copying. The more are copied at once, the longer the sync of a
/// webhook waits for the disk.
const WORTHWHILE: u64 = 2 * 1024 * 1024;
/// Pages of the log at which it is begun anew: 32 MiB, or 16 MiB in a file that an older version
/// made with pages of 4 KiB.
const LONG_LOG: i64 = 4096;
/// Longest time between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// The journal's side of the checkpointing thread, which ends when this is dropped.
pub(super) struct Checkpointer {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    log: Arc<WriteAheadLog>,
}

impl Checkpointer {
    /// Starts the thread for the file at `path`.
    pub(super) fn start(path: &Path, log: &Arc<WriteAheadLog>) -> Result<Self, StoreError> {
        let connection = sqlite::open(path)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, looked_at) = (Arc::clone(&stop), Arc::clone(log));
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || keep_copying(&connection, &looked_at, &stopped))
            .map_err(|error| StoreError::CannotOpen {
                problem: format!("no thread can be started: {error}"),
            })?;
        let log = Arc::clone(log);
        Ok(Self { thread, stop, log })
    }

    /// Whether the thread lives.
    pub(super) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.log.request_look();
    }
}

fn keep_copying(connection: &Connection, log: &WriteAheadLog, stop: &AtomicBool) {
    fault_points::reach("checkpoint");
    loop {
        log.wait(PAUSE);
        if stop.load(Ordering::Relaxed) {
            return;
        }
        match copy_when_worthwhile(connection) {
            Ok(pages) => log.set_long(pages > LONG_LOG),
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
    Ok(connection.query_row(COPY_LOG, [], |row| row.get(1))?)
}

#[cfg(test)]
mod tests {
    use crate::store::Store;
    use crate::store::statement::Statement;

    #[tokio::test]
    async fn the_log_is_bounded_though_no_webhook_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let store = Store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap();
        let (journal, writer) = store.journal();
        let writing = tokio::spawn(writer.run());
        // Answered when the writer and the thread are there.
        journal.append(Vec::new()).await.unwrap();
        let mut tx = store.database.begin_write().await.unwrap();
        Statement::new("create table filling (bytes blob)")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        for _ in 0..800 {
            let mut tx = store.database.begin_write().await.unwrap();
            Statement::new("insert into filling values (zeroblob(262144))")
                .execute(&mut tx)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        let log = std::fs::metadata(folder.path().join("ringdown.db-wal")).unwrap();
        assert!(
            log.len() < 64 * 1024 * 1024,
            "{} bytes after 200 MiB",
            log.len()
        );
        drop(journal);
        writing.await.unwrap();
        store.close().await;
    }
}
