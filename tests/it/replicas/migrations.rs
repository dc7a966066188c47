//! Replicas that die or stand still while they bring an old database up to date.

use std::time::{Duration, Instant};

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::storm::Storm;

/// Longest wait for a death.
const DIES_WITHIN: Duration = Duration::from_secs(30);
/// An event as the version of the first migration kept it.
const OLD_KEY: &str = "insert into event_keys (digest) values (substring(sha256( \
     convert_to('genesys', 'UTF8') || '\\x00'::bytea || convert_to($1, 'UTF8')) for 16))";
const OLD_EVENT: &str = "insert into events (source, event_id, received_at, body) \
     values ('genesys', $1, cast($2 as bigint), $3)";

/// How many migrations there are.
fn all_migrations() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    std::fs::read_dir(folder).unwrap().count()
}

/// Starts replica 0, which dies at `point`.
async fn die_at(cluster: &mut Cluster, point: &str) {
    let replica = &mut cluster.replicas[0];
    replica.start_until(point);
    let begun = Instant::now();
    while replica.ended().is_none() {
        assert!(begun.elapsed() < DIES_WITHIN, "{point} is not reached");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    replica.kill();
}

/// Keeps an event with the schema of the first migration; `storm` expects it from now on.
async fn acknowledged_before(cluster: &Cluster, storm: &mut Storm) {
    let event = crate::replicas::storm::event("evt-old", "old");
    let now = ringdown::clock::Clock::System.now().as_millis().to_string();
    let (id, body) = ("evt-old", event.to_string());
    cluster.database.execute(OLD_KEY, &[id]).await;
    cluster
        .database
        .execute(OLD_EVENT, &[id, &now, &body])
        .await;
    storm.expect(id, "old");
}

/// Replicas that do not run, on a database with the first migration and an event of that time.
async fn on_an_old_database(count: usize) -> Option<(Cluster, Storm)> {
    let mut cluster = Cluster::unstarted(count, CLIENT_CREDENTIALS, "").await?;
    die_at(&mut cluster, "migration-step").await;
    assert_eq!(cluster.database.migrations().await, [1]);
    let mut storm = Storm::default();
    acknowledged_before(&cluster, &mut storm).await;
    Some((cluster, storm))
}

/// Replica 0 stands still after the first statement of a migration, and replica 1 waits for it.
async fn one_stands_still_and_one_waits(cluster: &mut Cluster) {
    cluster.replicas[0].start_until("in-migration:1:stop");
    let stands_still = async || cluster.replicas[0].stands_still();
    cluster
        .until("replica 0 stands still in a migration", stands_still)
        .await;
    assert_eq!(cluster.database.migrations().await, [1]);
    cluster.replicas[1].start();
    let waits = async || cluster.database.somebody_waits_to_migrate().await;
    cluster.until("replica 1 waits for it", waits).await;
}

/// Everything is up to date, every replica works, and the old event has its ticket.
async fn all_go_on(cluster: Cluster, mut storm: Storm) {
    for number in 0..cluster.replicas.len() {
        cluster.ready(number).await;
    }
    assert_eq!(cluster.database.migrations().await.len(), all_migrations());
    storm.blow(&cluster, 40, 10).await;
    cluster.all_is_well(&storm.sent).await;
    assert_eq!(cluster.database.journal().await, storm.acknowledged());
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_anywhere_in_the_migrations_loses_no_event_and_the_next_start_goes_on() {
    let unstarted = Cluster::unstarted(1, CLIENT_CREDENTIALS, "");
    let Some(mut cluster) = unstarted.await else {
        return;
    };
    let mut storm = Storm::default();
    die_at(&mut cluster, "before-migrations").await;
    for number in 1..=all_migrations() {
        // After its first statement, and with all of it written and not committed.
        for inside in ["in-migration", "migration-noted"] {
            die_at(&mut cluster, inside).await;
            let applied = cluster.database.migrations().await.len();
            assert_eq!(applied, number - 1, "{inside}, {number}");
        }
        die_at(&mut cluster, &format!("migration-step:{number}")).await;
        assert_eq!(cluster.database.migrations().await.len(), number);
        if number == 1 {
            acknowledged_before(&cluster, &mut storm).await;
        }
    }
    die_at(&mut cluster, "migrated").await;
    cluster.replicas[0].start();
    all_go_on(cluster, storm).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_replica_that_waits_for_one_that_dies_inside_a_migration_takes_over() {
    let Some((mut cluster, storm)) = on_an_old_database(2).await else {
        return;
    };
    one_stands_still_and_one_waits(&mut cluster).await;
    cluster.replicas[0].kill();
    cluster.ready(1).await;
    cluster.replicas[0].start();
    all_go_on(cluster, storm).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_stands_still_inside_a_migration_does_not_keep_the_others_waiting() {
    let Some((mut cluster, storm)) = on_an_old_database(2).await else {
        return;
    };
    one_stands_still_and_one_waits(&mut cluster).await;
    cluster.ready(1).await;
    let replica = &mut cluster.replicas[0];
    replica.go_on();
    let begun = Instant::now();
    let status = loop {
        assert!(begun.elapsed() < DIES_WITHIN, "it goes on as if it had not");
        if let Some(status) = replica.ended() {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(status.code(), Some(2), "{}", replica.log());
    assert!(replica.log().contains("cannot be migrated"));
    replica.start();
    all_go_on(cluster, storm).await;
}
