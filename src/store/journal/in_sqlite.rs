//! The journal in SQLite, on the writer's own thread: a prepared statement for every row, and no
//! copy of a body.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::batch::{Committed, digests_of, journal_event, mark_duplicates};
use super::checkpoint::Checkpointer;
use super::event::{Appended, NewEvent};
use crate::domain::time::Timestamp;
use crate::fault_points;
use crate::store::StoreError;
use crate::store::dedup::DedupIndex;
use crate::store::file_watch::FileWatch;
use crate::store::review_reason::kept_reason;
use crate::store::sqlite::{self, COPY_LOG, WriteTurn};

/// The last number that was ever given to an event. The newest event may have been deleted by
/// retention, but never before it was decided; so the cursor of deciding counts too.
const LAST_SEQ: &str = "select max(coalesce((select max(seq) from events), 0), \
     (select position from cursors where name = 'decide'))";
const INSERT_EVENT: &str = "insert into events (seq, source, event_id, received_at, review, body) values (?, ?, ?, ?, ?, ?)";
const INSERT_REVIEW_ITEM: &str = "insert into review_items (event_seq, source, event_id, reason, received_at, state) \
     values (?, ?, ?, ?, ?, 'open')";

pub(super) struct SqliteJournal {
    path: Arc<Path>,
    turn: WriteTurn,
    file: FileWatch,
    /// The digests of known events.
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

    /// Opens the file and reads the index of known events, so that the first event need not wait.
    pub(super) fn warm_up(&mut self) {
        let checked = self.file.check();
        let warm = checked
            .and_then(|()| open(&mut self.open, &self.path, &self.turn))
            .and_then(|open| self.known.prepare(&open.connection));
        if let Err(error) = warm {
            tracing::warn!(%error, "the journal cannot be opened yet; it is tried again");
        }
    }

    /// Stores the new ones of `events` in one transaction.
    pub(super) fn append(&mut self, events: Vec<NewEvent>) -> Result<Committed, StoreError> {
        // An event written to a deleted file would be decided on while its sender is answered 503,
        // and decided on again when it is sent again. So it is not written at all.
        self.file.check()?;
        let open = open(&mut self.open, &self.path, &self.turn)?;
        self.newest = events.last().map_or(self.newest, |event| event.received_at);
        let committed = append(&mut open.connection, &self.turn, &mut self.known, events);
        if committed.is_err() {
            self.known.failed();
        } else if !open.checkpointer.is_alive() {
            // The checkpointer's thread has died; the next batch starts another one.
            self.open = None;
        }
        // The file may have been deleted meanwhile.
        self.file.check()?;
        committed
    }

    /// Between two transactions: writes a full memtable of the index as a sorted run.
    pub(super) fn maintain_index(&mut self) {
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

fn open<'o>(
    open: &'o mut Option<Open>,
    path: &Path,
    turn: &WriteTurn,
) -> Result<&'o mut Open, StoreError> {
    Ok(match open {
        Some(open) => open,
        unopened => unopened.insert(Open {
            connection: sqlite::open(path)?,
            checkpointer: Checkpointer::start(path, turn.log())?,
        }),
    })
}

fn append(
    connection: &mut Connection,
    turn: &WriteTurn,
    known: &mut DedupIndex,
    events: Vec<NewEvent>,
) -> Result<Committed, StoreError> {
    known.prepare(connection)?;
    let digests = digests_of(&events);
    let log = turn.log();
    let turn = turn.take_blocking();
    if log.take_long() {
        connection.query_row(COPY_LOG, [], |_| Ok(()))?;
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let new = known.insert_new(&tx, &digests)?;
    let appended = mark_duplicates(&events, &digests, new);
    let mut new_events = Vec::with_capacity(events.len());
    let mut seq = last_seq(&tx)?;
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
            new_events.extend(journal_event(seq, event));
        }
    }
    drop(insert);
    tx.commit()?;
    fault_points::reach("journal-committed");
    drop(turn);
    known.committed();
    Ok(Committed {
        appended,
        new: new_events,
    })
}

/// See [`LAST_SEQ`].
fn last_seq(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(LAST_SEQ)?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Inserts a review item when the event at the place `seq` goes to review.
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
