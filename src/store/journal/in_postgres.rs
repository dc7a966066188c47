//! The journal in PostgreSQL: one statement for a batch with any number of events.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

use super::batch::{Committed, digests_of, journal_event, mark_duplicates};
use super::event::NewEvent;
use crate::fault_points;
use crate::store::StoreError;
use crate::store::database::{TRUSTED, Tx, answered};
use crate::store::dedup::{Digest, Digests};
use crate::store::review_reason::kept_reason;

/// How long an append may take; no sender waits longer. Then it is not known whether the events
/// were stored; those that were are duplicates when they are sent again.
const MAX_APPEND: Duration = Duration::from_secs(10);
/// Replicas append one after the other, so that places become visible in their order and the
/// cursor of deciding never passes one.
const LOCK_JOURNAL: &str = "select pg_advisory_xact_lock(7464500)";
/// A whole append, a function on the server: see the migration `append_new_events_quicker`.
const APPEND: &str = "select seqs, fresh from append_events($1, $2, $3, $4, $5, $6)";

/// Lets no replica append until the end of `tx`. SQLite has one process.
pub(in crate::store) async fn lock_journal(tx: &mut Tx) -> Result<(), StoreError> {
    if let Tx::Postgres(inner) = tx {
        let locking = sqlx::query(LOCK_JOURNAL).execute(&mut **inner);
        answered(async { Ok(locking.await?) }).await?;
    }
    Ok(())
}

pub(super) struct PostgresJournal {
    pool: PgPool,
    /// The pool's one connection, and when it was last used. A pool pings a connection before
    /// each use, which in a flood is one more round trip for every batch.
    held: Option<(PoolConnection<Postgres>, Instant)>,
}

impl PostgresJournal {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, held: None }
    }

    /// Stores the new ones of `events` in one transaction.
    pub(super) async fn append(&mut self, events: Vec<NewEvent>) -> Result<Committed, StoreError> {
        let digests = digests_of(&events);
        let mut connection = self.connection().await?;
        let inserting = insert(&mut connection, &events, &digests);
        let inserted = tokio::time::timeout(MAX_APPEND, inserting).await;
        let Ok(inserted) = inserted else {
            connection.close_on_drop();
            return Err(StoreError::NoAnswer);
        };
        let mut places = inserted?;
        // Not after a failure: then the pool finds out whether the connection still works.
        self.held = Some((connection, Instant::now()));
        fault_points::reach("journal-committed");
        let new = places.keys().copied().collect();
        let appended = mark_duplicates(&events, &digests, new);
        let mut new: Vec<_> = events
            .into_iter()
            .zip(&digests)
            .filter_map(|(event, digest)| journal_event(places.remove(digest)?, event))
            .collect();
        new.sort_unstable_by_key(|event| event.seq);
        Ok(Committed { appended, new })
    }

    async fn connection(&mut self) -> Result<PoolConnection<Postgres>, StoreError> {
        match self.held.take() {
            Some((held, used)) if used.elapsed() < TRUSTED => Ok(held),
            held => {
                drop(held);
                Ok(self.pool.acquire().await?)
            }
        }
    }
}

/// Inserts the first event of each digest that is not known; answers the places of the new ones.
async fn insert(
    connection: &mut PgConnection,
    events: &[NewEvent],
    digests: &[Digest],
) -> Result<HashMap<Digest, i64>, StoreError> {
    let mut seen = Digests::with_capacity(digests.len());
    let given: Vec<(&NewEvent, &Digest)> = events
        .iter()
        .zip(digests)
        .filter(|(_, digest)| seen.insert(**digest))
        .collect();
    let column = |value: fn(&NewEvent) -> &str| -> Vec<&str> {
        given.iter().map(|(event, _)| value(event)).collect()
    };
    let keys: Vec<&[u8]> = given.iter().map(|(_, digest)| digest.as_slice()).collect();
    let times: Vec<i64> = given
        .iter()
        .map(|(event, _)| event.received_at.as_millis())
        .collect();
    let reviews: Vec<Option<&str>> = given
        .iter()
        .map(|(event, _)| event.review.as_deref().map(kept_reason))
        .collect();
    let (seqs, fresh): (Option<Vec<i64>>, Option<Vec<Vec<u8>>>) = sqlx::query_as(APPEND)
        .bind(keys)
        .bind(column(|event| &event.source))
        .bind(column(|event| &event.event_id))
        .bind(times)
        .bind(reviews)
        .bind(column(|event| &event.body))
        .fetch_one(connection)
        .await?;
    let fresh: Option<HashSet<Vec<u8>>> = fresh.map(|fresh| fresh.into_iter().collect());
    let is_new = |digest: &Digest| match &fresh {
        Some(fresh) => fresh.contains(digest.as_slice()),
        None => true,
    };
    let new = given.iter().map(|(_, digest)| **digest).filter(is_new);
    Ok(new.zip(seqs.unwrap_or_default()).collect())
}
