//! Leases: what only one process may do at a time; and the sealed tokens they guard.
//!
//! Time is the database's: replicas whose clocks differ agree on when a lease runs out. A
//! lease only says who should act. What must not be done by two is done in a transaction that
//! checks the [`Fence`] (see `fence`).

use std::time::Duration;

use super::database::{Database, millis, on, on_text, postgres_now, sqlite_now};
use super::fence::Fence;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;

/// A lease changes hands only when it has run out; the fence grows with every new owner, so
/// that whoever lost it can tell.
macro_rules! take {
    ($now:expr) => {
        concat!(
            "insert into leases (name, owner, until, fence) values ($1, $2, ",
            $now,
            " + $3, 1) on conflict (name) do update set owner = excluded.owner, until = excluded.until, \
              fence = leases.fence + case when leases.owner = excluded.owner then 0 else 1 end \
             where leases.owner = excluded.owner or leases.until <= ",
            $now,
            " returning fence"
        )
    };
}
const TAKE_SQLITE: &str = take!(sqlite_now!());
const TAKE_POSTGRES: &str = take!(postgres_now!());

impl Store {
    /// Whether other processes may use this database at the same time.
    pub fn is_shared(&self) -> bool {
        matches!(self.database, Database::Postgres { .. })
    }

    /// Takes or prolongs the lease `name` for `owner`, for `lasts` from now on; `None` while
    /// somebody else holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn take_lease(
        &self,
        name: &str,
        owner: &str,
        lasts: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let text = on_text!(&tx, TAKE_SQLITE, TAKE_POSTGRES);
        let row: Option<(i64,)> = on!(&mut tx, connection => {
            sqlx::query_as(text)
                .bind(name)
                .bind(owner)
                .bind(millis(lasts))
                .fetch_optional(connection)
                .await?
        });
        tx.commit().await?;
        Ok(row.map(|(number,)| Fence::new(name, owner, number)))
    }

    /// Gives a lease back, if it is still the one that was taken.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn give_lease_back(&self, fence: &Fence) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query(
                "update leases set until = 0, owner = '' \
                 where name = $1 and owner = $2 and fence = $3",
            )
            .bind(fence.name())
            .bind(fence.owner())
            .bind(fence.number())
            .execute(connection)
            .await?;
        });
        tx.commit().await
    }

    /// The sealed token last kept for `target`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn sealed_token(&self, target: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let row: Option<(Vec<u8>,)> = on!(&mut tx, connection => {
            sqlx::query_as("select sealed from sealed_tokens where target = $1")
                .bind(target)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(|(sealed,)| sealed))
    }

    /// Keeps `sealed` for `target`; durable when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn keep_sealed_token(
        &self,
        target: &str,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query(
                "insert into sealed_tokens (target, sealed, kept_at) values ($1, $2, $3) \
                 on conflict (target) do update set sealed = excluded.sealed, kept_at = excluded.kept_at",
            )
            .bind(target)
            .bind(sealed)
            .bind(now.as_millis())
            .execute(connection)
            .await?;
        });
        tx.commit().await
    }
}
