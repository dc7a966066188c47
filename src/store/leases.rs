//! Leases: what only one process may do at a time; and the sealed tokens they guard.

use super::database::on;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;

/// A lease changes hands only when it has run out; the fence grows with every new owner, so
/// that whoever lost it can tell.
const TAKE: &str = "insert into leases (name, owner, until, fence) values ($1, $2, $3, 1) \
     on conflict (name) do update set owner = excluded.owner, until = excluded.until, \
      fence = leases.fence + case when leases.owner = excluded.owner then 0 else 1 end \
     where leases.owner = excluded.owner or leases.until <= $4 \
     returning fence";

impl Store {
    /// Takes or prolongs the lease `name` for `owner` until `until`; answers its fence, or
    /// `None` while somebody else holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn take_lease(
        &self,
        name: &str,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let row: Option<(i64,)> = on!(&mut tx, connection => {
            sqlx::query_as(TAKE)
                .bind(name)
                .bind(owner)
                .bind(until.as_millis())
                .bind(now.as_millis())
                .fetch_optional(connection)
                .await?
        });
        tx.commit().await?;
        Ok(row.map(|(fence,)| fence))
    }

    /// Gives the lease `name` back, if `owner` still holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn give_lease_back(&self, name: &str, owner: &str) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query("update leases set until = 0, owner = '' where name = $1 and owner = $2")
                .bind(name)
                .bind(owner)
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
