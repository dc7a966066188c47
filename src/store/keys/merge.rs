//! Merging small runs into a larger one, beside the journal's writer and in small steps, so
//! that no webhook waits for it.

use std::sync::Arc;

use super::Digest;
use super::run::{PER_BLOCK, Run};
use super::runs::{self, Runs};
use crate::store::StoreError;
use crate::store::database::{Database, Tx};

/// Small runs that are merged into one.
const AT_ONCE: usize = 8;
/// A run of more digests than this is large and is not merged again.
const SMALL: usize = 2 * super::LOG;
/// Blocks written in one transaction.
const BLOCKS_PER_STEP: usize = 64;

/// Starts a merge when there is something to merge. Its failure loses nothing: the small runs
/// stay, and the next sealing tries again.
pub(super) fn merge_in_background(database: &Database, runs: &Runs) {
    let small: Vec<i64> = runs
        .snapshot()
        .iter()
        .filter(|run| run.digests <= SMALL)
        .map(|run| run.number)
        .collect();
    let Ok(merging) = Arc::clone(&runs.merging).try_lock_owned() else {
        return;
    };
    if small.len() < AT_ONCE {
        return;
    }
    let (database, runs) = (database.clone(), runs.clone());
    tokio::spawn(async move {
        match merge(&database, &runs, &small).await {
            Ok(digests) => tracing::debug!(digests, "runs of known events merged"),
            Err(error) => tracing::warn!(%error, "runs of known events cannot be merged yet"),
        }
        drop(merging);
    });
}

/// Merges the runs numbered `small` into one; answers how many digests it has.
pub(super) async fn merge(
    database: &Database,
    runs: &Runs,
    small: &[i64],
) -> Result<usize, StoreError> {
    let last_seq = runs
        .snapshot()
        .iter()
        .filter(|run| small.contains(&run.number))
        .map(|run| run.last_seq)
        .max()
        .unwrap_or_default();
    let mut digests = Vec::new();
    for number in small {
        digests.extend(runs::digests_of(database, *number).await?);
    }
    let sorted = sort(digests).await?;
    let mut run = Run::of(&sorted, last_seq);
    run.number = write(database, &run, &sorted).await?;
    publish(database, run.number, small).await?;
    runs.swap(Some(run), small);
    sweep(database).await?;
    Ok(sorted.len())
}

async fn sort(mut digests: Vec<Digest>) -> Result<Vec<Digest>, StoreError> {
    tokio::task::spawn_blocking(move || {
        digests.sort_unstable();
        digests
    })
    .await
    .map_err(|error| StoreError::Damaged {
        table: "key_blocks",
        row: "merge".to_owned(),
        problem: error.to_string(),
    })
}

/// Writes the run's blocks in small transactions, not yet to be read. What an earlier merge
/// that did not come to its end has left is taken away first.
async fn write(database: &Database, run: &Run, sorted: &[Digest]) -> Result<i64, StoreError> {
    let mut tx = database.begin_write().await?;
    runs::execute(
        &mut tx,
        "update key_runs set state = 'gone' where state = 'building'",
    )
    .await?;
    let number = runs::insert_run(&mut tx, run, "building").await?;
    tx.commit().await?;
    let mut block = 0;
    for step in sorted.chunks(BLOCKS_PER_STEP * PER_BLOCK) {
        let mut tx = database.begin_write().await?;
        runs::insert_blocks(&mut tx, number, block, step).await?;
        tx.commit().await?;
        block += i64::try_from(step.len().div_ceil(PER_BLOCK)).unwrap_or(i64::MAX);
    }
    Ok(number)
}

/// From one moment to the next the new run stands for the old ones.
async fn publish(database: &Database, number: i64, old: &[i64]) -> Result<(), StoreError> {
    let mut tx = database.begin_write().await?;
    if let Tx::Sqlite(connection) = &mut tx {
        for (state, run) in
            std::iter::once(("ready", &number)).chain(old.iter().map(|run| ("gone", run)))
        {
            sqlx::query("update key_runs set state = ? where run = ?")
                .bind(state)
                .bind(run)
                .execute(&mut **connection)
                .await?;
        }
    }
    tx.commit().await
}

/// Deletes what the runs that are gone have left.
async fn sweep(database: &Database) -> Result<(), StoreError> {
    loop {
        let mut tx = database.begin_write().await?;
        let more = runs::sweep(&mut tx).await?;
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
