//! The log and the sorted runs in SQLite: reading, sealing, looking up, forgetting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::filter::Filter;
use super::run::{PER_BLOCK, Run, fences_from_bytes, from_bytes, to_bytes};
use super::{Digest, Digests};
use crate::store::StoreError;
use crate::store::database::Tx;
use crate::store::sqlite::WriteTurn;

/// Blocks deleted in one transaction.
const BLOCKS_PER_SWEEP: i64 = 64;

/// The runs that may be read, shared between the writer, the merging and retention.
///
/// A run's blocks are deleted in a later transaction than the one that took the run away, and
/// every reader holds SQLite's write lock since before it took its snapshot: so no block
/// disappears under a reader.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Runs {
    ready: Arc<RwLock<Vec<Arc<Run>>>>,
    /// Held while runs are merged: one merge at a time.
    pub(super) merging: Arc<Mutex<()>>,
    /// Whether runs that are gone may have left blocks.
    unswept: Arc<AtomicBool>,
}

impl Runs {
    /// The runs as they are now.
    pub(super) fn snapshot(&self) -> Vec<Arc<Run>> {
        self.ready
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts `new` in, and takes out the runs numbered `gone`.
    pub(super) fn swap(&self, new: Option<Run>, gone: &[i64]) {
        // The list is whole after every step: a panic elsewhere leaves nothing half done.
        let mut runs = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|run| !gone.contains(&run.number));
        runs.extend(new.map(Arc::new));
        self.unswept.fetch_or(!gone.is_empty(), Ordering::Relaxed);
    }

    /// Takes runs out that retention has forgotten, after its commit.
    pub(in crate::store) fn forget(&self, gone: &[i64]) {
        self.swap(None, gone);
    }

    /// Reads them from the database.
    pub(super) fn load(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare(
            "select run, last_seq, digests, fences, filter from key_runs where state = 'ready'",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })?;
        let mut runs = Vec::new();
        for row in rows {
            runs.push(Arc::new(read_run(row?)?));
        }
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = runs;
        self.unswept.store(true, Ordering::Relaxed);
        Ok(())
    }
}

type RunRow = (i64, i64, i64, Vec<u8>, Vec<u8>);

fn read_run((number, last_seq, digests, fences, filter): RunRow) -> Result<Run, StoreError> {
    let filter = Filter::from_bytes(&filter).ok_or_else(|| StoreError::Damaged {
        table: "key_runs",
        row: number.to_string(),
        problem: "its filter has a wrong length".to_owned(),
    })?;
    Ok(Run {
        number,
        digests: usize::try_from(digests).unwrap_or_default(),
        last_seq,
        fences: fences_from_bytes(&fences),
        filter,
    })
}

/// The digests of the log.
pub(super) fn read_log(connection: &Connection) -> Result<Digests, StoreError> {
    let mut statement = connection.prepare("select digests from key_log")?;
    let mut rows = statement.query([])?;
    let mut log = Digests::default();
    while let Some(row) = rows.next()? {
        log.extend(from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default()));
    }
    Ok(log)
}

/// Appends `digests` to the log.
pub(super) fn append_to_log(connection: &Connection, digests: &[Digest]) -> Result<(), StoreError> {
    connection
        .prepare_cached("insert into key_log (digests) values (?)")?
        .execute([digests.as_flattened()])?;
    Ok(())
}

