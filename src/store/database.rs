//! The two databases behind one set of statements.
//!
//! Owns connecting, migrating, and the transaction type. Every statement is written once with
//! `$n` placeholders; [`on!`] expands the call for whichever database a transaction is of.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Postgres, Sqlite, SqliteConnection, Transaction};

use super::StoreError;
use super::database_file::DatabaseFile;
use super::file_watch::FileWatch;
use super::migrations;
use super::sqlite::{Turn, WriteTurn};
use crate::fault_points;

/// How long a statement waits for another process's lock on the SQLite file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that only read, so that readers never wait for the writer.
const READERS: u32 = 4;
/// Pages that a SQLite connection keeps in memory, in KiB as SQLite wants it.
const SQLITE_CACHE: &str = "-512";
/// Bytes of a page of a new SQLite file: half as many writes as with the usual 4 KiB, into the
/// log and from it into the file. A file that is there keeps its own.
const SQLITE_PAGE: u32 = 8192;
/// Statements that a SQLite connection keeps prepared.
const SQLITE_STATEMENTS: usize = 24;
/// Takes the lock to write and changes nothing.
const WRITE_NOTHING: &str = "update cursors set position = position where name is null";
/// Connections to PostgreSQL; the journal and deciding have one more each.
const POSTGRES_CONNECTIONS: u32 = 14;
/// A connection that was used so lately is not asked whether it is still there: the question is
/// a way there and back, before each statement of a flood.
pub(super) const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection may take to say that it is there.
const PING_PATIENCE: Duration = Duration::from_secs(2);
/// How long PostgreSQL may take for one statement.
const LONGEST_STATEMENT: Duration = Duration::from_secs(30);
/// How long PostgreSQL lets a transaction wait for its process. A replica that is stopped or
/// cut off in the middle of one holds locks that all others need; then they are let go.
const LONGEST_IDLE_IN_TRANSACTION: &str = "4s";
/// What every connection to PostgreSQL relies on, whatever the server, the database or the
/// role are set to: a commit that returned is durable, and a statement that waited for a row
/// sees it as it is then. And that none is compiled before it is run.
const POSTGRES_PROMISES: [(&str, &str); 4] = [
    (
        "idle_in_transaction_session_timeout",
        LONGEST_IDLE_IN_TRANSACTION,
    ),
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    // Statements here take milliseconds. Where one looks costly to the planner, as a claim does,
    // the server would compile it for a second first.
    ("jit", "off"),
];

/// Expands `$body` for the database that `$transaction` is of; `$connection` is what a
/// statement executes on.
macro_rules! on {
    ($transaction:expr, $connection:ident => $body:expr) => {
        match &mut *$transaction {
            $crate::store::database::Tx::Sqlite(inner) => {
                let $connection = &mut **inner;
                $body
            }
            $crate::store::database::Tx::Postgres(inner) => {
                let $connection = &mut **inner;
                let work = async { Ok::<_, $crate::store::StoreError>($body) };
                $crate::store::database::answered(work).await?
            }
        }
    };
}
pub(super) use on;

/// Waits for what a server is asked, but not for ever: one that is gone without a word would
/// only be found out when the operating system gives up, a quarter of an hour later.
pub(super) async fn answered<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(LONGEST_STATEMENT, work)
        .await
        .unwrap_or(Err(StoreError::NoAnswer))
}

/// The text of a statement that the two databases spell differently.
macro_rules! on_text {
    ($transaction:expr, $sqlite:expr, $postgres:expr) => {
        match $transaction {
            $crate::store::database::Tx::Sqlite(_) => $sqlite,
            $crate::store::database::Tx::Postgres(_) => $postgres,
        }
    };
}
pub(super) use on_text;

/// SQLite's own time, in epoch ms.
macro_rules! sqlite_now {
    () => {
        "cast((julianday('now') - 2440587.5) * 86400000 as integer)"
    };
}
pub(super) use sqlite_now;

/// PostgreSQL's own time, in epoch ms; it goes on within a transaction.
macro_rules! postgres_now {
    () => {
        "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
    };
}
pub(super) use postgres_now;

/// `span` as a statement's parameter.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A pool for each kind of database.
#[derive(Debug, Clone)]
pub(super) enum Database {
    /// One file; one connection writes at a time, the others read.
    Sqlite {
        path: Arc<Path>,
        writer: SqlitePool,
        /// Writes without a sync of its own; see [`Database::begin_unsynced_write`].
        unsynced: SqlitePool,
        readers: SqlitePool,
        turn: WriteTurn,
        lock: DatabaseFile,
        file: FileWatch,
    },
    /// A server that replicas share.
    Postgres {
        pool: PgPool,
        /// The journal's own connection: a server process that has done nothing else keeps
        /// what an append needs at hand.
        journal: PgPool,
        /// Commits without waiting for a sync; see [`Database::begin_unsynced_write`].
        unsynced: PgPool,
    },
}

