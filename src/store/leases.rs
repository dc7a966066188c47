//! Leases for work that only one process may do at a time; and the encrypted refresh tokens.
//!
//! The time is the database's: replicas whose clocks differ agree on the end of a lease. A lease
//! only names the process that should act. Work that two processes must never do is done in a
//! transaction that checks the [`FencingToken`].

use std::time::Duration;

use super::database::{postgres_now, sqlite_now};
use super::fencing::FencingToken;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// A lease changes hands only when it has run out; the number grows with every new owner, so
/// that the owner before notices that it has lost the lease.
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
pub(super) const TAKE: Statement<'static> =
    Statement::either(take!(sqlite_now!()), take!(postgres_now!()));

impl Store {
    /// Takes or renews the lease `name` for `owner`, for `lasts` from now on; `None` while
    /// another owner holds it.
    pub async fn acquire_lease(
        &self,
        name: &str,
        owner: &str,
        lasts: Duration,
    ) -> Result<Option<FencingToken>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let take = TAKE.bind(name).bind(owner).bind(lasts);
        let number = take.fetch_optional(&mut tx, |row| row.get("fence")).await?;
        tx.commit().await?;
        Ok(number.map(|number| FencingToken::new(name, owner, number)))
    }

    /// Gives a lease back, if it is still the one that was taken.
    pub async fn release_lease(&self, fence: &FencingToken) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let update = Statement::new(
            "update leases set until = 0, owner = '' \
             where name = $1 and owner = $2 and fence = $3",
        );
        update
            .bind(fence.name())
            .bind(fence.owner())
            .bind(fence.number())
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    /// The sealed token last kept for `target`.
    pub async fn load_sealed_token(
        &self,
        target: &TargetName,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new("select sealed from sealed_tokens where target = $1");
        let select = select.bind(target);
        select
            .fetch_optional(&mut tx, |row| row.get("sealed"))
            .await
    }

    /// Keeps `sealed` for `target`; durable when this returns.
    pub async fn save_sealed_token(
        &self,
        target: &TargetName,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let upsert = Statement::new(
            "insert into sealed_tokens (target, sealed, kept_at) values ($1, $2, $3) \
             on conflict (target) do update set sealed = excluded.sealed, kept_at = excluded.kept_at",
        );
        let upsert = upsert.bind(target).bind(sealed).bind(now);
        upsert.execute(&mut tx).await?;
        tx.commit().await
    }
}
