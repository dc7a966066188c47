//! A transaction in either database.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::{Postgres, Sqlite, SqliteConnection, Transaction};

use crate::store::StoreError;
use crate::store::sqlite::Turn;

/// How long PostgreSQL may take for one statement.
const MAX_STATEMENT: Duration = Duration::from_secs(30);

/// Waits for the answer of a server, but not for ever. If the server disappears without closing the
/// connection, the operating system reports that only after a quarter of an hour.
pub(in crate::store) async fn answered<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(MAX_STATEMENT, work)
        .await
        .unwrap_or(Err(StoreError::NoAnswer))
}

/// A transaction of either kind. Dropping it rolls it back.
pub(in crate::store) enum Tx {
    Sqlite(SqliteTx),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction in SQLite. One that writes holds the turn to write.
pub(in crate::store) struct SqliteTx {
    pub(super) transaction: Transaction<'static, Sqlite>,
    pub(super) _turn: Option<Turn>,
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

impl Tx {
    /// Makes everything done in this transaction durable.
    pub(in crate::store) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.transaction.commit().await?,
            Self::Postgres(transaction) => {
                answered(async { Ok(transaction.commit().await?) }).await?;
            }
        }
        Ok(())
    }
}
