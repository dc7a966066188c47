//! Review items: events that wait for a person.

use super::database::{Tx, on};
use super::{Store, StoreError};
use crate::domain::time::Timestamp;

const INSERT: &str = "insert into review_items (event_seq, source, event_id, reason, received_at, state) \
     select seq, source, event_id, $1, received_at, 'open' from events where seq = $2 \
     on conflict (event_seq) do nothing";

/// Puts the event `seq` up for review, in an open transaction.
pub(super) async fn insert_for_event(
    tx: &mut Tx,
    seq: i64,
    reason: &str,
) -> Result<(), StoreError> {
    on!(tx, connection => {
        sqlx::query(INSERT)
            .bind(reason)
            .bind(seq)
            .execute(&mut *connection)
            .await?;
        sqlx::query("update events set review = $1 where seq = $2")
            .bind(reason)
            .bind(seq)
            .execute(connection)
            .await?;
    });
    Ok(())
}

/// What a person decided about a review item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewVerdict {
    /// Try it again with today's rules.
    Reprocess,
    /// It is not wanted.
    Discard,
}

impl Store {
    /// Settles the open review item `id`. Reprocessing appends its event to the journal
    /// again, so that it goes the way of every event.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::NotPossible`] when it is settled already.
    pub async fn settle_review(
        &self,
        id: i64,
        verdict: ReviewVerdict,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let row: Option<(String, i64)> = on!(&mut tx, connection => {
            sqlx::query_as("select state, event_seq from review_items where id = $1")
                .bind(id)
                .fetch_optional(connection)
                .await?
        });
        let (state, event_seq) = row.ok_or_else(|| StoreError::NotFound {
            what: "review item",
            id: id.to_string(),
        })?;
        if state != "open" {
            return Err(StoreError::NotPossible {
                what: "review item",
                id: id.to_string(),
                state,
                problem: "only an open one can be settled",
            });
        }
        let settled = match verdict {
            ReviewVerdict::Reprocess => "reprocessed",
            ReviewVerdict::Discard => "discarded",
        };
        on!(&mut tx, connection => {
            sqlx::query("update review_items set state = $1, settled_at = $2 where id = $3")
                .bind(settled)
                .bind(now.as_millis())
                .bind(id)
                .execute(connection)
                .await?;
        });
        if verdict == ReviewVerdict::Reprocess {
            on!(&mut tx, connection => {
                sqlx::query(
                    "insert into events (source, event_id, received_at, body) \
                     select source, event_id, $1, body from events where seq = $2",
                )
                .bind(now.as_millis())
                .bind(event_seq)
                .execute(connection)
                .await?;
            });
        }
        tx.commit().await
    }
}
