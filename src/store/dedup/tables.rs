//! The tables of duplicate detection in SQLite. The journal's writer is the only one that uses
//! them.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::digest::{Digest, Digests};
use super::filter::Filter;
use super::run::{PER_BLOCK, Run, fences_from_bytes};
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// All runs from old to new.
pub(super) fn read_runs(connection: &Connection) -> Result<Vec<Run>, StoreError> {
    let mut statement = connection
        .prepare("select run, digests, written_at, fences, filter from key_runs order by run")?;
    let mut rows = statement.query([])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let filter = row.get_ref(4)?.as_blob().unwrap_or_default();
        runs.push(Run {
            number,
            digests: usize::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
            written_at: Timestamp::from_millis(row.get(2)?),
            fences: fences_from_bytes(row.get_ref(3)?.as_blob().unwrap_or_default()),
            filter: Filter::from_bytes(filter).ok_or_else(|| StoreError::Damaged {
                table: "key_runs",
                row: number.to_string(),
                problem: "its filter has a wrong length".to_owned(),
            })?,
        });
    }
    Ok(runs)
}

pub(super) fn read_log(connection: &Connection) -> Result<Digests, StoreError> {
    let mut statement = connection.prepare("select digests from key_log")?;
    let mut rows = statement.query([])?;
    let mut digests = Digests::default();
    while let Some(row) = rows.next()? {
        digests.extend(from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default()));
    }
    Ok(digests)
}

pub(super) fn append_to_log(connection: &Connection, digests: &[Digest]) -> Result<(), StoreError> {
    connection
        .prepare_cached("insert into key_log (digests) values (?)")?
        .execute([digests.as_flattened()])?;
    Ok(())
}

/// Whether the block `block` of `run` has `digest`.
pub(super) fn block_holds(
    connection: &Connection,
    run: i64,
    block: i64,
    digest: &Digest,
) -> Result<bool, StoreError> {
    let found: Option<bool> = connection
        .prepare_cached("select digests from key_blocks where run = ? and block = ?")?
        .query_row([run, block], |row| {
            let digests = row.get_ref(0)?.as_blob().unwrap_or_default();
            Ok(from_bytes(digests).binary_search(digest).is_ok())
        })
        .optional()?;
    Ok(found == Some(true))
}

/// Replaces the log by `run`, whose digests are `sorted`; answers the run's number.
pub(super) fn write_run(
    tx: &Transaction<'_>,
    run: &Run,
    sorted: &[Digest],
) -> Result<i64, StoreError> {
    tx.execute(
        "insert into key_runs (digests, written_at, fences, filter) values (?, ?, ?, ?)",
        params![
            i64::try_from(run.digests).unwrap_or(i64::MAX),
            run.written_at.as_millis(),
            run.fences_to_bytes(),
            run.filter.to_bytes()
        ],
    )?;
    let number = tx.last_insert_rowid();
    let mut insert =
        tx.prepare_cached("insert into key_blocks (run, block, digests) values (?, ?, ?)")?;
    for (block, digests) in (0_i64..).zip(sorted.chunks(PER_BLOCK)) {
        insert.execute(params![number, block, digests.as_flattened()])?;
    }
    tx.execute("delete from key_log", [])?;
    Ok(number)
}

pub(super) fn delete_run(tx: &Transaction<'_>, number: i64) -> Result<(), StoreError> {
    tx.execute("delete from key_blocks where run = ?", [number])?;
    tx.execute("delete from key_runs where run = ?", [number])?;
    Ok(())
}

fn from_bytes(bytes: &[u8]) -> &[Digest] {
    bytes.as_chunks().0
}
