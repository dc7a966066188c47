//! The journal: every event is on stable storage before its sender is answered 2xx.
//!
//! Requests hand their events to one writer. While a transaction commits, further requests
//! wait; the next transaction takes them all. So they share one sync of the disk, and one more
//! event costs a row and not a sync.

mod batch;
mod checkpoint;
mod event;
mod hand_off;
mod in_postgres;
mod in_sqlite;
mod writer;

use tokio::sync::{mpsc, oneshot};

use super::database::Database;
use event::Request;

pub use event::{Appended, Content, JournalError, JournalEvent, NewEvent};
pub(super) use hand_off::HandOff;
pub(super) use in_postgres::lock_journal;
pub use writer::JournalWriter;

/// Requests that may wait for the writer. Further ones are answered 503.
const MAX_WAITING: usize = 4096;

/// The way into the journal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
}

impl Journal {
    /// A journal, and the writer that must run for it to answer.
    pub(super) fn new(database: Database, hand_off: HandOff) -> (Self, JournalWriter) {
        let (requests, waiting) = mpsc::channel(MAX_WAITING);
        (
            Self { requests },
            JournalWriter::new(database, hand_off, waiting),
        )
    }

    /// Appends `events`, and answers with the result for each, in their order, once all are on
    /// stable storage. After an error it is not known whether any was stored.
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
                    waiting: MAX_WAITING,
                },
                mpsc::error::TrySendError::Closed(_) => JournalError::Closed,
            })?;
        answered.await.unwrap_or(Err(JournalError::Interrupted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
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
