//! The journal in SQLite, from the writer's own thread: a prepared statement for every row,
//! and no copy of a body.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::checkpoint::Checkpointer;
use super::writer::{Committed, digests_of, journal_event, tell_apart};
use super::{Appended, NewEvent};
use crate::domain::time::Timestamp;
use crate::fault_points;
use crate::store::StoreError;
use crate::store::dedup::DedupIndex;
use crate::store::file_watch::FileWatch;
use crate::store::review_limit::kept_reason;
use crate::store::sqlite::{self, WriteTurn};

/// The last place that was ever given to an event that may still matter: the newest event may
/// have been forgotten, but never before it was decided on.
pub(in crate::store) const LAST_PLACE: &str = "select max(coalesce((select max(seq) from events), 0), \
     (select position from cursors where name = 'decide'))";
const INSERT_EVENT: &str = "insert into events (seq, source, event_id, received_at, review, body) values (?, ?, ?, ?, ?, ?)";
const INSERT_REVIEW_ITEM: &str = "insert into review_items (event_seq, source, event_id, reason, received_at, state) \
     values (?, ?, ?, ?, ?, 'open')";

/// The journal's side of a SQLite file.
pub(super) struct SqliteJournal {
    path: Arc<Path>,
    turn: WriteTurn,
    file: FileWatch,
    known: DedupIndex,
    /// When the newest event was received.
    newest: Timestamp,
    open: Option<Open>,
}

struct Open {
    connection: Connection,
    checkpointer: Checkpointer,
}

impl SqliteJournal {
    pub(super) fn new(path: Arc<Path>, turn: WriteTurn, file: FileWatch) -> Self {
        Self {
            path,
            turn,
            file,
            known: DedupIndex::default(),
            newest: Timestamp::from_millis(0),
            open: None,
        }
    }

    /// Opens the file and reads what is known, so that the first event need not wait for it.
    pub(super) fn warm_up(&mut self) {
        let warm =
            open(&mut self.open, &self.path).and_then(|open| self.known.prepare(&open.connection));
        if let Err(error) = warm {
            tracing::warn!(%error, "the journal cannot be opened yet; it is tried again");
        }
    }

    /// One transaction: what of `events` is new, and those rows.
    pub(super) fn append(&mut self, events: Vec<NewEvent>) -> Result<Committed, StoreError> {
        // What is written to a deleted file is decided on, but its sender is told nothing: it
        // would be decided on again. So it is not written at all.
        self.file.check()?;
        let open = open(&mut self.open, &self.path)?;
        self.newest = events.last().map_or(self.newest, |event| event.received_at);
        let committed = append(open, &self.turn, &mut self.known, events);
        if committed.is_err() {
            self.known.failed();
        } else if !open.checkpointer.committed() {
            // Its thread has died; a new one comes with the next batch.
            self.open = None;
        }
        // It may have been deleted meanwhile.
        self.file.check()?;
        committed
    }

    /// Between two transactions: keeps the index of known events quick.
    pub(super) fn tidy(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let (connection, turn) = (&mut open.connection, &self.turn);
        if let Err(error) = self
            .known
            .write_full_memtable(connection, turn, self.newest)
        {
            tracing::warn!(%error, "the index of known events cannot be tidied; it is tried again");
        }
    }
}

fn open<'o>(open: &'o mut Option<Open>, path: &Path) -> Result<&'o mut Open, StoreError> {
    Ok(match open {
        Some(open) => open,
        unopened => unopened.insert(Open {
            connection: sqlite::open(path)?,
            checkpointer: Checkpointer::start(path)?,
        }),
    })
}

fn append(
    Open {
        connection,
        checkpointer,
    }: &mut Open,
    turn: &WriteTurn,
    known: &mut DedupIndex,
    events: Vec<NewEvent>,
) -> Result<Committed, StoreError> {
    known.prepare(connection)?;
    let digests = digests_of(&events);
    let turn = turn.take_blocking();
    checkpointer.restart_log(connection)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let new = known.insert_new(&tx, &digests)?;
    let appended = tell_apart(&events, &digests, new);
    let mut fresh = Vec::with_capacity(events.len());
    let mut seq = last_place(&tx)?;
    let mut insert = tx.prepare_cached(INSERT_EVENT)?;
    for (event, appended) in events.into_iter().zip(&appended) {
        if *appended != Appended::Duplicate {
            seq += 1;
            insert.execute(params![
                seq,
                event.source,
                event.event_id,
                event.received_at.as_millis(),
                event.review.as_deref().map(kept_reason),
                event.body
            ])?;
            insert_review_item(&tx, seq, &event)?;
            fresh.extend(journal_event(seq, event));
        }
    }
    drop(insert);
    tx.commit()?;
    fault_points::reach("journal-committed");
    drop(turn);
    known.committed();
    Ok(Committed { appended, fresh })
}

/// See [`LAST_PLACE`].
fn last_place(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(LAST_PLACE)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Inserts the review item of the event at the place `seq`, when it goes to review.
fn insert_review_item(tx: &Transaction<'_>, seq: i64, event: &NewEvent) -> Result<(), StoreError> {
    if let Some(reason) = &event.review {
        tx.prepare_cached(INSERT_REVIEW_ITEM)?.execute(params![
            seq,
            event.source,
            event.event_id,
            kept_reason(reason),
            event.received_at.as_millis()
        ])?;
    }
    Ok(())
}
