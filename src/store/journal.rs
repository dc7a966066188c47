//! The journal: every event on stable storage before its sender hears 2xx.
//!
//! Requests hand their events to one writer. While a transaction commits, further requests
//! gather; the next transaction takes them all. So the disk's sync is shared, and the cost of
//! one more event is a row, not a sync.

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sqlx::QueryBuilder;
use tokio::sync::{mpsc, oneshot, watch};

use super::StoreError;
use super::database::{Database, Tx, on};
use crate::domain::time::Timestamp;

/// Requests that may wait for the writer; beyond it the sender hears 503.
const MOST_WAITING: usize = 4096;
/// Requests taken into one transaction.
const MOST_REQUESTS: usize = 1024;
/// Events taken into one transaction, unless a single request brings more.
const MOST_EVENTS: usize = 4096;
/// Rows in one insert statement; SQLite allows 32,766 parameters, few long texts of SQL are
/// cached better than many.
const ROWS_PER_INSERT: usize = 64;

/// An event on its way into the journal.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The source's name.
    pub source: Arc<str>,
    /// The event's id; with the source, the key by which a repetition is recognised.
    pub event_id: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// The event as it came.
    pub body: String,
    /// Why it goes to review instead of to the rules; `None` for an event that was understood.
    pub review: Option<String>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// New, and durable.
    Accepted,
    /// New, durable, and waiting for a person.
    Review,
    /// Already there.
    Duplicate,
}

/// An event that could not be made durable. Nothing was kept; the sender must hear 503.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Too many events wait to be written.
    #[error("the journal is full: {waiting} requests wait to be written; the database is too slow")]
    Full {
        /// How many wait.
        waiting: usize,
    },
    /// The database refused the write.
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
    /// The process is stopping.
    #[error("the journal is closed because the process is stopping")]
    Closed,
}

struct Request {
    events: Vec<NewEvent>,
    answer: oneshot::Sender<Result<Vec<Appended>, JournalError>>,
}

/// Takes events in and answers when they are durable. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
}

impl Journal {
    /// A journal and the writer that must run for it to answer. `appended` is told after each
    /// commit.
    pub(super) fn new(database: Database) -> (Self, JournalWriter) {
        let (requests, waiting) = mpsc::channel(MOST_WAITING);
        let (appended, _) = watch::channel(0);
        let writer = JournalWriter {
            database,
            waiting,
            appended,
        };
        (Self { requests }, writer)
    }

    /// Appends `events` and answers, in their order, what became of each, once all are on
    /// stable storage.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when nothing was kept.
    pub async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, JournalError> {
        let (answer, answered) = oneshot::channel();
        self.requests
            .try_send(Request { events, answer })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => JournalError::Full {
                    waiting: MOST_WAITING,
                },
                mpsc::error::TrySendError::Closed(_) => JournalError::Closed,
            })?;
        answered.await.unwrap_or(Err(JournalError::Closed))
    }
}

/// The one writer of the journal.
pub struct JournalWriter {
    database: Database,
    waiting: mpsc::Receiver<Request>,
    appended: watch::Sender<u64>,
}