/// A transaction of either kind. Dropping it rolls it back.
pub(super) enum Tx {
    Sqlite(SqliteTx),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction in SQLite. One that writes holds the turn to write.
pub(super) struct SqliteTx {
    transaction: Transaction<'static, Sqlite>,
    _turn: Option<Turn>,
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

impl Database {
    /// Connects to `url` (`sqlite:PATH` or `postgres://…`), creating the SQLite file and its
    /// folder when they are missing. Applies no migration.
    pub(super) async fn connect(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Self::connect_postgres(url).await;
        }
        Self::connect_sqlite(url).await
    }

    async fn connect_postgres(url: &str) -> Result<Self, StoreError> {
        // The parse error is not shown: it can repeat the password in the URL.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::BadUrl("postgres://USER:PASSWORD@HOST/DATABASE"))?;
        let options = options.options(POSTGRES_PROMISES);
        let journal = connections(1, TRUSTED).connect_lazy_with(options.clone());
        let unsynced = connections(1, TRUSTED)
            .connect_lazy_with(options.clone().options([("synchronous_commit", "off")]));
        let pool = connections(POSTGRES_CONNECTIONS, Duration::ZERO)
            .connect_with(options)
            .await
            .map_err(StoreError::cannot_open)?;
        Ok(Self::Postgres {
            pool,
            journal,
            unsynced,
        })
    }

    async fn connect_sqlite(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| StoreError::BadUrl("sqlite:data/ringdown.db"))?
            .journal_mode(SqliteJournalMode::Wal)
            // A 2xx promises stable storage: FULL syncs the WAL at every commit.
            .synchronous(SqliteSynchronous::Full)
            .page_size(SQLITE_PAGE)
            // Incremental vacuum needs to be on before the first table exists.
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .busy_timeout(BUSY_TIMEOUT)
            // Copying the log into the file is the checkpointer's work.
            .pragma("wal_autocheckpoint", "0")
            // Each connection has a cache of its own, and another's write empties it.
            .pragma("cache_size", SQLITE_CACHE)
            .statement_cache_capacity(SQLITE_STATEMENTS)
            .foreign_keys(true);
        let lock = DatabaseFile::lock(options.get_filename())?;
        let file = lock.watch();
        let options = match lock.path() {
            // Whoever locks it has made it, with a mode of its own.
            Some(path) => options.filename(path).create_if_missing(false),
            None => options.create_if_missing(true),
        };
        let path = Arc::from(options.get_filename());
        let writer = one_writer(&file)
            .connect_with(options.clone())
            .await
            .map_err(StoreError::cannot_open)?;
        lock.warn_of_open_modes();
        let unsynced = one_writer(&file)
            .connect_lazy_with(options.clone().synchronous(SqliteSynchronous::Normal));
        let readers = of_the_same_file(&file)
            .max_connections(READERS)
            .min_connections(0)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .before_acquire(|connection, _| Box::pin(is_usable(connection)))
            .connect_lazy_with(options);
        Ok(Self::Sqlite {
            path,
            writer,
            unsynced,
            readers,
            turn: WriteTurn::default(),
            lock,
            file,
        })
    }

    /// Applies the migrations that are missing.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        fault_points::reach("before-migrations");
        match self {
            Self::Sqlite { writer, .. } => migrations::migrate_sqlite(writer).await?,
            Self::Postgres { pool, .. } => migrations::migrate_postgres(pool).await?,
        }
        fault_points::reach("migrated");
        Ok(())
    }

    /// Begins a transaction that writes. On SQLite it takes the write lock at once: a
    /// deferred one that reads first fails with "database is locked" under load.
    pub(super) async fn begin_write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, turn, .. } => begin_sqlite(writer, turn).await?,
            Self::Postgres { pool, .. } => begin_postgres(pool).await?,
        })
    }

    /// Begins a transaction that a power cut may undo as a whole, until any later
    /// [`Database::begin_write`] has been committed: a database's log is one, and syncing its end
    /// syncs all before it. For what can be done again and has had no effect outside by then.
    pub(super) async fn begin_unsynced_write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { unsynced, turn, .. } => begin_sqlite(unsynced, turn).await?,
            Self::Postgres { unsynced, .. } => begin_postgres(unsynced).await?,
        })
    }

    /// Begins a transaction that only reads; it never waits for a writer.
    pub(super) async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(SqliteTx {
                transaction: readers.begin().await?,
                _turn: None,
            }),
            Self::Postgres { pool, .. } => begin_postgres(pool).await?,
        })
    }

    /// Checks that what is written now is found after a restart.
    ///
    /// # Errors
    ///
    /// [`StoreError::FileLost`] when SQLite's file was deleted or replaced.
    pub(super) fn check_file(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { file, .. } => file.check(),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// Closes every connection, checkpointing SQLite's WAL.
    pub(super) async fn close(&self) {
        if let Err(error) = self.check_file() {
            // SQLite's last connection deletes the log by its name, which may be that of another
            // database by now. So the connections stay open until the process ends.
            tracing::error!(%error, "the database is not closed");
            self.set_log_aside();
            std::mem::forget(self.clone());
            return;
        }
        match self {
            Self::Sqlite {
                writer,
                unsynced,
                readers,
                lock,
                ..
            } => {
                readers.close().await;
                unsynced.close().await;
                writer.close().await;
                lock.release();
            }
            Self::Postgres {
                pool,
                journal,
                unsynced,
            } => {
                journal.close().await;
                unsynced.close().await;
                pool.close().await;
            }
        }
    }
}

