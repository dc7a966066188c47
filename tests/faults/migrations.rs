//! Deaths before, inside, between and after migrations, with an event of the first version in
//! the journal.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::world::{World, event};

/// Longest wait for a death.
const DIES_WITHIN: Duration = Duration::from_secs(30);

async fn database(world: &World) -> SqliteConnection {
    let file = world.folder.path().join("ringdown.db");
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// How many migrations there are.
fn all_migrations() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    std::fs::read_dir(folder).unwrap().count()
}

/// How many of them the database has.
async fn applied(world: &World) -> usize {
    let mut connection = database(world).await;
    let count: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    usize::try_from(count).unwrap()
}

/// Starts the daemon, which dies at `point`.
async fn die_at(world: &mut World, point: &str) {
    world.spawn(point);
    let begun = Instant::now();
    while !world.daemon.is_dead() {
        assert!(begun.elapsed() < DIES_WITHIN, "{point} is not reached");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.daemon.kill();
}

/// Puts `event` into the journal as the version of the first migration did.
async fn acknowledged_before(world: &World, event: &Value) {
    let id = event["id"].as_str().unwrap();
    let digest = Sha256::digest(format!("genesys\0{id}"));
    let mut connection = database(world).await;
    sqlx::query("insert into event_keys (digest) values (?)")
        .bind(&digest[..16])
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("insert into events (source, event_id, received_at, body) values (?, ?, ?, ?)")
        .bind("genesys")
        .bind(id)
        .bind(ringdown::clock::Clock::System.now().as_millis())
        .bind(event.to_string())
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_death_anywhere_in_the_migrations_loses_no_event_and_the_next_start_goes_on() {
    let mut world = World::unstarted("").await;
    let old = event("evt-old", "q1", 400.0);
    die_at(&mut world, "before-migrations").await;
    for number in 1..=all_migrations() {
        // After its first statement, and with all of it written and not committed.
        for inside in ["in-migration", "migration-noted"] {
            die_at(&mut world, inside).await;
            assert_eq!(applied(&world).await, number - 1, "{inside}, {number}");
        }
        die_at(&mut world, &format!("migration-step:{number}")).await;
        assert_eq!(applied(&world).await, number);
        if number == 1 {
            acknowledged_before(&world, &old).await;
        }
    }
    die_at(&mut world, "migrated").await;

    world.start().await;
    world.tickets(1).await;
    let (status, counts) = world.post(old.to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(counts["duplicates"], 1, "{counts}");
    world.accept(&event("evt-new", "q2", 400.0)).await;
    world.tickets(2).await;
    world.all_delivered().await;
    assert_eq!(world.items("events?limit=500").await.len(), 2);
    assert_eq!(world.simulator.salesforce().tickets().len(), 2);
}
