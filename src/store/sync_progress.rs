//! How far what people do in the CRM has been read, and which tickets are to be read next.

use super::database::on;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;

/// How far a target's changes have been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncProgress {
    /// The newest change seen, by the CRM's own clock.
    pub changed_at: Option<Timestamp>,
    /// When the target was last asked, by ours.
    pub polled_at: Timestamp,
}

/// A ticket that a callback said had changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketHint {
    /// The CRM's record id.
    pub ticket_id: String,
    /// How often it was said, as of reading.
    told: i64,
}

impl Store {
    /// Tickets of `target` whose incidents are not closed: record ids, the ones last seen to
    /// change longest ago first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn open_tickets(&self, target: &str) -> Result<Vec<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows: Vec<(String,)> = on!(&mut tx, connection => {
            sqlx::query_as(
                "select ticket_id from incidents where target = $1 and state <> 'closed' \
                  and ticket_id is not null order by opened_at, id",
            )
            .bind(target)
            .fetch_all(connection)
            .await?
        });
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// When the oldest incident of `target` that owns a ticket and is not closed was opened.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn oldest_open_ticket(&self, target: &str) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let (at,): (Option<i64>,) = on!(&mut tx, connection => {
            sqlx::query_as(
                "select min(opened_at) from incidents where target = $1 and state <> 'closed' \
                  and ticket_id is not null",
            )
            .bind(target)
            .fetch_one(connection)
            .await?
        });
        Ok(at.map(Timestamp::from_millis))
    }

    /// How far the changes of `target` have been read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn sync_progress(&self, target: &str) -> Result<Option<SyncProgress>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let row: Option<(Option<i64>, i64)> = on!(&mut tx, connection => {
            sqlx::query_as("select changed_at, polled_at from sync_progress where target = $1")
                .bind(target)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.map(|(changed_at, polled_at)| SyncProgress {
            changed_at: changed_at.map(Timestamp::from_millis),
            polled_at: Timestamp::from_millis(polled_at),
        }))
    }

    /// Keeps that `target` was asked at `progress.polled_at`. What was read up to moves
    /// forward and never back.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn keep_sync_progress(
        &self,
        target: &str,
        progress: SyncProgress,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query(
                "insert into sync_progress (target, changed_at, polled_at) values ($1, $2, $3) \
                 on conflict (target) do update set polled_at = excluded.polled_at, \
                  changed_at = case when sync_progress.changed_at > excluded.changed_at \
                    then sync_progress.changed_at \
                    else coalesce(excluded.changed_at, sync_progress.changed_at) end",
            )
            .bind(target)
            .bind(progress.changed_at.map(Timestamp::as_millis))
            .bind(progress.polled_at.as_millis())
            .execute(connection)
            .await?;
        });
        tx.commit().await
    }

    /// Keeps that these tickets of `target` changed, as far as incidents own them; durable when
    /// this returns. Answers how many are owned.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn hint_tickets(
        &self,
        target: &str,
        ticket_ids: &[String],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let mut owned = 0;
        for ticket_id in ticket_ids {
            let kept = on!(&mut tx, connection => {
            sqlx::query(
                "insert into ticket_hints (target, ticket_id, told, told_at) \
                 select $1, ticket_id, 1, $3 from incidents \
                  where target = $1 and ticket_id = $2 limit 1 \
                 on conflict (target, ticket_id) do update set \
                  told = ticket_hints.told + 1, told_at = excluded.told_at",
            )
            .bind(target)
            .bind(ticket_id)
            .bind(now.as_millis())
            .execute(connection)
            .await?
            .rows_affected()
            });
            owned += usize::from(kept > 0);
        }
        tx.commit().await?;
        Ok(owned)
    }

    /// Tickets of `target` that callbacks named and that have not been read since, the ones
    /// waiting longest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn ticket_hints(
        &self,
        target: &str,
        limit: u32,
    ) -> Result<Vec<TicketHint>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows: Vec<(String, i64)> = on!(&mut tx, connection => {
            sqlx::query_as(
                "select ticket_id, told from ticket_hints where target = $1 \
                 order by told_at, ticket_id limit $2",
            )
            .bind(target)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        let hint = |(ticket_id, told)| TicketHint { ticket_id, told };
        Ok(rows.into_iter().map(hint).collect())
    }

    /// Forgets `hints` of `target` that were not repeated since they were read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn forget_hints(&self, target: &str, hints: &[TicketHint]) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        for hint in hints {
            on!(&mut tx, connection => {
                sqlx::query(
                    "delete from ticket_hints where target = $1 and ticket_id = $2 and told = $3",
                )
                .bind(target)
                .bind(&hint.ticket_id)
                .bind(hint.told)
                .execute(connection)
                .await?;
            });
        }
        tx.commit().await
    }
}
