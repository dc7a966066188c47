//! Connections to SQLite: one that writes at a time, and some that only read.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, SqlStr, Sqlite, SqliteConnection, Transaction};

use super::transaction::{SqliteTx, Tx};
use crate::store::StoreError;
use crate::store::database_file::DatabaseFile;
use crate::store::file_watch::FileWatch;
use crate::store::sqlite::{BUSY_TIMEOUT, COPY_LOG, WriteTurn};

/// How long a connection may be waited for.
const MAX_ACQUIRE: Duration = Duration::from_secs(10);
/// Connections that only read, so that readers never wait for the writer.
const READERS: u32 = 4;
/// Pages that a SQLite connection keeps in memory, in KiB as SQLite wants it.
const CACHE: &str = "-512";
/// Bytes of a page of a new SQLite file: half as many writes as with the usual 4 KiB, into the
/// log and from it into the file. A file that is there keeps its own.
const PAGE: u32 = 8192;
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 24;
/// Takes the lock to write and changes nothing.
const WRITE_NOTHING: &str = "update cursors set position = position where name is null";

/// The pools of a SQLite file, and the locks by which it belongs to this process.
pub(super) struct SqlitePools {
    pub(super) path: Arc<Path>,
    pub(super) writer: SqlitePool,
    pub(super) unsynced: SqlitePool,
    pub(super) readers: SqlitePool,
    pub(super) lock: DatabaseFile,
    pub(super) file: FileWatch,
}

impl SqlitePools {
    /// Opens the file at `url`, creating it and its folder when they are missing.
    pub(super) async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = options(url)?;
        let lock = DatabaseFile::lock(options.get_filename())?;
        let file = lock.watch();
        let options = match lock.path() {
            // Locking has created it, readable for the owner only.
            Some(path) => options.filename(path).create_if_missing(false),
            None => options.create_if_missing(true),
        };
        let path = Arc::from(options.get_filename());
        let writer = one_writer()
            .connect_with(options.clone())
            .await
            .map_err(StoreError::cannot_open)?;
        lock.warn_of_open_modes();
        let unsynced =
            one_writer().connect_lazy_with(options.clone().synchronous(SqliteSynchronous::Normal));
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(0)
            .acquire_timeout(MAX_ACQUIRE)
            .before_acquire(|connection, _| Box::pin(is_usable(connection)))
            .connect_lazy_with(options);
        Ok(Self {
            path,
            writer,
            unsynced,
            readers,
            lock,
            file,
        })
    }
}

fn options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|_| StoreError::BadUrl("sqlite:data/ringdown.db"))?;
    Ok(options
        .journal_mode(SqliteJournalMode::Wal)
        // A 2xx promises stable storage: FULL syncs the WAL at every commit.
        .synchronous(SqliteSynchronous::Full)
        .page_size(PAGE)
        // Incremental vacuum needs to be on before the first table exists.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .busy_timeout(BUSY_TIMEOUT)
        // Copying the log into the file is the checkpointer's work.
        .pragma("wal_autocheckpoint", "0")
        // Each connection has a cache of its own, and another's write empties it.
        .pragma("cache_size", CACHE)
        .statement_cache_capacity(STATEMENTS)
        .foreign_keys(true))
}

/// Whether a connection that lay in its pool can begin a transaction; one that cannot is
/// closed, and another is opened.
///
/// When the disk is full or fails, SQLite ends the transaction itself. The roll-back that sqlx
/// sends after it then fails, and sqlx believes for ever that the transaction is open.
async fn is_usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    Ok(!connection.is_in_transaction())
}

/// A pool of one connection that writes.
fn one_writer() -> SqlitePoolOptions {
    let proven = Arc::new(AtomicBool::new(false));
    SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(0)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(MAX_ACQUIRE)
        .before_acquire(move |connection, _| {
            let proven = Arc::clone(&proven);
            Box::pin(async move { can_write(connection, &proven).await })
        })
}

/// Whether a connection of the pool can begin a transaction that writes. A connection that was
/// opened while the file could not be written can only read, also when the file is writable again.
/// So a new one is `proven` before it is used a second time.
async fn can_write(
    connection: &mut SqliteConnection,
    proven: &AtomicBool,
) -> Result<bool, sqlx::Error> {
    if !is_usable(connection).await? {
        proven.store(false, Ordering::Relaxed);
        return Ok(false);
    }
    if proven.load(Ordering::Relaxed) {
        return Ok(true);
    }
    match sqlx::query(WRITE_NOTHING).execute(connection).await {
        Ok(_) => proven.store(true, Ordering::Relaxed),
        Err(error) if is_read_only(&error) => return Ok(false),
        // Not migrated yet, or locked: the next write meets it.
        Err(_) => {}
    }
    Ok(true)
}

/// Whether SQLite says that the connection only reads.
fn is_read_only(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code: Option<i32> = code.and_then(|code| code.parse().ok());
    // The lower byte is the primary code.
    code.is_some_and(|code| code & 0xff == rusqlite::ffi::SQLITE_READONLY)
}

/// Takes the write lock at once: a transaction that reads first fails with "database is locked"
/// under load.
pub(super) async fn begin_write(
    pool: &SqlitePool,
    turn: &WriteTurn,
    file: &FileWatch,
) -> Result<Tx, StoreError> {
    let log = turn.log();
    let turn = turn.take().await;
    let mut connection = acquire(pool, file).await?;
    if log.take_long() {
        sqlx::query(COPY_LOG).execute(&mut *connection).await?;
    }
    let immediate = SqlStr::from_static("begin immediate");
    Ok(Tx::Sqlite(SqliteTx {
        transaction: Transaction::begin(connection, Some(immediate)).await?,
        _turn: Some(turn),
    }))
}

pub(super) async fn begin_read(pool: &SqlitePool, file: &FileWatch) -> Result<Tx, StoreError> {
    let connection = acquire(pool, file).await?;
    Ok(Tx::Sqlite(SqliteTx {
        transaction: Transaction::begin(connection, None).await?,
        _turn: None,
    }))
}

/// A connection to the file that was opened first: another one that has taken its place since has
/// other rows, and a connection to it applies our write-ahead log to it when it is closed.
pub(super) async fn acquire(
    pool: &SqlitePool,
    file: &FileWatch,
) -> Result<PoolConnection<Sqlite>, StoreError> {
    file.check()?;
    let connection = pool.acquire().await?;
    if let Err(lost) = file.check() {
        // The file was lost in this moment, and the connection may be to the other file. So it
        // stays open until the process ends.
        std::mem::forget(connection.detach());
        return Err(lost);
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_only_reads_is_not_kept_for_writing() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
        let store = crate::store::Store::open(&url).await.unwrap();
        let options = SqliteConnectOptions::from_str(&url).unwrap();
        let proven = AtomicBool::new(false);
        let reading = options.clone().read_only(true);
        let mut reads = SqliteConnection::connect_with(&reading).await.unwrap();
        assert!(!can_write(&mut reads, &proven).await.unwrap());
        assert!(!proven.load(Ordering::Relaxed));
        let mut writes = SqliteConnection::connect_with(&options).await.unwrap();
        assert!(can_write(&mut writes, &proven).await.unwrap());
        assert!(proven.load(Ordering::Relaxed));
        store.close().await;
    }
}
