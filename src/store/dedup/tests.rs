use std::ops::Range;

use super::*;
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::sqlite::{self, WriteTurn};
use rusqlite::Connection;

/// Digests of a full memtable in these tests.
const SMALL: usize = 300;
/// Digests that are kept whatever the clock says, in these tests.
const FEW: usize = 900;
const HOUR: i64 = 3_600_000;

struct World {
    _folder: tempfile::TempDir,
    connection: Connection,
    index: DedupIndex,
    /// Hours since the epoch.
    now: i64,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let url = format!("sqlite:{}", path.display());
        Store::open(&url).await.unwrap().close().await;
        Self {
            connection: sqlite::open(&path).unwrap(),
            index: small_index(),
            now: 0,
            _folder: folder,
        }
    }

    /// Adds the events numbered so in transactions of 100; answers how many were new.
    fn add(&mut self, numbers: Range<usize>) -> usize {
        let digests: Vec<Digest> = numbers
            .map(|n| digest_of("source", &n.to_string()))
            .collect();
        digests.chunks(100).map(|some| self.add_some(some)).sum()
    }

    fn add_some(&mut self, digests: &[Digest]) -> usize {
        self.index.prepare(&self.connection).unwrap();
        let tx = self.connection.transaction().unwrap();
        let new = self.index.insert_new(&tx, digests).unwrap().len();
        tx.commit().unwrap();
        self.index.committed();
        self.write_full_memtable().unwrap();
        new
    }

    fn write_full_memtable(&mut self) -> Result<(), crate::store::StoreError> {
        let now = Timestamp::from_millis(self.now * HOUR);
        let turn = WriteTurn::default();
        self.index
            .write_full_memtable(&mut self.connection, &turn, now)
    }

    /// As after a restart, orderly or not: all that is in memory is lost.
    fn restart(&mut self) {
        self.index = small_index();
    }

    fn count(&self, statement: &str) -> i64 {
        self.connection
            .query_row(statement, [], |row| row.get(0))
            .unwrap()
    }
}

fn small_index() -> DedupIndex {
    let mut index = DedupIndex::default();
    (index.max_memtable, index.min_kept) = (SMALL, FEW);
    index
}

/// These tests take the turn to write on the test's own thread, which is no async one.
fn with_world(test: impl FnOnce(World)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    test(runtime.block_on(World::new()));
}

#[test]
fn an_event_is_known_in_the_memtable_in_runs_and_after_a_restart() {
    with_world(|mut world| {
        assert_eq!(world.add(0..5_000), 5_000);
        assert_eq!(world.count("select count(*) from key_runs"), 16);
        assert_eq!(world.add(0..5_000), 0);
        world.restart();
        assert_eq!(world.add(0..5_000), 0);
        assert_eq!(world.add(4_000..6_000), 1_000);
    });
}

#[test]
fn an_event_is_known_for_the_whole_window_and_the_size_stays_the_same_after_it() {
    with_world(|mut world| {
        // Each hour 300 events, which are one run.
        for hour in 0..200 {
            world.now = hour;
            let first = usize::try_from(hour).unwrap() * SMALL;
            assert_eq!(world.add(first..first + SMALL), SMALL);
            if hour == 100 {
                world.restart();
            }
            let oldest = first.saturating_sub(71 * SMALL);
            assert_eq!(world.add(oldest..oldest + 1), 0, "72 hours before {hour}");
        }
        assert_eq!(world.count("select count(*) from key_runs"), 73);
        let blocks = world.count("select count(*) from key_blocks");
        assert_eq!(blocks, 73, "a deleted run leaves nothing");
        assert_eq!(world.add(0..SMALL), SMALL, "the window is over");
    });
}

#[test]
fn a_clock_that_jumps_forward_for_a_moment_costs_two_runs_at_most() {
    with_world(|mut world| {
        for hour in 0..20 {
            world.now = hour;
            let first = usize::try_from(hour).unwrap() * SMALL;
            world.add(first..first + SMALL);
        }
        world.now = 100_000;
        assert_eq!(world.add(6_000..6_300), 300);
        world.now = 21;
        assert_eq!(world.add(6_300..7_200), 900);
        assert_eq!(world.add(600..7_200), 0);
    });
}

#[test]
fn the_newest_are_known_whatever_the_clock_says() {
    with_world(|mut world| {
        for jump in 0..50 {
            world.now = jump * 1_000;
            let first = usize::try_from(jump).unwrap() * SMALL;
            assert_eq!(world.add(first..first + SMALL), SMALL);
            let oldest = (first + SMALL).saturating_sub(FEW);
            assert_eq!(world.add(oldest..first + SMALL), 0, "jump {jump}");
        }
        assert_eq!(world.count("select count(*) from key_runs"), 3);
    });
}

#[test]
fn a_transaction_that_failed_leaves_its_events_unknown() {
    with_world(|mut world| {
        let digests = [digest_of("source", "lost")];
        for _ in 0..2 {
            world.index.prepare(&world.connection).unwrap();
            let tx = world.connection.transaction().unwrap();
            assert_eq!(world.index.insert_new(&tx, &digests).unwrap().len(), 1);
            tx.rollback().unwrap();
            world.index.failed();
        }
        assert_eq!(world.add_some(&digests), 1);
        assert_eq!(world.add_some(&digests), 0);
    });
}

#[test]
fn a_run_that_cannot_be_written_loses_nothing_and_is_written_later() {
    with_world(|mut world| {
        world.add(0..600);
        world.add(600..899);
        let refuse = "create trigger refuse before insert on key_blocks \
             begin select raise(abort, 'refused'); end";
        world.connection.execute_batch(refuse).unwrap();
        world.index.max_memtable = 1;
        assert!(world.write_full_memtable().is_err());
        world
            .connection
            .execute_batch("drop trigger refuse")
            .unwrap();
        assert_eq!(world.count("select count(*) from key_runs"), 2);
        assert_eq!(world.add(0..899), 0);
        assert_eq!(world.count("select count(*) from key_runs"), 3);
        assert_eq!(world.count("select count(*) from key_log"), 0);
        assert_eq!(world.add(0..899), 0);
    });
}
