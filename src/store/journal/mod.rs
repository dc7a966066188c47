//! The journal: every event on stable storage before its sender hears 2xx.
//!
//! Requests hand their events to one writer. While a transaction commits, further requests
//! gather; the next transaction takes them all. So the disk's sync is shared, and the cost of
//! one more event is a row, not a sync.

mod checkpoint;
mod fresh;
mod in_postgres;
mod in_sqlite;
mod writer;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

pub(super) use fresh::Fresh;
pub(super) use in_postgres::lock_journal;
pub(super) use in_sqlite::LAST_PLACE;
pub use writer::JournalWriter;

use super::database::Database;
use super::keys::Runs;
use crate::domain::signal::Meaning;
use crate::domain::time::Timestamp;

/// Requests that may wait for the writer; beyond it the sender hears 503.
const MOST_WAITING: usize = 4096;

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
    /// What it was understood as, so that deciding need not read the body again; `None` when
    /// it has to.
    pub meaning: Option<Meaning>,
}

/// An event of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEvent {
    /// Its place in the journal.
    pub seq: i64,
    /// The source's name.
    pub source: Arc<str>,
    /// The event's id.
    pub event_id: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// What there is to decide on.
    pub content: Content,
}

/// What there is of an event to decide on.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// The event as it came.
    Body(String),
    /// What it was understood as when it was received.
    Meaning(Meaning),
    /// It waits for a person; no rule sees it.
    InReview,
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

/// An event that could not be made durable, or of which that is not known; the sender must
/// hear 503.
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
    /// The writer died before it answered. Whether the events were kept is not known; who
    /// sends them again finds out.
    #[error("the journal's writer failed while it wrote the events; send them again")]
    Interrupted,
}

/// The events of one HTTP request, and where to say what became of each, in their order.
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
    pub(super) fn new(database: Database, runs: Runs, fresh: Fresh) -> (Self, JournalWriter) {
        let (requests, waiting) = mpsc::channel(MOST_WAITING);
        let writer = JournalWriter::new(database, runs, fresh, waiting);
        (Self { requests }, writer)
    }

    /// Appends `events` and answers, in their order, what became of each, once all are on
    /// stable storage.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when nothing may have been kept.
    pub async fn append(
        &self,
        events: impl Into<Vec<NewEvent>>,
    ) -> Result<Vec<Appended>, JournalError> {
        let (answer, answered) = oneshot::channel();
        self.requests
            .try_send(Request {
                events: events.into(),
                answer,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => JournalError::Full {
                    waiting: MOST_WAITING,
                },
                mpsc::error::TrySendError::Closed(_) => JournalError::Closed,
            })?;
        answered.await.unwrap_or(Err(JournalError::Interrupted))
    }
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
            meaning: None,
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
        assert_eq!(answer[..], [Accepted, Accepted, Duplicate]);
        assert_eq!(
            journal.append(vec![event("b")]).await.unwrap()[..],
            [Duplicate]
        );
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
        assert_eq!(answer[..], [Duplicate, Review]);
    }

    #[tokio::test]
    async fn a_place_is_not_given_again_when_all_events_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder).await;
        let (journal, writer) = store.journal();
        tokio::spawn(writer.run());
        journal
            .append(vec![event("a"), event("b"), event("c")])
            .await
            .unwrap();
        let file = rusqlite::Connection::open(folder.path().join("ringdown.db")).unwrap();
        file.execute_batch(
            "update cursors set position = 3 where name = 'decide'; delete from events",
        )
        .unwrap();
        journal.append(vec![event("d")]).await.unwrap();
        let undecided = store.undecided(10).await.unwrap();
        let ids: Vec<&str> = undecided.iter().map(|one| one.event_id.as_str()).collect();
        assert_eq!(ids, ["d"], "a new event is behind what was decided on");
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
        assert_eq!(answer[..], [Appended::Accepted, Appended::Accepted]);
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