impl JournalWriter {
    /// Changes after every commit that made events durable.
    pub fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }

    /// Writes until every [`Journal`] handle is gone.
    pub async fn run(mut self) {
        let mut batch = Vec::new();
        while self.waiting.recv_many(&mut batch, MOST_REQUESTS).await > 0 {
            while !batch.is_empty() {
                let rest = split_off_after(&mut batch, MOST_EVENTS);
                self.write(std::mem::replace(&mut batch, rest)).await;
            }
        }
    }

    async fn write(&self, requests: Vec<Request>) {
        let events: Vec<&NewEvent> = requests.iter().flat_map(|r| &r.events).collect();
        match append(&self.database, &events).await {
            Ok(appended) => {
                self.appended.send_modify(|count| *count += 1);
                let mut appended = appended.into_iter();
                for request in requests {
                    let share = appended.by_ref().take(request.events.len()).collect();
                    // A sender that hung up hears nothing; its events are durable all the same.
                    let _ = request.answer.send(Ok(share));
                }
            }
            Err(error) => {
                tracing::error!(%error, events = events.len(), "events could not be made durable");
                let error = JournalError::Unwritable(error.to_string());
                for request in requests {
                    let _ = request.answer.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Cuts `batch` after the request that brings its events to `most`; returns what is left over.
fn split_off_after(batch: &mut Vec<Request>, most: usize) -> Vec<Request> {
    let mut events = 0;
    let fitting = batch
        .iter()
        .take_while(|request| {
            let fits = events == 0 || events + request.events.len() <= most;
            events += request.events.len();
            fits
        })
        .count();
    batch.split_off(fitting)
}

/// One transaction: what of `events` is new, and those rows.
async fn append(database: &Database, events: &[&NewEvent]) -> Result<Vec<Appended>, StoreError> {
    let digests: Vec<[u8; 16]> = events
        .iter()
        .map(|event| digest_of(&event.source, &event.event_id))
        .collect();
    let mut tx = database.begin_write().await?;
    lock_journal(&mut tx).await?;
    let new = insert_keys(&mut tx, &digests).await?;
    let appended = tell_apart(events, &digests, new);
    let is = |wanted: Appended| {
        events
            .iter()
            .zip(&appended)
            .filter(move |(_, appended)| **appended == wanted)
            .map(|(event, _)| *event)
    };
    let accepted: Vec<&NewEvent> = is(Appended::Accepted).collect();
    insert_events(&mut tx, &accepted).await?;
    for event in is(Appended::Review) {
        insert_review(&mut tx, event).await?;
    }
    tx.commit().await?;
    Ok(appended)
}

/// The first 16 bytes of SHA-256 over source and event id.
pub(super) fn digest_of(source: &str, event_id: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(source.as_bytes());
    hash.update([0]);
    hash.update(event_id.as_bytes());
    let full = hash.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}

/// In PostgreSQL several replicas append at once: one after the other, so that sequence
/// numbers become visible in their order and the deciding cursor never passes one by.
pub(super) async fn lock_journal(tx: &mut Tx) -> Result<(), StoreError> {
    if let Tx::Postgres(inner) = tx {
        sqlx::query("select pg_advisory_xact_lock(7464500)")
            .execute(&mut **inner)
            .await?;
    }
    Ok(())
}

/// Inserts the digests that are not there yet and returns them.
async fn insert_keys(tx: &mut Tx, digests: &[[u8; 16]]) -> Result<HashSet<[u8; 16]>, StoreError> {
    let mut new = HashSet::with_capacity(digests.len());
    for chunk in digests.chunks(ROWS_PER_INSERT) {
        let rows: Vec<(Vec<u8>,)> = on!(tx, connection => {
            let mut query = QueryBuilder::new("insert into event_keys (digest) ");
            query.push_values(chunk, |mut row, digest| {
                row.push_bind(digest.to_vec());
            });
            query.push(" on conflict (digest) do nothing returning digest");
            query.build_query_as().fetch_all(connection).await?
        });
        new.extend(
            rows.into_iter()
                .filter_map(|(digest,)| <[u8; 16]>::try_from(digest).ok()),
        );
    }
    Ok(new)
}

/// The first event of each new digest is new, every other one a duplicate.
fn tell_apart(
    events: &[&NewEvent],
    digests: &[[u8; 16]],
    mut new: HashSet<[u8; 16]>,
) -> Vec<Appended> {
    events
        .iter()
        .zip(digests)
        .map(
            |(event, digest)| match (new.remove(digest), &event.review) {
                (false, _) => Appended::Duplicate,
                (true, None) => Appended::Accepted,
                (true, Some(_)) => Appended::Review,
            },
        )
        .collect()
}

async fn insert_events(tx: &mut Tx, events: &[&NewEvent]) -> Result<(), StoreError> {
    for chunk in events.chunks(ROWS_PER_INSERT) {
        on!(tx, connection => {
            let mut query =
                QueryBuilder::new("insert into events (source, event_id, received_at, body) ");
            query.push_values(chunk, |mut row, event| {
                row.push_bind(event.source.to_string())
                    .push_bind(event.event_id.clone())
                    .push_bind(event.received_at.as_millis())
                    .push_bind(event.body.clone());
            });
            query.build().execute(connection).await?;
        });
    }
    Ok(())
}

const INSERT_EVENT_FOR_REVIEW: &str = "insert into events (source, event_id, received_at, body, review) \
     values ($1, $2, $3, $4, $5) returning seq";
const INSERT_REVIEW_ITEM: &str = "insert into review_items (event_seq, source, event_id, reason, received_at, state) \
     values ($1, $2, $3, $4, $5, 'open')";

async fn insert_review(tx: &mut Tx, event: &NewEvent) -> Result<(), StoreError> {
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn event(id: &str) -> NewEvent {
        NewEvent {
            source: "genesys".into(),
            event_id: id.to_owned(),
            received_at: Timestamp::from_millis(1_000),
            body: format!("{{\"id\":\"{id}\"}}"),
            review: None,
        }
    }

    async fn store_in(folder: &tempfile::TempDir) -> Store {
        let path = folder.path().join("ringdown.db");
        Store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_repetition_is_recognised_in_one_request_across_requests_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let (journal, writer) = store.journal();
        let writing = tokio::spawn(writer.run());
        let answer = journal
            .append(vec![event("a"), event("b"), event("a")])
            .await
            .unwrap();
        use Appended::{Accepted, Duplicate, Review};
        assert_eq!(answer, [Accepted, Accepted, Duplicate]);
        assert_eq!(journal.append(vec![event("b")]).await.unwrap(), [Duplicate]);
        drop(journal);
        writing.await.unwrap();
        store.close().await;

        let store = store_in(&folder).await;
        let (journal, writer) = store.journal();
        tokio::spawn(writer.run());
        let misfit = NewEvent {
            review: Some("/metrics/0/name: missing".into()),
            ..event("c")
        };
        let answer = journal.append(vec![event("a"), misfit]).await.unwrap();
        assert_eq!(answer, [Duplicate, Review]);
    }

    #[tokio::test]
    async fn the_same_id_from_another_source_is_another_event() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let (journal, writer) = store.journal();
        tokio::spawn(writer.run());
        let other = NewEvent {
            source: "other".into(),
            ..event("a")
        };
        let answer = journal.append(vec![event("a"), other]).await.unwrap();
        assert_eq!(answer, [Appended::Accepted, Appended::Accepted]);
    }

    #[tokio::test]
    async fn many_requests_at_once_are_all_answered_and_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let (journal, writer) = store.journal();
        tokio::spawn(writer.run());
        let requests = (0..400).map(|n| {
            let journal = journal.clone();
            async move { journal.append(vec![event(&format!("e{}", n / 2))]).await }
        });
        let answers = futures::future::join_all(requests).await;
        let accepted = answers
            .into_iter()
            .filter(|answer| answer.as_deref() == Ok(&[Appended::Accepted]))
            .count();
        assert_eq!(accepted, 200);
    }
}
