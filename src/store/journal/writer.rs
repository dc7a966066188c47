//! The one writer of the journal: one transaction for all requests that wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::in_postgres::PostgresJournal;
use super::in_sqlite::SqliteJournal;
use super::{Appended, Content, Fresh, JournalError, JournalEvent, NewEvent, Request};
use crate::store::StoreError;
use crate::store::database::Database;
use crate::store::keys::{Digest, Digests, KnownKeys, Runs, digest_of};

/// Requests taken into one transaction.
const MOST_REQUESTS: usize = 1024;
/// Events taken into one transaction, unless a single request brings more.
const MOST_EVENTS: usize = 4096;

/// After a transaction of this many requests and more the next ones are let gather: in a flood
/// a few large transactions cost far less than many small ones, and what they leave of the
/// processor shortens every answer.
const FLOOD: usize = 16;
/// A look at how many have gathered.
const LOOK: Duration = Duration::from_micros(50);
/// Looks at most.
const LOOKS: usize = 8;

/// The one writer of the journal. When it panics, a clone of it can go on: of what was being
/// written nobody is told that it is durable, and what waits is written.
#[derive(Clone)]
pub struct JournalWriter {
    database: Database,
    runs: Runs,
    outlet: Outlet,
    /// Held by the clone that runs.
    waiting: Waiting,
}

type Waiting = Arc<Mutex<mpsc::Receiver<Request>>>;

/// Where events go once they are durable.
#[derive(Clone)]
struct Outlet {
    fresh: Fresh,
    appended: watch::Sender<u64>,
}

impl JournalWriter {
    pub(super) fn new(
        database: Database,
        runs: Runs,
        fresh: Fresh,
        waiting: mpsc::Receiver<Request>,
    ) -> Self {
        let (appended, _) = watch::channel(0);
        Self {
            database,
            runs,
            outlet: Outlet { fresh, appended },
            waiting: Arc::new(Mutex::new(waiting)),
        }
    }

    /// Changes after every commit that made events durable.
    pub fn appended(&self) -> watch::Receiver<u64> {
        self.outlet.appended.subscribe()
    }

    /// Writes until every [`Journal`](super::Journal) handle is gone.
    pub async fn run(self) {
        match self.database {
            Database::Sqlite {
                path, turn, file, ..
            } => {
                // A new one reads again what is known: of an earlier one's last batch it is
                // uncertain whether it was kept.
                let journal = SqliteJournal::new(path, turn, file, KnownKeys::new(self.runs));
                let waiting = self.waiting;
                let (written, results) = mpsc::unbounded_channel();
                let thread =
                    tokio::task::spawn_blocking(move || write_sqlite(journal, &written, &waiting));
                let (died, ()) = tokio::join!(thread, answer_all(results, &self.outlet));
                if let Err(error) = died
                    && let Ok(panic) = error.try_into_panic()
                {
                    // Whoever runs this task is to see that it died.
                    std::panic::resume_unwind(panic);
                }
            }
            Database::Postgres { journal, .. } => {
                write_postgres(PostgresJournal::new(journal), &self.outlet, &self.waiting).await;
            }
        }
    }
}

/// A batch that was written, or was not, and who waits to hear it. As many as requests wait
/// at most.
type Written = (Answers, Result<Committed, StoreError>);

/// Tells everybody on an async thread: one wake-up there for a batch, where the writer's own
/// thread would pay one for every request.
async fn answer_all(mut results: mpsc::UnboundedReceiver<Written>, outlet: &Outlet) {
    while let Some((answers, result)) = results.recv().await {
        answers.answer(outlet, result);
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
        let taken = waiting.blocking_recv_many(&mut requests, MOST_REQUESTS);
        if taken == 0 {
            return;
        }
        while let Some(batch) = Batch::take(&mut requests, MOST_EVENTS) {
            let (events, answers) = batch.into_parts();
            if written.send((answers, journal.append(events))).is_err() {
                // Who answers has died, and so those who wait are told nothing.
                return;
            }
        }
        journal.tidy();
        if taken >= FLOOD {
            gather(&waiting, taken);
        }
    }
}

