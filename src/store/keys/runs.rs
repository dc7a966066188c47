//! The log and the sorted runs in SQLite: reading, sealing, looking up, forgetting.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::QueryBuilder;

use super::Digest;
use super::filter::Filter;
use super::run::{PER_BLOCK, Run, fences_from_bytes, from_bytes, to_bytes};
use crate::store::StoreError;
use crate::store::database::{Database, Tx};

/// Blocks written or deleted by one statement.
const BLOCKS_PER_STATEMENT: usize = 64;

/// The runs that may be read, shared between the writer, the merging and retention.
///
/// A run's blocks are deleted in a later transaction than the one that took the run away, and
/// every reader holds SQLite's write lock since before it took its snapshot: so no block
/// disappears under a reader.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Runs {
    ready: Arc<RwLock<Vec<Arc<Run>>>>,
    /// Held while runs are merged: one merge at a time.
    pub(super) merging: Arc<tokio::sync::Mutex<()>>,
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
    }

    /// Reads them from the database.
    pub(super) async fn load(&self, database: &Database) -> Result<(), StoreError> {
        let Database::Sqlite { writer, .. } = database else {
            return Ok(());
        };
        let rows: Vec<RunRow> = sqlx::query_as(
            "select run, last_seq, digests, fences, filter from key_runs where state = 'ready'",
        )
        .fetch_all(writer)
        .await?;
        let runs: Result<Vec<Arc<Run>>, StoreError> = rows
            .into_iter()
            .map(|row| read_run(row).map(Arc::new))
            .collect();
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = runs?;
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
pub(super) async fn read_log(database: &Database) -> Result<HashSet<Digest>, StoreError> {
    let Database::Sqlite { writer, .. } = database else {
        return Ok(HashSet::new());
    };
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as("select digests from key_log")
        .fetch_all(writer)
        .await?;
    Ok(rows
        .iter()
        .flat_map(|(digests,)| from_bytes(digests))
        .copied()
        .collect())
}

/// Appends `digests` to the log.
pub(super) async fn append_to_log(tx: &mut Tx, digests: &[Digest]) -> Result<(), StoreError> {
    if let Tx::Sqlite(connection) = tx {
        sqlx::query("insert into key_log (digests) values (?)")
            .bind(to_bytes(digests))
            .execute(&mut **connection)
            .await?;
    }
    Ok(())
}

/// Whether one of `runs` has `digest`.
pub(super) async fn hold(
    runs: &[Arc<Run>],
    tx: &mut Tx,
    digest: &Digest,
) -> Result<bool, StoreError> {
    for run in runs {
        let Some(block) = run.block_of(digest) else {
            continue;
        };
        let Tx::Sqlite(connection) = &mut *tx else {
            continue;
        };
        let row: Option<(Vec<u8>,)> =
            sqlx::query_as("select digests from key_blocks where run = ? and block = ?")
                .bind(run.number)
                .bind(block)
                .fetch_optional(&mut **connection)
                .await?;
        if row.is_some_and(|(digests,)| from_bytes(&digests).binary_search(digest).is_ok()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes a run of the whole log, whose digests are `sorted`, in one transaction.
pub(super) async fn seal(
    database: &Database,
    runs: &Runs,
    sorted: &[Digest],
) -> Result<(), StoreError> {
    let mut tx = database.begin_write().await?;
    let mut run = Run::of(sorted, journal_end(&mut tx).await?);
    run.number = insert_run(&mut tx, &run, "ready").await?;
    insert_blocks(&mut tx, run.number, 0, sorted).await?;
    execute(&mut tx, "delete from key_log").await?;
    tx.commit().await?;
    runs.swap(Some(run), &[]);
    Ok(())
}

async fn journal_end(tx: &mut Tx) -> Result<i64, StoreError> {
    let Tx::Sqlite(connection) = tx else {
        return Ok(0);
    };
    let (end,): (i64,) = sqlx::query_as("select coalesce(max(seq), 0) from events")
        .fetch_one(&mut **connection)
        .await?;
    Ok(end)
}

/// Inserts what is kept of a run beside its blocks; answers its number.
pub(super) async fn insert_run(
    tx: &mut Tx,
    run: &Run,
    state: &'static str,
) -> Result<i64, StoreError> {
    let Tx::Sqlite(connection) = tx else {
        return Ok(0);
    };
    let inserted = sqlx::query(
        "insert into key_runs (state, last_seq, digests, fences, filter) values (?, ?, ?, ?, ?)",
    )
    .bind(state)
    .bind(run.last_seq)
    .bind(i64::try_from(run.digests).unwrap_or(i64::MAX))
    .bind(run.fences_to_bytes())
    .bind(run.filter.to_bytes())
    .execute(&mut **connection)
    .await?;
    Ok(inserted.last_insert_rowid())
}

/// Inserts the blocks of `sorted`, numbered from `first`.
pub(super) async fn insert_blocks(
    tx: &mut Tx,
    run: i64,
    first: i64,
    sorted: &[Digest],
) -> Result<(), StoreError> {
    let Tx::Sqlite(connection) = tx else {
        return Ok(());
    };
    let mut number = first;
    let blocks: Vec<&[Digest]> = sorted.chunks(PER_BLOCK).collect();
    for some in blocks.chunks(BLOCKS_PER_STATEMENT) {
        let mut query = QueryBuilder::new("insert into key_blocks (run, block, digests) ");
        query.push_values(some, |mut row, block| {
            row.push_bind(run)
                .push_bind(number)
                .push_bind(to_bytes(block));
            number += 1;
        });
        query.build().execute(&mut **connection).await?;
    }
    Ok(())
}

/// All digests of `run`, sorted.
pub(super) async fn digests_of(database: &Database, run: i64) -> Result<Vec<Digest>, StoreError> {
    let Database::Sqlite { readers, .. } = database else {
        return Ok(Vec::new());
    };
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("select digests from key_blocks where run = ? order by block")
            .bind(run)
            .fetch_all(readers)
            .await?;
    Ok(rows
        .iter()
        .flat_map(|(digests,)| from_bytes(digests))
        .copied()
        .collect())
}

/// Forgets the runs of whose events none is left up to the place `seq` in the journal, and
/// sweeps once. Answers the numbers of the forgotten runs, to be taken out of [`Runs`] after
/// the commit.
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
    sweep(tx).await?;
    Ok(gone.into_iter().map(|(run,)| run).collect())
}

/// Deletes some blocks of a run that is gone, or the run when it has none left; answers
/// whether there was anything to delete.
pub(in crate::store) async fn sweep(tx: &mut Tx) -> Result<bool, StoreError> {
    let Tx::Sqlite(connection) = tx else {
        return Ok(false);
    };
    let gone: Option<(i64,)> =
        sqlx::query_as("select run from key_runs where state = 'gone' order by run limit 1")
            .fetch_optional(&mut **connection)
            .await?;
    let Some((run,)) = gone else {
        return Ok(false);
    };
    let blocks = sqlx::query(
        "delete from key_blocks where run = ?1 and block in \
          (select block from key_blocks where run = ?1 order by block limit ?2)",
    )
    .bind(run)
    .bind(i64::try_from(BLOCKS_PER_STATEMENT).unwrap_or(i64::MAX))
    .execute(&mut **connection)
    .await?
    .rows_affected();
    if blocks == 0 {
        sqlx::query("delete from key_runs where run = ?")
            .bind(run)
            .execute(&mut **connection)
            .await?;
    }
    Ok(true)
}

impl Runs {
    /// Takes forgotten runs out.
    pub(in crate::store) fn forget(&self, gone: &[i64]) {
        self.swap(None, gone);
    }
}

pub(super) async fn execute(tx: &mut Tx, statement: &'static str) -> Result<(), StoreError> {
    if let Tx::Sqlite(connection) = tx {
        sqlx::query(statement).execute(&mut **connection).await?;
    }
    Ok(())
}
