//! The two databases behind one set of statements: connecting, beginning transactions, closing.

mod clock;
mod postgres_pool;
mod sqlite_pool;
mod transaction;

use std::path::Path;
use std::sync::Arc;

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

pub(super) use clock::{postgres_now, sqlite_now};
pub(super) use postgres_pool::TRUSTED;
pub(super) use transaction::{Tx, answered};

use super::StoreError;
use super::database_file::DatabaseFile;
use super::file_watch::FileWatch;
use super::migrations;
use super::sqlite::WriteTurn;
use crate::fault_points;
use postgres_pool::PostgresPools;
use sqlite_pool::SqlitePools;

/// Pages given back to the file system in one step.
const VACUUM_PAGES: &str = "pragma incremental_vacuum(256)";
/// Copies the whole write-ahead log into the file and empties it.
const EMPTY_LOG: &str = "pragma wal_checkpoint(truncate)";

async fn empty_log(writer: &SqlitePool, file: &FileWatch) -> Result<(), StoreError> {
    let mut connection = sqlite_pool::acquire(writer, file).await?;
    sqlx::query(EMPTY_LOG).execute(&mut *connection).await?;
    Ok(())
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
        /// The journal's own connection: its server process keeps the plans and pages that an
        /// append needs.
        journal: PgPool,
        /// Commits without waiting for a sync; see [`Database::begin_unsynced_write`].
        unsynced: PgPool,
    },
}

impl Database {
    /// Connects to `url` (`sqlite:PATH` or `postgres://…`), creating the SQLite file and its
    /// folder when they are missing. Applies no migration.
    pub(super) async fn connect(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pools = PostgresPools::connect(url).await?;
            return Ok(Self::Postgres {
                pool: pools.pool,
                journal: pools.journal,
                unsynced: pools.unsynced,
            });
        }
        let pools = SqlitePools::connect(url).await?;
        Ok(Self::Sqlite {
            path: pools.path,
            writer: pools.writer,
            unsynced: pools.unsynced,
            readers: pools.readers,
            turn: WriteTurn::default(),
            lock: pools.lock,
            file: pools.file,
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

    /// Begins a transaction that writes. On SQLite it has the write lock.
    pub(super) async fn begin_write(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite {
                writer, turn, file, ..
            } => sqlite_pool::begin_write(writer, turn, file).await,
            Self::Postgres { pool, .. } => postgres_pool::begin(pool).await,
        }
    }

    /// Begins a transaction that a power cut may undo as a whole, until any later
    /// [`Database::begin_write`] has been committed: a database has one log, and a sync of its end
    /// syncs everything before it. For changes that can be repeated and have had no effect outside
    /// by then.
    pub(super) async fn begin_unsynced_write(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite {
                unsynced,
                turn,
                file,
                ..
            } => sqlite_pool::begin_write(unsynced, turn, file).await,
            Self::Postgres { unsynced, .. } => postgres_pool::begin(unsynced).await,
        }
    }

    /// Begins a transaction that only reads; it never waits for a writer.
    pub(super) async fn begin_read(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { readers, file, .. } => sqlite_pool::begin_read(readers, file).await,
            Self::Postgres { pool, .. } => postgres_pool::begin(pool).await,
        }
    }

    /// Gives some of the pages that are free now back to the file system, on SQLite.
    pub(super) async fn give_back_pages(&self) -> Result<(), StoreError> {
        if let Self::Sqlite { writer, file, .. } = self {
            let mut connection = sqlite_pool::acquire(writer, file).await?;
            // Not possible in a transaction.
            sqlx::query(VACUUM_PAGES).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Checks that a write now would be found after a restart.
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

    /// Closes every connection. SQLite's file then has everything without its write-ahead log.
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
                file,
                ..
            } => {
                readers.close().await;
                unsynced.close().await;
                // SQLite copies its log into the file when the last connection is closed. One that
                // was still being opened at the stop may be closed after ours, or not at all.
                if let Err(error) = empty_log(writer, file).await {
                    tracing::warn!(
                        %error,
                        "the write-ahead log is not copied into the database file; the next start does so"
                    );
                }
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
