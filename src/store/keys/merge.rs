//! Merging small runs into a larger one, beside the journal's writer and in small steps, so
//! that no webhook waits for it.

use std::path::Path;
use std::sync::TryLockError;

use rusqlite::Connection;

use super::Digest;
use super::run::{PER_BLOCK, Run};
use super::runs::{self, Runs};
use crate::store::StoreError;
use crate::store::sqlite::{self, WriteTurn};

/// Small runs that are merged into one.
const AT_ONCE: usize = 8;
/// A run of more digests than this is large and is not merged again.
const SMALL: usize = 2 * super::LOG;
/// Blocks written in one transaction.
const BLOCKS_PER_STEP: usize = 32;

/// Whether there are enough small runs.
pub(super) fn is_due(runs: &Runs) -> bool {
    small(runs).len() >= AT_ONCE
}

fn small(runs: &Runs) -> Vec<i64> {
    runs.snapshot()
        .iter()
        .filter(|run| run.digests <= SMALL)
        .map(|run| run.number)
        .collect()
}

/// Merges the small runs into one. Its failure loses nothing: they stay, and it is tried
/// again after the next sealing.
pub(super) fn merge_small(path: &Path, turn: &WriteTurn, runs: &Runs) {
    let _merging = match runs.merging.try_lock() {
        Ok(merging) => merging,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    let small = small(runs);
    let merged =
        sqlite::open(path).and_then(|mut connection| merge(&mut connection, turn, runs, &small));
    match merged {
        Ok(digests) => tracing::debug!(digests, "runs of known events merged"),
        Err(error) => tracing::warn!(%error, "runs of known events cannot be merged yet"),
    }
}

fn merge(
    connection: &mut Connection,
    turn: &WriteTurn,
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
    let mut digests: Vec<Digest> = Vec::new();
    for number in small {
        digests.extend(runs::digests_of(connection, *number)?);
    }
    digests.sort_unstable();
    let mut run = Run::of(&digests, last_seq);
    run.number = write(connection, turn, &run, &digests)?;
    publish(connection, turn, run.number, small)?;
    runs.swap(Some(run), small);
    while runs::sweep(connection, turn, runs)? {}
    Ok(digests.len())
}

/// Writes the run's blocks in small transactions, not yet to be read. What an earlier merge
/// that did not come to its end has left is given up first.
fn write(
    connection: &mut Connection,
    turn: &WriteTurn,
    run: &Run,
    sorted: &[Digest],
) -> Result<i64, StoreError> {
    let number = {
        let _turn = turn.take_blocking();
        let tx = runs::begin(connection)?;
        tx.execute(
            "update key_runs set state = 'gone' where state = 'building'",
            [],
        )?;
        let number = runs::insert_run(&tx, run, "building")?;
        tx.commit()?;
        number
    };
    let mut block = 0;
    for step in sorted.chunks(BLOCKS_PER_STEP * PER_BLOCK) {
        let _turn = turn.take_blocking();
        let tx = runs::begin(connection)?;
        block = runs::insert_blocks(&tx, number, block, step)?;
        tx.commit()?;
    }
    Ok(number)
}

/// From one moment to the next the new run stands for the old ones.
fn publish(
    connection: &mut Connection,
    turn: &WriteTurn,
    number: i64,
    old: &[i64],
) -> Result<(), StoreError> {
    let _turn = turn.take_blocking();
    let tx = runs::begin(connection)?;
    let changes = std::iter::once(("ready", &number)).chain(old.iter().map(|run| ("gone", run)));
    for (state, run) in changes {
        tx.execute(
            "update key_runs set state = ? where run = ?",
            rusqlite::params![state, run],
        )?;
    }
    Ok(tx.commit()?)
}
