//! The opened store: the database, and what this process keeps of it in memory.

use super::StoreError;
use super::database::Database;
use super::journal::{HandOff, Journal, JournalWriter};
use super::row::Row;
use super::silence_matchers::CompiledMatchers;
use super::statement::Statement;

/// The database, opened and migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) database: Database,
    pub(super) hand_off: HandOff,
    pub(super) matchers: CompiledMatchers,
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`) and applies the
    /// migrations it lacks.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let database = Database::connect(url).await?;
        database.migrate().await?;
        Ok(Self {
            database,
            hand_off: HandOff::default(),
            matchers: CompiledMatchers::default(),
        })
    }

    /// A journal on this store, and its writer, which the caller runs as a task.
    pub fn journal(&self) -> (Journal, JournalWriter) {
        Journal::new(self.database.clone(), self.hand_off.clone())
    }

    /// Whether other processes may use this database at the same time.
    pub fn is_shared(&self) -> bool {
        matches!(self.database, Database::Postgres { .. })
    }

    /// Whether the store can commit: the question behind `/readyz`.
    ///
    /// # Errors
    ///
    /// [`StoreError::FileLost`] when it can, but what it commits would be lost at a restart.
    pub async fn can_commit(&self) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let update = "update cursors set position = position + 1 where name = 'ready'";
        Statement::new(update).execute(&mut tx).await?;
        tx.commit().await
    }

    /// The migrations that the database has, oldest first: version and description.
    pub async fn migrations(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = "select version, description from _sqlx_migrations order by version";
        let migration = |row: &Row| Ok((row.get("version")?, row.get("description")?));
        Statement::new(select).fetch(&mut tx, migration).await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
