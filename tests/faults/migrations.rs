//! Deaths between two migrations, with events of an older version in the journal.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::world::{World, event};

async fn database(world: &World) -> SqliteConnection {
    let file = world.folder.path().join("ringdown.db");
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// How many migrations the database has.
async fn applied(world: &World) -> i64 {
    let mut connection = database(world).await;
    let count = sqlx::query_scalar("select count(*) from _sqlx_migrations where success");
    let count = count.fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

/// Starts the daemon, which dies when it has looked at so many migrations.
async fn die_after_migration(world: &mut World, number: u32) {
    world.spawn(&format!("migration-step:{number}"));
    while !world.is_dead() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.kill();
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
async fn a_death_between_two_migrations_loses_no_event_and_the_next_start_goes_on() {
    let mut world = World::unstarted("").await;
    die_after_migration(&mut world, 1).await;
    assert_eq!(applied(&world).await, 1);
    let old = event("evt-old", "q1", 400.0);
    acknowledged_before(&world, &old).await;

    die_after_migration(&mut world, 2).await;
    assert_eq!(applied(&world).await, 2);

    world.start().await;
    assert!(applied(&world).await > 2);
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
