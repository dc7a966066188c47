//! The journal in PostgreSQL: one statement for a batch, whatever the number of its events.

use std::collections::HashMap;

use sqlx::PgPool;

use super::NewEvent;
use super::writer::{Committed, digests_of, journal_event, tell_apart};
use crate::fault_points;
use crate::store::StoreError;
use crate::store::database::Tx;
use crate::store::keys::{Digest, Digests, digest_of};

/// In PostgreSQL several replicas append at once: one after the other, so that sequence
/// numbers become visible in their order and the deciding cursor never passes one by.
const LOCK_JOURNAL: &str = "select pg_advisory_xact_lock(7464500)";
/// A whole append: one way to the server and back, where a transaction of single statements
/// would take five. The lock is taken before any row gets its number, because every row comes
/// out of a join with it. A digest that another replica adds at the same moment is waited for
/// by the unique index, whatever this statement's snapshot says.
const APPEND: &str = "with journal as materialized (select pg_advisory_xact_lock(7464500)), \
     given as materialized (select item.* from journal, unnest( \
         $1::bytea[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[]) with ordinality \
         as item (digest, source, event_id, received_at, review, body, place)), \
     new as (insert into event_keys (digest) select digest from given \
         on conflict (digest) do nothing returning digest), \
     kept as (insert into events (source, event_id, received_at, review, body) \
         select source, event_id, received_at, review, body from given \
         where digest in (select digest from new) order by place \
         returning seq, source, event_id, received_at, review), \
     reviewed as (insert into review_items (event_seq, source, event_id, reason, received_at, state) \
         select seq, source, event_id, review, received_at, 'open' from kept \
         where review is not null) \
     select seq, source, event_id from kept order by seq";

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
        let rows = insert(&self.pool, &events, &digests).await?;
        fault_points::reach("journal-committed");
        let mut places: HashMap<Digest, i64> = rows
            .into_iter()
            .map(|(seq, source, event_id)| (digest_of(&source, &event_id), seq))
            .collect();
        let new = places.keys().copied().collect();
        let appended = tell_apart(&events, &digests, new);
        let mut fresh: Vec<_> = events
            .into_iter()
            .zip(&digests)
            .filter_map(|(event, digest)| journal_event(places.remove(digest)?, event))
            .collect();
        fresh.sort_unstable_by_key(|event| event.seq);
        Ok(Committed { appended, fresh })
    }
}

/// Inserts the first event of each digest that is not there yet; answers the new ones.
async fn insert(
    pool: &PgPool,
    events: &[NewEvent],
    digests: &[Digest],
) -> Result<Vec<(i64, String, String)>, StoreError> {
    let mut seen = Digests::with_capacity_and_hasher(digests.len(), <_>::default());
    let given: Vec<(&NewEvent, &Digest)> = events
        .iter()
        .zip(digests)
        .filter(|(_, digest)| seen.insert(**digest))
        .collect();
    let column = |value: fn(&NewEvent) -> &str| -> Vec<&str> {
        given.iter().map(|(event, _)| value(event)).collect()
    };
    let digests: Vec<&[u8]> = given.iter().map(|(_, digest)| digest.as_slice()).collect();
    let times: Vec<i64> = given
        .iter()
        .map(|(event, _)| event.received_at.as_millis())
        .collect();
    let reviews: Vec<Option<&str>> = given
        .iter()
        .map(|(event, _)| event.review.as_deref())
        .collect();
    Ok(sqlx::query_as(APPEND)
        .bind(digests)
        .bind(column(|event| &event.source))
        .bind(column(|event| &event.event_id))
        .bind(times)
        .bind(reviews)
        .bind(column(|event| &event.body))
        .fetch_all(pool)
        .await?)
}