/// Whether one of `runs` has `digest`.
pub(super) fn hold(
    runs: &[Arc<Run>],
    connection: &Connection,
    digest: &Digest,
) -> Result<bool, StoreError> {
    for run in runs {
        let Some(block) = run.block_of(digest) else {
            continue;
        };
        let found: Option<bool> = connection
            .prepare_cached("select digests from key_blocks where run = ? and block = ?")?
            .query_row([run.number, block], |row| {
                let digests = row.get_ref(0)?.as_blob().unwrap_or_default();
                Ok(from_bytes(digests).binary_search(digest).is_ok())
            })
            .optional()?;
        if found == Some(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes a run of the whole log, whose digests are `sorted`, in one transaction.
pub(super) fn seal(
    connection: &mut Connection,
    turn: &WriteTurn,
    runs: &Runs,
    sorted: &[Digest],
) -> Result<(), StoreError> {
    let _turn = turn.take_blocking();
    let tx = begin(connection)?;
    let end = tx.query_row("select coalesce(max(seq), 0) from events", [], |row| {
        row.get(0)
    })?;
    let mut run = Run::of(sorted, end);
    run.number = insert_run(&tx, &run, "ready")?;
    insert_blocks(&tx, run.number, 0, sorted)?;
    tx.execute("delete from key_log", [])?;
    tx.commit()?;
    runs.swap(Some(run), &[]);
    Ok(())
}

/// Begins a transaction that writes.
pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Inserts what is kept of a run beside its blocks; answers its number.
pub(super) fn insert_run(
    tx: &Transaction<'_>,
    run: &Run,
    state: &'static str,
) -> Result<i64, StoreError> {
    tx.execute(
        "insert into key_runs (state, last_seq, digests, fences, filter) values (?, ?, ?, ?, ?)",
        params![
            state,
            run.last_seq,
            i64::try_from(run.digests).unwrap_or(i64::MAX),
            run.fences_to_bytes(),
            run.filter.to_bytes()
        ],
    )?;
    Ok(tx.last_insert_rowid())
}

/// Inserts the blocks of `sorted`, numbered from `first`; answers the number after the last.
pub(super) fn insert_blocks(
    tx: &Transaction<'_>,
    run: i64,
    first: i64,
    sorted: &[Digest],
) -> Result<i64, StoreError> {
    let mut insert =
        tx.prepare_cached("insert into key_blocks (run, block, digests) values (?, ?, ?)")?;
    let mut number = first;
    for block in sorted.chunks(PER_BLOCK) {
        insert.execute(params![run, number, to_bytes(block)])?;
        number += 1;
    }
    Ok(number)
}

/// All digests of `run`, sorted.
pub(super) fn digests_of(connection: &Connection, run: i64) -> Result<Vec<Digest>, StoreError> {
    let mut statement =
        connection.prepare_cached("select digests from key_blocks where run = ? order by block")?;
    let mut rows = statement.query([run])?;
    let mut digests = Vec::new();
    while let Some(row) = rows.next()? {
        digests.extend(from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default()));
    }
    Ok(digests)
}

/// Deletes some blocks of a run that is gone, or the run when it has none left; answers
/// whether there was anything to delete.
pub(super) fn sweep(
    connection: &mut Connection,
    turn: &WriteTurn,
    runs: &Runs,
) -> Result<bool, StoreError> {
    if !runs.unswept.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let _turn = turn.take_blocking();
    let tx = begin(connection)?;
    let gone: Option<i64> = tx
        .query_row(
            "select run from key_runs where state = 'gone' order by run limit 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let Some(run) = gone else {
        runs.unswept.store(false, Ordering::Relaxed);
        return Ok(false);
    };
    let blocks = tx.execute(
        "delete from key_blocks where run = ?1 and block in \
          (select block from key_blocks where run = ?1 order by block limit ?2)",
        [run, BLOCKS_PER_SWEEP],
    )?;
    if blocks == 0 {
        tx.execute("delete from key_runs where run = ?", [run])?;
    }
    tx.commit()?;
    Ok(true)
}

/// Forgets, within retention's transaction, the runs of whose events none is left up to the
/// place `seq` in the journal. Answers their numbers, for [`Runs::forget`] after the commit.
pub(in crate::store) async fn forget(tx: &mut Tx, seq: i64) -> Result<Vec<i64>, StoreError> {
    let Tx::Sqlite(connection) = tx else {
        return Ok(Vec::new());
    };
    let gone: Vec<(i64,)> = sqlx::query_as(
        "update key_runs set state = 'gone' where state = 'ready' and last_seq <= ? returning run",
    )
    .bind(seq)
    .fetch_all(&mut **connection)
    .await?;
    Ok(gone.into_iter().map(|(run,)| run).collect())
}
