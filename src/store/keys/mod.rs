//! Which events are known already: a digest of every event that was ever kept, until
//! retention forgets it.
//!
//! SQLite keeps them as an appended log, the newest of it in memory, and as sorted runs found
//! through filters (see the migration `known_keys`, which says why). PostgreSQL, which several
//! processes append to, keeps them under a unique index.
//! May be used by the journal's writer and by retention only.

mod filter;
mod merge;
mod run;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use sqlx::QueryBuilder;

use super::StoreError;
use super::database::{Database, Tx};
pub(super) use runs::{Runs, forget};

/// The first 16 bytes of SHA-256 over source and event id.
pub(super) type Digest = [u8; 16];

/// Digests in the log before they are made a run: 1 MiB.
const LOG: usize = 64 * 1024;
/// Rows in one insert statement in PostgreSQL.
const ROWS_PER_INSERT: usize = 1024;

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
pub(super) struct KnownKeys {
    database: Database,
    runs: Runs,
    /// The digests of the log; `None` until they are read, and again after a failure, when
    /// what was kept is uncertain.
    log: Option<HashSet<Digest>>,
    /// New ones of the transaction under way.
    pending: Vec<Digest>,
    /// Digests in the log before they are made a run.
    longest_log: usize,
}

impl KnownKeys {
    pub(super) fn new(database: Database, runs: Runs) -> Self {
        Self {
            database,
            runs,
            log: None,
            pending: Vec::new(),
            longest_log: LOG,
        }
    }

    /// Reads what is needed before the first transaction, and after one that failed.
    pub(super) async fn prepare(&mut self) -> Result<(), StoreError> {
        self.pending.clear();
        if self.log.is_none() && matches!(self.database, Database::Sqlite { .. }) {
            self.runs.load(&self.database).await?;
            self.log = Some(runs::read_log(&self.database).await?);
        }
        Ok(())
    }

    /// Which of `digests` were not known; keeps those within `tx`.
    pub(super) async fn insert_new(
        &mut self,
        tx: &mut Tx,
        digests: &[Digest],
    ) -> Result<HashSet<Digest>, StoreError> {
        if let Tx::Postgres(_) = tx {
            return insert_indexed(tx, digests).await;
        }
        let runs = self.runs.snapshot();
        let mut new = HashSet::with_capacity(digests.len());
        for digest in digests {
            let logged = self.log.as_ref().is_some_and(|log| log.contains(digest));
            if !logged && !new.contains(digest) && !runs::hold(&runs, tx, digest).await? {
                new.insert(*digest);
                self.pending.push(*digest);
            }
        }
        if !self.pending.is_empty() {
            runs::append_to_log(tx, &self.pending).await?;
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

    /// Makes a run of the log when it is long enough. Between two transactions.
    pub(super) async fn tidy(&mut self) -> Result<(), StoreError> {
        let Some(log) = self
            .log
            .as_mut()
            .filter(|log| log.len() >= self.longest_log)
        else {
            return Ok(());
        };
        let mut sorted: Vec<Digest> = log.iter().copied().collect();
        sorted.sort_unstable();
        runs::seal(&self.database, &self.runs, &sorted).await?;
        log.clear();
        merge::merge_in_background(&self.database, &self.runs);
        Ok(())
    }
}

/// Inserts the digests that are not there yet and returns them: one statement that many
/// processes may run side by side.
async fn insert_indexed(tx: &mut Tx, digests: &[Digest]) -> Result<HashSet<Digest>, StoreError> {
    let mut new = HashSet::with_capacity(digests.len());
    let Tx::Postgres(connection) = tx else {
        return Ok(new);
    };
    for chunk in digests.chunks(ROWS_PER_INSERT) {
        let mut query = QueryBuilder::new("insert into event_keys (digest) select * from unnest(");
        query.push_bind(
            chunk
                .iter()
                .map(|digest| digest.to_vec())
                .collect::<Vec<_>>(),
        );
        query.push(") on conflict (digest) do nothing returning digest");
        let rows: Vec<(Vec<u8>,)> = query.build_query_as().fetch_all(&mut **connection).await?;
        new.extend(
            rows.into_iter()
                .filter_map(|(digest,)| Digest::try_from(digest).ok()),
        );
    }
    Ok(new)
}
