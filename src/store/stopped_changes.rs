//! Targets that accept new tickets and refuse every change of one: what all replicas know of it, and what
//! the lists say.

use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// A target accepts no changes of tickets, and accepts new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesStop {
    pub since: Timestamp,
    pub noted_at: Timestamp,
    /// The replica that has stored it.
    pub replica: String,
    /// The last failure.
    pub reason: String,
}

impl Store {
    pub async fn changes_stop(
        &self,
        target: &TargetName,
    ) -> Result<Option<ChangesStop>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select since, noted_at, replica, reason from stopped_changes where target = $1",
        );
        let read = |row: &Row| {
            Ok(ChangesStop {
                since: row.get("since")?,
                noted_at: row.get("noted_at")?,
                replica: row.get("replica")?,
                reason: row.get("reason")?,
            })
        };
        select.bind(target).fetch_optional(&mut tx, read).await
    }

    /// Stores that `target` accepts no changes, unless a replica has done that already.
    pub async fn note_changes_stop(
        &self,
        target: &TargetName,
        stop: &ChangesStop,
    ) -> Result<(), StoreError> {
        let insert = Statement::new(
            "insert into stopped_changes (target, since, noted_at, replica, reason) \
             values ($1, $2, $3, $4, $5) on conflict do nothing",
        );
        let insert = insert.bind(target).bind(stop.since).bind(stop.noted_at);
        let insert = insert.bind(&stop.replica).bind(&stop.reason);
        self.update_alone(insert).await.map(drop)
    }

    /// `target` accepts changes again. What another replica has stored since `stop` was read stays.
    pub async fn end_changes_stop(
        &self,
        target: &TargetName,
        stop: &ChangesStop,
    ) -> Result<(), StoreError> {
        let delete = Statement::new(
            "delete from stopped_changes where target = $1 and replica = $2 and noted_at = $3",
        );
        let delete = delete.bind(target).bind(&stop.replica).bind(stop.noted_at);
        self.update_alone(delete).await.map(drop)
    }
}
