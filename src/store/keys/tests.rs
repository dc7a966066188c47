use std::ops::Range;

use super::*;
use crate::store::Store;
use crate::store::database::Database;
use crate::store::sqlite;

/// Digests in the log before they are made a run, in these tests.
const SHORT: usize = 300;

struct World {
    folder: tempfile::TempDir,
    store: Store,
    connection: Connection,
    keys: KnownKeys,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let store = Store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap();
        Self {
            connection: sqlite::open(&path).unwrap(),
            keys: keys_of(&store),
            folder,
            store,
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
        self.keys.prepare(&self.connection).unwrap();
        let tx = runs::begin(&mut self.connection).unwrap();
        let new = self.keys.insert_new(&tx, digests).unwrap().len();
        tx.commit().unwrap();
        self.keys.committed();
        let turn = WriteTurn::default();
        if self.keys.tidy(&mut self.connection, &turn).unwrap() {
            let path = self.folder.path().join("ringdown.db");
            self.keys.merging(&path, &turn)();
        }
        new
    }

    fn count(&self, statement: &str) -> i64 {
        self.connection
            .query_row(statement, [], |row| row.get(0))
            .unwrap()
    }
}

fn keys_of(store: &Store) -> KnownKeys {
    let mut keys = KnownKeys::new(store.runs.clone());
    keys.longest_log = SHORT;
    keys
}

/// These tests hold the turn to write on the test's own thread, which is no async one.
fn with_world(test: impl FnOnce(World) + Send + 'static) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    test(world);
    drop(runtime);
}

#[test]
fn an_event_stays_known_through_log_runs_merges_and_a_restart() {
    with_world(|mut world| {
        assert_eq!(world.add(0..5_000), 5_000);
        assert_eq!(world.add(0..5_000), 0);
        assert!(world.count("select count(*) from key_runs where state = 'ready'") < 16);
        assert!(world.count("select max(digests) from key_runs") >= 8 * 300);
        assert_eq!(
            world.count("select count(*) from key_runs where state <> 'ready'"),
            0
        );

        world.keys = keys_of(&world.store);
        assert_eq!(world.add(4_000..6_000), 1_000);
    });
}

#[test]
fn a_transaction_that_failed_leaves_its_events_unknown() {
    with_world(|mut world| {
        let digests = [digest_of("source", "lost")];
        for _ in 0..2 {
            world.keys.prepare(&world.connection).unwrap();
            let tx = runs::begin(&mut world.connection).unwrap();
            assert_eq!(world.keys.insert_new(&tx, &digests).unwrap().len(), 1);
            tx.rollback().unwrap();
            world.keys.failed();
        }
        assert_eq!(world.add_some(&digests), 1);
        assert_eq!(world.add_some(&digests), 0);
    });
}

#[test]
fn a_merge_that_was_cut_off_costs_nothing_and_is_swept_away() {
    with_world(|mut world| {
        world.add(0..600);
        world
            .connection
            .execute_batch(
                "insert into key_runs (run, state, last_seq, digests, fences, filter) \
                  values (99, 'building', 0, 1, x'', x''); \
                 insert into key_blocks (run, block, digests) values (99, 0, x'')",
            )
            .unwrap();
        world.keys = keys_of(&world.store);
        assert_eq!(world.add(0..3_000), 2_400);
        assert_eq!(
            world.count("select count(*) from key_blocks where run = 99"),
            0
        );
        assert_eq!(world.add(0..3_000), 0);
    });
}

#[tokio::test]
async fn runs_are_forgotten_with_the_last_of_their_events() {
    let mut world = World::new().await;
    let Database::Sqlite { .. } = &world.store.database else {
        return;
    };
    world = tokio::task::spawn_blocking(move || {
        world.add(0..300);
        world
    })
    .await
    .unwrap();
    let mut tx = world.store.database.begin_write().await.unwrap();
    let gone = forget(&mut tx, 0).await.unwrap();
    tx.commit().await.unwrap();
    world.store.runs.forget(&gone);
    assert_eq!(gone.len(), 1, "no event is in the journal");
    tokio::task::spawn_blocking(move || {
        assert_eq!(world.add(0..300), 300);
        assert_eq!(
            world.count("select count(*) from key_runs where state = 'gone'"),
            0
        );
    })
    .await
    .unwrap();
}
