//! The one writer of the journal: one transaction for all requests that wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};

use super::batch::{Batch, Committed, Waiters};
use super::event::{JournalError, Request};
use super::hand_off::HandOff;
use super::in_postgres::PostgresJournal;
use super::in_sqlite::SqliteJournal;
use crate::store::StoreError;
use crate::store::database::Database;

/// Requests taken into one transaction.
const MAX_REQUESTS: usize = 1024;
/// Events taken into one transaction, unless a single request brings more.
const MAX_EVENTS: usize = 4096;

/// After a transaction of at least so many requests the writer waits for more: under load a few
/// large transactions cost far less than many small ones, and the saved processor time shortens
/// every answer.
const LARGE_BATCH: usize = 16;
/// Time between two checks of how many requests wait.
const POLL_EVERY: Duration = Duration::from_micros(50);
const MAX_POLLS: usize = 8;

/// The one writer of the journal. When it panics, a clone of it can go on: the requests that were
/// being written are not answered, and those that wait are written.
#[derive(Clone)]
pub struct JournalWriter {
    database: Database,
    publisher: Publisher,
    /// Held by the clone that runs.
    waiting: Waiting,
}

type Waiting = Arc<Mutex<mpsc::Receiver<Request>>>;

/// Hands durable events to deciding, and announces them.
#[derive(Clone)]
struct Publisher {
    hand_off: HandOff,
    appended: watch::Sender<u64>,
}

impl JournalWriter {
    pub(super) fn new(
        database: Database,
        hand_off: HandOff,
        waiting: mpsc::Receiver<Request>,
    ) -> Self {
        let (appended, _) = watch::channel(0);
        Self {
            database,
            publisher: Publisher { hand_off, appended },
            waiting: Arc::new(Mutex::new(waiting)),
        }
    }

    /// Changes after every commit that made events durable.
    pub fn appended(&self) -> watch::Receiver<u64> {
        self.publisher.appended.subscribe()
    }

    /// Writes until every [`Journal`](super::Journal) handle is gone.
    pub async fn run(self) {
        match self.database {
            Database::Sqlite {
                path, turn, file, ..
            } => {
                // The index of known events is read again after a panic: it is uncertain whether
                // the last batch was committed.
                let journal = SqliteJournal::new(path, turn, file);
                let waiting = self.waiting;
                let (written, results) = mpsc::unbounded_channel();
                let thread =
                    tokio::task::spawn_blocking(move || write_sqlite(journal, &written, &waiting));
                let (died, ()) = tokio::join!(thread, answer_all(results, &self.publisher));
                if let Err(error) = died
                    && let Ok(panic) = error.try_into_panic()
                {
                    // The supervisor of this task must see that it died.
                    std::panic::resume_unwind(panic);
                }
            }
            Database::Postgres { journal, .. } => {
                write_postgres(
                    PostgresJournal::new(journal),
                    &self.publisher,
                    &self.waiting,
                )
                .await;
            }
        }
    }
}

/// A batch's result, and the requests that wait for it. There are never more of these results than
/// requests that wait.
type Written = (Waiters, Result<Committed, StoreError>);

/// Answers on an async thread: one wake-up there for a batch, where the writer's own thread would
/// pay one for every request.
async fn answer_all(mut results: mpsc::UnboundedReceiver<Written>, publisher: &Publisher) {
    while let Some((waiters, result)) = results.recv().await {
        publisher.publish(waiters, result);
    }
}

fn write_sqlite(
    mut journal: SqliteJournal,
    written: &mpsc::UnboundedSender<Written>,
    waiting: &Waiting,
) {
    let mut waiting = waiting.blocking_lock();
    journal.warm_up();
    let mut requests = Vec::new();
    loop {
        let taken = waiting.blocking_recv_many(&mut requests, MAX_REQUESTS);
        if taken == 0 {
            return;
        }
        while let Some(batch) = Batch::take(&mut requests, MAX_EVENTS) {
            let (events, waiters) = batch.into_parts();
            if written.send((waiters, journal.append(events))).is_err() {
                // The task that answers has died, so nobody can be answered.
                return;
            }
            journal.maintain_index();
        }
        if taken >= LARGE_BATCH {
            wait_for_batch(&waiting, taken);
        }
    }
}

/// Waits until three eighths of the requests of a round wait. A round is the requests that were
/// `answered` just now, because their senders send again, and those that wait already. So the next
/// transaction is a large one, and while the disk syncs it, the processor works on the other
/// requests. Ends when no more arrive.
fn wait_for_batch(waiting: &mpsc::Receiver<Request>, answered: usize) {
    let enough = (answered + waiting.len()) * 3 / 8;
    let mut before = 0;
    for _ in 0..MAX_POLLS {
        let now = waiting.len();
        if now >= enough || (now > 0 && now == before) {
            return;
        }
        before = now;
        std::thread::sleep(POLL_EVERY);
    }
}

async fn write_postgres(mut journal: PostgresJournal, publisher: &Publisher, waiting: &Waiting) {
    let mut waiting = waiting.lock().await;
    let mut requests = Vec::new();
    while waiting.recv_many(&mut requests, MAX_REQUESTS).await > 0 {
        while let Some(batch) = Batch::take(&mut requests, MAX_EVENTS) {
            let (events, waiters) = batch.into_parts();
            publisher.publish(waiters, journal.append(events).await);
        }
    }
}

impl Publisher {
    /// Hands the events to deciding first, because deciding takes longer, then answers the senders.
    fn publish(&self, waiters: Waiters, result: Result<Committed, StoreError>) {
        match result {
            Ok(Committed { appended, new }) => {
                self.hand_off.push(new);
                self.appended.send_modify(|count| *count += 1);
                let mut appended = appended.into_iter();
                for (answer, events) in waiters {
                    // A sender that hung up gets no answer; its events are durable all the same.
                    let _ = answer.send(Ok(appended.by_ref().take(events).collect()));
                }
            }
            Err(error) => {
                let events: usize = waiters.iter().map(|(_, events)| events).sum();
                tracing::error!(%error, events, "events could not be made durable");
                let error = JournalError::Unwritable(error.to_string());
                for (answer, _) in waiters {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }
}
