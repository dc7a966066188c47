//! The journal's rows, as SQL: many to a statement.

use sqlx::{Postgres, QueryBuilder, Sqlite, Transaction};

use super::{Content, JournalEvent, NewEvent};
use crate::store::StoreError;
use crate::store::database::{Tx, on};

/// Most rows in one insert statement in SQLite.
const MOST_ROWS: usize = 64;

/// In PostgreSQL several replicas append at once: one after the other, so that sequence
/// numbers become visible in their order and the deciding cursor never passes one by.
pub(in crate::store) async fn lock_journal(tx: &mut Tx) -> Result<(), StoreError> {
    if let Tx::Postgres(inner) = tx {
        sqlx::query("select pg_advisory_xact_lock(7464500)")
            .execute(&mut **inner)
            .await?;
    }
    Ok(())
}

/// Inserts `events` in their order; answers them with their places, ready to be decided on.
pub(super) async fn insert_events(
    tx: &mut Tx,
    mut events: Vec<NewEvent>,
) -> Result<Vec<JournalEvent>, StoreError> {
    let places = match tx {
        Tx::Sqlite(connection) => insert_in_sqlite(connection, &mut events).await?,
        Tx::Postgres(connection) => insert_in_postgres(connection, &mut events).await?,
    };
    Ok(events
        .into_iter()
        .zip(places)
        .filter_map(|(event, seq)| {
            Some(JournalEvent {
                seq,
                source: event.source,
                event_id: event.event_id,
                received_at: event.received_at,
                content: Content::Meaning(event.meaning?),
            })
        })
        .collect())
}

/// The body is handed over, not copied: nobody needs it in memory after this.
fn take_body(event: &mut NewEvent) -> String {
    std::mem::take(&mut event.body)
}

/// Rows go in by powers of two, so that a handful of statements is prepared once for all
/// numbers of rows. One process writes, so the rows of a statement follow each other.
async fn insert_in_sqlite(
    connection: &mut Transaction<'static, Sqlite>,
    events: &mut [NewEvent],
) -> Result<Vec<i64>, StoreError> {
    let mut places = Vec::with_capacity(events.len());
    let mut rest = events;
    while !rest.is_empty() {
        let rows = (1 << rest.len().ilog2()).min(MOST_ROWS);
        let (some, others) = rest.split_at_mut(rows);
        let mut query =
            QueryBuilder::new("insert into events (source, event_id, received_at, body) ");
        query.push_values(some, |mut row, event| {
            row.push_bind(event.source.to_string())
                .push_bind(event.event_id.clone())
                .push_bind(event.received_at.as_millis())
                .push_bind(take_body(event));
        });
        let last = query
            .build()
            .execute(&mut **connection)
            .await?
            .last_insert_rowid();
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        places.extend(last - rows + 1..=last);
        rest = others;
    }
    Ok(places)
}

/// One statement with four arrays, whatever the number of rows.
async fn insert_in_postgres(
    connection: &mut Transaction<'static, Postgres>,
    events: &mut [NewEvent],
) -> Result<Vec<i64>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut bodies = Vec::with_capacity(events.len());
    let (mut sources, mut ids, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for event in events {
        sources.push(event.source.to_string());
        ids.push(event.event_id.clone());
        times.push(event.received_at.as_millis());
        bodies.push(take_body(event));
    }
    let rows: Vec<(i64,)> = sqlx::query_as(
        "insert into events (source, event_id, received_at, body) \
         select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) returning seq",
    )
    .bind(sources)
    .bind(ids)
    .bind(times)
    .bind(bodies)
    .fetch_all(&mut **connection)
    .await?;
    Ok(rows.into_iter().map(|(seq,)| seq).collect())
}

const INSERT_EVENT_FOR_REVIEW: &str = "insert into events (source, event_id, received_at, body, review) \
     values ($1, $2, $3, $4, $5) returning seq";
const INSERT_REVIEW_ITEM: &str = "insert into review_items (event_seq, source, event_id, reason, received_at, state) \
     values ($1, $2, $3, $4, $5, 'open')";

/// Inserts an event that goes to review, and its review item; answers its place.
pub(super) async fn insert_review(tx: &mut Tx, event: &NewEvent) -> Result<i64, StoreError> {
    let reason = event.review.as_deref().unwrap_or_default();
    let (seq,): (i64,) = on!(tx, connection => {
        sqlx::query_as(INSERT_EVENT_FOR_REVIEW)
            .bind(event.source.as_ref())
            .bind(&event.event_id)
            .bind(event.received_at.as_millis())
            .bind(&event.body)
            .bind(reason)
            .fetch_one(connection)
            .await?
    });
    on!(tx, connection => {
        sqlx::query(INSERT_REVIEW_ITEM)
            .bind(seq)
            .bind(event.source.as_ref())
            .bind(&event.event_id)
            .bind(reason)
            .bind(event.received_at.as_millis())
            .execute(connection)
            .await?;
    });
    Ok(seq)
}
