//! A database of the version before the window: its log, and runs of both sizes of block.

use std::path::Path;

use rusqlite::{Connection, params};

use super::*;
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::sqlite::{self, WriteTurn};

const HOUR: i64 = 3_600_000;
/// The tables as the migration `known_keys` made them.
const OLD_TABLES: &str = "drop table key_log; drop table key_runs; \
    delete from _sqlx_migrations where version = 25; \
    create table key_log (id integer primary key autoincrement, digests blob not null); \
    create table key_runs (run integer primary key autoincrement, \
        state text not null check (state in ('building', 'ready', 'gone')), \
        last_seq bigint not null, digests bigint not null, fences blob not null, \
        filter blob not null)";

fn digests(name: &str, count: usize) -> Vec<Digest> {
    let mut digests: Vec<Digest> = (0..count)
        .map(|n| digest_of(name, &n.to_string()))
        .collect();
    digests.sort_unstable();
    digests
}

/// The filter of 12 bits for each digest, as that version stored it.
fn old_filter(digests: &[Digest]) -> Vec<u8> {
    let lines = (digests.len() * 12).div_ceil(512).max(1);
    let mut words = vec![0_u64; lines * 8];
    for digest in digests {
        let number = u128::from_be_bytes(*digest);
        let line = (number >> 64) as usize % lines * 8;
        for n in 0..6 {
            let bit = (number >> (n * 9)) as usize & 511;
            words[line + bit / 64] |= 1 << (bit % 64);
        }
    }
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn insert_run(file: &Connection, run: i64, state: &str, last_seq: i64, digests: &[Digest]) {
    let per_block = if run == 1 { 256 } else { 512 };
    let fences: Vec<u8> = digests
        .chunks(per_block)
        .flat_map(|block| {
            let (first, _) = block[0].as_chunks::<8>();
            u64::from_be_bytes(first[0]).to_le_bytes()
        })
        .collect();
    file.execute(
        "insert into key_runs values (?, ?, ?, ?, ?, ?)",
        params![
            run,
            state,
            last_seq,
            i64::try_from(digests.len()).unwrap(),
            fences,
            old_filter(digests)
        ],
    )
    .unwrap();
    for (block, some) in (0_i64..).zip(digests.chunks(per_block)) {
        file.execute(
            "insert into key_blocks values (?, ?, ?)",
            params![run, block, some.as_flattened()],
        )
        .unwrap();
    }
}

/// Events 1 and 50 are still there; the run of event 100 was written when event 50 was the last
/// that retention has kept.
fn make_old(path: &Path) {
    let file = Connection::open(path).unwrap();
    file.execute_batch(OLD_TABLES).unwrap();
    for (seq, hour) in [(1, 10), (50, 40)] {
        file.execute(
            "insert into events (seq, source, event_id, received_at, body) values (?1, 's', ?1, ?2, '')",
            [seq, hour * HOUR],
        )
        .unwrap();
    }
    insert_run(&file, 1, "ready", 1, &digests("first", 1_000));
    insert_run(&file, 2, "gone", 1, &digests("gone", 1_000));
    insert_run(&file, 3, "ready", 100, &digests("second", 5_000));
    insert_run(&file, 4, "building", 100, &digests("second", 700));
    for some in digests("log", 300).chunks(7) {
        file.execute(
            "insert into key_log (digests) values (?)",
            [some.as_flattened()],
        )
        .unwrap();
    }
}

fn count(file: &Connection, statement: &str) -> i64 {
    file.query_row(statement, [], |row| row.get(0)).unwrap()
}

/// How many of `digests` are new.
fn add(file: &mut Connection, index: &mut DedupIndex, digests: &[Digest]) -> usize {
    index.prepare(file).unwrap();
    let tx = file.transaction().unwrap();
    let new = index.insert_new(&tx, digests).unwrap().len();
    tx.commit().unwrap();
    index.committed();
    new
}

#[test]
fn an_old_database_recognises_its_events_until_their_window_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringdown.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let open = async || Store::open(&format!("sqlite:{}", path.display())).await;
    runtime.block_on(async { open().await.unwrap().close().await });
    make_old(&path);
    runtime.block_on(async { open().await.unwrap().close().await });

    let mut file = sqlite::open(&path).unwrap();
    assert_eq!(count(&file, "select count(*) from key_runs"), 2);
    assert_eq!(count(&file, "select count(*) from key_blocks"), 4 + 10);
    let mut index = DedupIndex::default();
    for (name, known) in [("first", 1_000), ("second", 5_000), ("log", 300)] {
        assert_eq!(
            add(&mut file, &mut index, &digests(name, known)),
            0,
            "{name}"
        );
    }

    // The first run is of hour 10, the second one of hour 40.
    (index.max_memtable, index.min_kept) = (1, 0);
    let turn = WriteTurn::default();
    let at = |hour| Timestamp::from_millis(hour * HOUR);
    index
        .write_full_memtable(&mut file, &turn, at(10 + 73))
        .unwrap();
    index.max_memtable = 100_000;
    assert_eq!(add(&mut file, &mut index, &digests("second", 5_000)), 0);
    assert_eq!(add(&mut file, &mut index, &digests("log", 300)), 0);
    assert_eq!(add(&mut file, &mut index, &digests("first", 1_000)), 1_000);
}
