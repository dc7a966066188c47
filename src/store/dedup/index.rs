//! The index in SQLite: a memtable with its log, and sorted runs.

use rusqlite::{Connection, TransactionBehavior};

use super::digest::{Digest, Digests};
use super::expiry::{MIN_KEPT, expired_runs};
use super::filter::Probe;
use super::run::Run;
use super::tables;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::sqlite::WriteTurn;

/// Digests of a full memtable. With the next batch they just fit into a hash set of 9 MB.
const MAX_MEMTABLE: usize = 450_000;

/// The digests of known events, as the journal's one writer holds them.
#[derive(Debug)]
pub(in crate::store) struct DedupIndex {
    /// The digests of the log. `None` until it is read, and after a transaction that failed:
    /// whether it was committed is uncertain.
    memtable: Option<Digests>,
    /// From old to new; `None` until they are read.
    runs: Option<Vec<Run>>,
    /// New digests of the transaction under way.
    pending: Vec<Digest>,
    pub(super) max_memtable: usize,
    pub(super) min_kept: usize,
}

impl Default for DedupIndex {
    fn default() -> Self {
        Self {
            memtable: None,
            runs: None,
            pending: Vec::new(),
            max_memtable: MAX_MEMTABLE,
            min_kept: MIN_KEPT,
        }
    }
}

impl DedupIndex {
    /// Reads the filters and the log that are not in memory yet, before a transaction.
    pub(in crate::store) fn prepare(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.pending.clear();
        if self.runs.is_none() {
            self.runs = Some(tables::read_runs(connection)?);
        }
        if self.memtable.is_none() {
            self.memtable = Some(tables::read_log(connection)?);
        }
        Ok(())
    }

    /// Adds those of `digests` that were not known, and answers them. To be called in a
    /// transaction, after [`Self::prepare`].
    pub(in crate::store) fn insert_new(
        &mut self,
        connection: &Connection,
        digests: &[Digest],
    ) -> Result<Digests, StoreError> {
        let runs = self.runs.as_deref().unwrap_or_default();
        let mut new = Digests::with_capacity(digests.len());
        for digest in digests {
            let recent = self.memtable.as_ref();
            let is_recent = recent.is_some_and(|recent| recent.contains(digest));
            if !is_recent && !new.contains(digest) && !is_in_a_run(runs, connection, digest)? {
                new.insert(*digest);
                self.pending.push(*digest);
            }
        }
        if !self.pending.is_empty() {
            tables::append_to_log(connection, &self.pending)?;
        }
        Ok(new)
    }

    /// The transaction was committed.
    pub(in crate::store) fn committed(&mut self) {
        if let Some(memtable) = &mut self.memtable {
            memtable.extend(self.pending.drain(..));
        }
    }

    /// The transaction failed.
    pub(in crate::store) fn failed(&mut self) {
        self.memtable = None;
    }

    /// Between two transactions: makes a run of a full memtable, and deletes runs that are too
    /// old. `now` is when the newest event was received.
    pub(in crate::store) fn write_full_memtable(
        &mut self,
        connection: &mut Connection,
        turn: &WriteTurn,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (Some(memtable), Some(runs)) = (&mut self.memtable, &mut self.runs) else {
            return Ok(());
        };
        if memtable.len() < self.max_memtable {
            return Ok(());
        }
        let mut sorted: Vec<Digest> = memtable.iter().copied().collect();
        sorted.sort_unstable();
        let expired = expired_runs(runs, sorted.len(), now, self.min_kept);
        let run = Run::of(&sorted, now);
        match replace_log(connection, turn, run, &sorted, &runs[..expired]) {
            Ok(run) => {
                runs.drain(..expired);
                runs.push(run);
                // A cleared set would keep its room.
                *memtable = Digests::default();
                Ok(())
            }
            Err(error) => {
                // Whether it was committed is uncertain.
                (self.memtable, self.runs) = (None, None);
                Err(error)
            }
        }
    }
}

fn is_in_a_run(runs: &[Run], connection: &Connection, digest: &Digest) -> Result<bool, StoreError> {
    let probe = Probe::of(digest);
    // A sender repeats soon: the newest run first.
    for run in runs.iter().rev() {
        if let Some(block) = run.block_of(digest, &probe)
            && tables::block_holds(connection, run.number, block, digest)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The log becomes `run`, and the `expired` runs are deleted, in one transaction.
fn replace_log(
    connection: &mut Connection,
    turn: &WriteTurn,
    mut run: Run,
    sorted: &[Digest],
    expired: &[Run],
) -> Result<Run, StoreError> {
    let _turn = turn.take_blocking();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    run.number = tables::write_run(&tx, &run, sorted)?;
    for old in expired {
        tables::delete_run(&tx, old.number)?;
    }
    tx.commit()?;
    Ok(run)
}
