//! The journal in PostgreSQL: a handful of statements for a transaction, whatever the number
//! of its events.

use std::collections::HashSet;

use sqlx::{PgPool, Postgres, Transaction};

use super::writer::{Committed, digests_of, journal_event, tell_apart};
use super::{Appended, NewEvent};
use crate::fault_points;
use crate::store::StoreError;
use crate::store::database::Tx;
use crate::store::keys::Digest;

/// In PostgreSQL several replicas append at once: one after the other, so that sequence
/// numbers become visible in their order and the deciding cursor never passes one by.
const LOCK_JOURNAL: &str = "select pg_advisory_xact_lock(7464500)";
const INSERT_KEYS: &str = "insert into event_keys (digest) select * from unnest($1::bytea[]) \
     on conflict (digest) do nothing returning digest";
const INSERT_EVENTS: &str = "insert into events (source, event_id, received_at, review, body) \
     select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]) \
     returning seq";
const INSERT_REVIEW_ITEMS: &str = "insert into review_items (event_seq, source, event_id, reason, received_at, state) \
     select seq, source, event_id, review, received_at, 'open' from events \
     where seq = any($1) and review is not null";

/// Holds the journal for itself until the end of `tx`. SQLite has one process.
pub(in crate::store) async fn lock_journal(tx: &mut Tx) -> Result<(), StoreError> {
    if let Tx::Postgres(inner) = tx {
        sqlx::query(LOCK_JOURNAL).execute(&mut **inner).await?;
    }
    Ok(())
}

/// The journal's side of a PostgreSQL database.
pub(super) struct PostgresJournal {
    pool: PgPool,
}

impl PostgresJournal {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// One transaction: what of `events` is new, and those rows.
    pub(super) async fn append(&self, events: Vec<NewEvent>) -> Result<Committed, StoreError> {
        let digests = digests_of(&events);
        let mut tx = self.pool.begin().await?;
        sqlx::query(LOCK_JOURNAL).execute(&mut *tx).await?;
        let new = insert_keys(&mut tx, &digests).await?;
        let appended = tell_apart(&events, &digests, new);
        let mut kept: Vec<NewEvent> = events
            .into_iter()
            .zip(&appended)
            .filter(|(_, appended)| **appended != Appended::Duplicate)
            .map(|(event, _)| event)
            .collect();
        let places = insert_events(&mut tx, &mut kept).await?;
        if kept.iter().any(|event| event.review.is_some()) {
            sqlx::query(INSERT_REVIEW_ITEMS)
                .bind(&places)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        fault_points::reach("journal-committed");
        let fresh = kept
            .into_iter()
            .zip(places)
            .filter_map(|(event, seq)| journal_event(seq, event))
            .collect();
        Ok(Committed { appended, fresh })
    }
}

/// Inserts the digests that are not there yet and returns them.
async fn insert_keys(
    tx: &mut Transaction<'static, Postgres>,
    digests: &[Digest],
) -> Result<HashSet<Digest>, StoreError> {
    let digests: Vec<&[u8]> = digests.iter().map(<[u8; 16]>::as_slice).collect();
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(INSERT_KEYS)
        .bind(digests)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(digest,)| Digest::try_from(digest).ok())
        .collect())
}

/// Inserts `events` in their order and answers their places. The bodies are handed over:
/// nobody needs them in memory after this.
async fn insert_events(
    tx: &mut Transaction<'static, Postgres>,
    events: &mut [NewEvent],
) -> Result<Vec<i64>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let bodies: Vec<String> = events
        .iter_mut()
        .map(|event| std::mem::take(&mut event.body))
        .collect();
    let column = |value: fn(&NewEvent) -> String| events.iter().map(value).collect::<Vec<_>>();
    let times: Vec<i64> = events
        .iter()
        .map(|event| event.received_at.as_millis())
        .collect();
    let reviews: Vec<Option<&str>> = events.iter().map(|event| event.review.as_deref()).collect();
    Ok(sqlx::query_scalar(INSERT_EVENTS)
        .bind(column(|event| event.source.to_string()))
        .bind(column(|event| event.event_id.clone()))
        .bind(times)
        .bind(reviews)
        .bind(bodies)
        .fetch_all(&mut **tx)
        .await?)
}