impl Database {
    /// Keeps the log of a database that was replaced away from the one in its place.
    fn set_log_aside(&self) {
        let Self::Sqlite { lock, .. } = self else {
            return;
        };
        match lock.watch().set_log_aside() {
            Ok(Some(path)) => tracing::warn!(
                path = %path.display(),
                "the write-ahead log of the replaced database was renamed, so that it cannot damage the new one"
            ),
            Ok(None) => {}
            Err(error) => tracing::error!(
                %error,
                "the write-ahead log of the replaced database cannot be renamed; delete it before the next start"
            ),
        }
    }
}

/// Whether a connection that lay in its pool can begin a transaction; one that cannot is
/// closed, and another is opened.
///
/// When the disk is full or fails, SQLite ends the transaction itself. The roll-back that sqlx
/// sends after it then fails, and sqlx believes for ever that the transaction is open.
async fn is_usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    Ok(!connection.is_in_transaction())
}

/// A pool of so many connections to PostgreSQL. One that does not answer is closed, and not
/// waited for: neither by who wants it nor when it comes back. One that was used within
/// `trusted` is not asked.
fn connections(count: u32, trusted: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(count)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(move |connection, lain| {
            Box::pin(async move { Ok(lain.idle_for < trusted || is_there(connection).await) })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                match is_there(connection).await {
                    true => Ok(true),
                    // An error, so that no farewell is sent and waited for.
                    false => Err(std::io::Error::other("the connection does not answer").into()),
                }
            })
        })
}

async fn is_there(connection: &mut PgConnection) -> bool {
    let asked = tokio::time::timeout(PING_PATIENCE, connection.ping()).await;
    asked.is_ok_and(|answer| answer.is_ok())
}

async fn begin_postgres(pool: &PgPool) -> Result<Tx, StoreError> {
    answered(async { Ok(Tx::Postgres(pool.begin().await?)) }).await
}

/// A pool whose connections are all to the file that was opened first: another one that has
/// taken its place since has other rows.
fn of_the_same_file(file: &FileWatch) -> SqlitePoolOptions {
    let file = file.clone();
    SqlitePoolOptions::new().after_connect(move |_, _| {
        let checked = file.check();
        Box::pin(async move { checked.map_err(|lost| std::io::Error::other(lost).into()) })
    })
}

/// A pool of one connection that writes.
fn one_writer(file: &FileWatch) -> SqlitePoolOptions {
    let proven = Arc::new(AtomicBool::new(false));
    of_the_same_file(file)
        .max_connections(1)
        .min_connections(0)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .before_acquire(move |connection, _| {
            let proven = Arc::clone(&proven);
            Box::pin(async move { can_write(connection, &proven).await })
        })
}

/// Whether a connection that lay in its pool can begin a transaction that writes. One that was
/// opened while the file could not be written only reads for ever, whatever becomes of the file:
/// so a new one is `proven` before it is used a second time.
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
        // Not migrated yet, or locked: whoever writes next hears of it.
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

async fn begin_sqlite(pool: &SqlitePool, turn: &WriteTurn) -> Result<Tx, StoreError> {
    let turn = turn.take().await;
    Ok(Tx::Sqlite(SqliteTx {
        transaction: pool.begin_with("begin immediate").await?,
        _turn: Some(turn),
    }))
}

impl Tx {
    /// What a select that locks its rows ends with. SQLite has one writer, which is lock enough.
    pub(super) fn row_lock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " for update",
        }
    }

    /// The same for a select that passes by what others have locked.
    pub(super) fn row_lock_passing_by(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " for update skip locked",
        }
    }

    /// Makes everything done in this transaction durable.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.transaction.commit().await?,
            Self::Postgres(transaction) => {
                answered(async { Ok(transaction.commit().await?) }).await?;
            }
        }
        Ok(())
    }
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