/// Waits until three eighths of the requests have gathered that there are in a round: those that
/// were `answered` just now, whose senders send again, and those that wait already. So a
/// transaction is a large one, and while the disk syncs it the other requests keep the processor
/// busy. Waits as long as more come, and not for those that cannot.
fn gather(waiting: &mpsc::Receiver<Request>, answered: usize) {
    let enough = (answered + waiting.len()) * 3 / 8;
    let mut gathered = 0;
    for _ in 0..LOOKS {
        let now = waiting.len();
        if now >= enough || (now > 0 && now == gathered) {
            return;
        }
        gathered = now;
        std::thread::sleep(LOOK);
    }
}

async fn write_postgres(mut journal: PostgresJournal, outlet: &Outlet, waiting: &Waiting) {
    let mut waiting = waiting.lock().await;
    let mut requests = Vec::new();
    while waiting.recv_many(&mut requests, MOST_REQUESTS).await > 0 {
        while let Some(batch) = Batch::take(&mut requests, MOST_EVENTS) {
            let (events, answers) = batch.into_parts();
            answers.answer(outlet, journal.append(events).await);
        }
    }
}

/// What a transaction came to: what became of each event, and the new ones in their order,
/// ready to be decided on.
pub(super) struct Committed {
    pub(super) appended: Vec<Appended>,
    pub(super) fresh: Vec<JournalEvent>,
}

/// Requests that go into one transaction.
struct Batch {
    requests: Vec<Request>,
}

type Answer = oneshot::Sender<Result<Vec<Appended>, JournalError>>;

/// Who waits for a batch, and for how many events of it each.
struct Answers(Vec<(Answer, usize)>);

impl Batch {
    /// Takes requests from the front until their events come to `most`, at least one.
    fn take(requests: &mut Vec<Request>, most: usize) -> Option<Self> {
        if requests.is_empty() {
            return None;
        }
        let mut events = 0;
        let fitting = requests
            .iter()
            .take_while(|request| {
                let fits = events == 0 || events + request.events.len() <= most;
                events += request.events.len();
                fits
            })
            .count();
        let rest = requests.split_off(fitting);
        Some(Self {
            requests: std::mem::replace(requests, rest),
        })
    }

    fn into_parts(self) -> (Vec<NewEvent>, Answers) {
        let mut events = Vec::with_capacity(self.requests.len());
        let mut answers = Vec::with_capacity(self.requests.len());
        for request in self.requests {
            answers.push((request.answer, request.events.len()));
            events.extend(request.events);
        }
        (events, Answers(answers))
    }
}

impl Answers {
    /// Tells everybody, and deciding first: what it does takes longer.
    fn answer(self, outlet: &Outlet, result: Result<Committed, StoreError>) {
        match result {
            Ok(Committed { appended, fresh }) => {
                outlet.fresh.push(fresh);
                outlet.appended.send_modify(|count| *count += 1);
                let mut appended = appended.into_iter();
                for (answer, events) in self.0 {
                    // A sender that hung up hears nothing; its events are durable all the same.
                    let _ = answer.send(Ok(appended.by_ref().take(events).collect()));
                }
            }
            Err(error) => {
                let events: usize = self.0.iter().map(|(_, events)| events).sum();
                tracing::error!(%error, events, "events could not be made durable");
                let error = JournalError::Unwritable(error.to_string());
                for (answer, _) in self.0 {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }
}

/// The digest of each event, by which a repetition is recognised.
pub(super) fn digests_of(events: &[NewEvent]) -> Vec<Digest> {
    events
        .iter()
        .map(|event| digest_of(&event.source, &event.event_id))
        .collect()
}

/// The first event of each new digest is new, every other one a duplicate.
pub(super) fn tell_apart(
    events: &[NewEvent],
    digests: &[Digest],
    mut new: Digests,
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

/// An event at its place, as deciding takes it; `None` when it has to read the body.
pub(super) fn journal_event(seq: i64, event: NewEvent) -> Option<JournalEvent> {
    let content = match event.review {
        Some(_) => Content::InReview,
        None => Content::Meaning(event.meaning?),
    };
    Some(JournalEvent {
        seq,
        source: event.source,
        event_id: event.event_id,
        received_at: event.received_at,
        content,
    })
}
