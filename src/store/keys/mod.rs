//! Which events are known already: a digest of every event that was ever kept, until
//! retention forgets it.
//!
//! SQLite keeps them as an appended log, the newest of it in memory, and as sorted runs found
//! through filters (see the migration `known_keys`, which says why). PostgreSQL, which several
//! processes append to, keeps them under a unique index and needs nothing of this.
//! May be used by the journal's writer and by retention only.

mod filter;
mod merge;
mod run;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::StoreError;
use super::sqlite::WriteTurn;
pub(super) use runs::{Runs, forget};

/// The first 16 bytes of SHA-256 over source and event id.
pub(super) type Digest = [u8; 16];

/// A set of digests. They are hashes already; what is left is to seed them, so that nobody can
/// choose ids that meet in one place.
pub(super) type Digests = HashSet<Digest>;

/// Digests in the log before they are made a run: 1 MiB.
const LOG: usize = 64 * 1024;

/// The digest of an event.
pub(super) fn digest_of(source: &str, event_id: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(source.as_bytes());
    hash.update([0]);
    hash.update(event_id.as_bytes());
    let full = hash.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}

/// The known digests, as the journal's one writer holds them.
#[derive(Debug)]
pub(super) struct KnownKeys {
    runs: Runs,
    /// The digests of the log; `None` until they are read, and again after a failure, when
    /// what was kept is uncertain.
    log: Option<Digests>,
    /// New ones of the transaction under way.
    pending: Vec<Digest>,
    /// Digests in the log before they are made a run.
    longest_log: usize,
}

impl KnownKeys {
    pub(super) fn new(runs: Runs) -> Self {
        Self {
            runs,
            log: None,
            pending: Vec::new(),
            longest_log: LOG,
        }
    }

    /// Reads what is needed before the first transaction, and after one that failed.
    pub(super) fn prepare(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.pending.clear();
        if self.log.is_none() {
            self.runs.load(connection)?;
            self.log = Some(runs::read_log(connection)?);
        }
        Ok(())
    }

    /// Which of `digests` were not known; keeps those. To be called in a transaction.
    pub(super) fn insert_new(
        &mut self,
        connection: &Connection,
        digests: &[Digest],
    ) -> Result<Digests, StoreError> {
        let runs = self.runs.snapshot();
        let mut new = Digests::with_capacity_and_hasher(digests.len(), <_>::default());
        for digest in digests {
            let logged = self.log.as_ref().is_some_and(|log| log.contains(digest));
            if !logged && !new.contains(digest) && !runs::hold(&runs, connection, digest)? {
                new.insert(*digest);
                self.pending.push(*digest);
            }
        }
        if !self.pending.is_empty() {
            runs::append_to_log(connection, &self.pending)?;
        }
        Ok(new)
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        if let Some(log) = &mut self.log {
            log.extend(self.pending.drain(..));
        }
    }

    /// The transaction failed: whether its digests were kept is read again before the next.
    pub(super) fn failed(&mut self) {
        self.log = None;
    }

    /// Between two transactions: makes a run of the log when it is long enough, and deletes
    /// some of what was forgotten. Answers whether there are runs to be merged.
    pub(super) fn tidy(
        &mut self,
        connection: &mut Connection,
        turn: &WriteTurn,
    ) -> Result<bool, StoreError> {
        runs::sweep(connection, turn, &self.runs)?;
        let Some(log) = self
            .log
            .as_mut()
            .filter(|log| log.len() >= self.longest_log)
        else {
            return Ok(false);
        };
        let mut sorted: Vec<Digest> = log.iter().copied().collect();
        sorted.sort_unstable();
        runs::seal(connection, turn, &self.runs, &sorted)?;
        // Not cleared, which would keep its room.
        *log = Digests::default();
        Ok(merge::is_due(&self.runs))
    }

    /// A job that merges small runs, to be run on a thread of its own.
    pub(super) fn merging(&self, path: &Path, turn: &WriteTurn) -> impl FnOnce() + use<> {
        let (path, turn, runs) = (path.to_owned(), turn.clone(), self.runs.clone());
        move || merge::merge_small(&path, &turn, &runs)
    }
}
