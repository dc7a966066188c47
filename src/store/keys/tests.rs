use std::ops::Range;

use super::*;
use crate::store::Store;

/// Digests in the log before they are made a run, in these tests.
const SHORT: usize = 300;

struct World {
    _folder: tempfile::TempDir,
    store: Store,
    keys: KnownKeys,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let store = Store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap();
        let keys = keys_of(&store);
        Self {
            _folder: folder,
            store,
            keys,
        }
    }

    /// Adds the events numbered so in transactions of 100; answers how many were new.
    async fn add(&mut self, numbers: Range<usize>) -> usize {
        let digests: Vec<Digest> = numbers
            .map(|n| digest_of("source", &n.to_string()))
            .collect();
        let mut new = 0;
        for some in digests.chunks(100) {
            self.keys.prepare().await.unwrap();
            let mut tx = self.store.database.begin_write().await.unwrap();
            new += self.keys.insert_new(&mut tx, some).await.unwrap().len();
            tx.commit().await.unwrap();
            self.keys.committed();
            self.keys.tidy().await.unwrap();
        }
        new
    }

    async fn count(&self, statement: &'static str) -> i64 {
        let Database::Sqlite { writer, .. } = &self.store.database else {
            return 0;
        };
        sqlx::query_scalar(statement)
            .fetch_one(writer)
            .await
            .unwrap()
    }

    /// Waits for a merge that is under way.
    async fn merged(&self) {
        drop(self.store.runs.merging.lock().await);
    }
}

fn keys_of(store: &Store) -> KnownKeys {
    let mut keys = KnownKeys::new(store.database.clone(), store.runs.clone());
    keys.longest_log = SHORT;
    keys
}

#[tokio::test]
async fn an_event_stays_known_through_log_runs_merges_and_a_restart() {
    let mut world = World::new().await;
    assert_eq!(world.add(0..5_000).await, 5_000);
    world.merged().await;
    assert_eq!(world.add(0..5_000).await, 0);
    assert!(
        world
            .count("select count(*) from key_runs where state = 'ready'")
            .await
            < 16
    );
    assert!(world.count("select max(digests) from key_runs").await >= 8 * 300);
    assert_eq!(
        world
            .count("select count(*) from key_runs where state <> 'ready'")
            .await,
        0
    );

    world.keys = keys_of(&world.store);
    assert_eq!(world.add(4_000..6_000).await, 1_000);
}

#[tokio::test]
async fn a_transaction_that_failed_leaves_its_events_unknown() {
    let mut world = World::new().await;
    let digests = [digest_of("source", "lost")];
    world.keys.prepare().await.unwrap();
    let mut tx = world.store.database.begin_write().await.unwrap();
    assert_eq!(
        world
            .keys
            .insert_new(&mut tx, &digests)
            .await
            .unwrap()
            .len(),
        1
    );
    drop(tx);
    world.keys.failed();
    world.keys.prepare().await.unwrap();
    let mut tx = world.store.database.begin_write().await.unwrap();
    assert_eq!(
        world
            .keys
            .insert_new(&mut tx, &digests)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_merge_that_was_cut_off_costs_nothing_and_is_swept_away() {
    let mut world = World::new().await;
    world.add(0..600).await;
    let Database::Sqlite { writer, .. } = &world.store.database else {
        return;
    };
    sqlx::query(
        "insert into key_runs (run, state, last_seq, digests, fences, filter) \
         values (99, 'building', 0, 1, x'', x'')",
    )
    .execute(writer)
    .await
    .unwrap();
    sqlx::query("insert into key_blocks (run, block, digests) values (99, 0, x'')")
        .execute(writer)
        .await
        .unwrap();
    world.keys = keys_of(&world.store);
    assert_eq!(world.add(0..3_000).await, 2_400);
    world.merged().await;
    assert_eq!(
        world
            .count("select count(*) from key_blocks where run = 99")
            .await,
        0
    );
    assert_eq!(world.add(0..3_000).await, 0);
}

#[tokio::test]
async fn runs_are_forgotten_with_the_last_of_their_events() {
    let mut world = World::new().await;
    world.add(0..300).await;
    let mut tx = world.store.database.begin_write().await.unwrap();
    let gone = forget(&mut tx, 0).await.unwrap();
    tx.commit().await.unwrap();
    world.store.runs.forget(&gone);
    assert_eq!(gone.len(), 1, "no event is in the journal");
    assert_eq!(world.add(0..300).await, 300);
}
