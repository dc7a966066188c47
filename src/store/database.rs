//! The two databases behind one set of statements.
//!
//! Owns connecting, migrating, and the transaction type. Every statement is written once with
//! `$n` placeholders; [`on!`] expands the call for whichever database a transaction is of.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Postgres, Sqlite, Transaction};

use super::StoreError;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a statement waits for another process's lock on the SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that only read, so that readers never wait for the writer.
const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

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
                $body
            }
        }
    };
}
pub(super) use on;

/// A pool for each kind of database.
#[derive(Debug, Clone)]
pub(super) enum Database {
    /// One file; one connection writes, the others read.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    /// A server that replicas share.
    Postgres(PgPool),
}

/// A transaction of either kind. Dropping it rolls it back.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
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
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(StoreError::cannot_open)?;
        Ok(Self::Postgres(pool))
    }

    async fn connect_sqlite(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| StoreError::BadUrl("sqlite:data/ringdown.db"))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A 2xx promises stable storage: FULL syncs the WAL at every commit.
            .synchronous(SqliteSynchronous::Full)
            // Incremental vacuum needs to be on before the first table exists.
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        if let Some(folder) = options.get_filename().parent() {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::CannotOpen {
                problem: format!("the folder {} cannot be made: {error}", folder.display()),
            })?;
        }
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await
            .map_err(StoreError::cannot_open)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(0)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.create_if_missing(false));
        Ok(Self::Sqlite { writer, readers })
    }

    /// Applies the migrations that are missing.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writer, .. } => SQLITE_MIGRATIONS.run(writer).await,
            Self::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await,
        }
        .map_err(|error| match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                StoreError::NewerDatabase { version }
            }
            other => StoreError::CannotMigrate {
                problem: other.to_string(),
            },
        })
    }

    /// Begins a transaction that writes. On SQLite it takes the write lock at once: a
    /// deferred one that reads first fails with "database is locked" under load.
    pub(super) async fn begin_write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("begin immediate").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that only reads; it never waits for a writer.
    pub(super) async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Closes every connection, checkpointing SQLite's WAL.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// What a select that locks its rows ends with. SQLite has one writer, which is lock enough.
    pub(super) fn row_lock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " for update",
        }
    }

    /// Makes everything done in this transaction durable.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}
