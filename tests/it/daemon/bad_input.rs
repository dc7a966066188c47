//! What is wrong at start, and a database that cannot be written.

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::world::{World, event};

async fn fails_to_start(world: &World) -> (i32, String) {
    let mut command = world.command(&["serve"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

async fn connect(world: &World) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(world.folder.path().join("ringdown.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_port_in_use_names_the_setting() {
    let world = World::unstarted("").await;
    let port = world
        .public
        .rsplit(':')
        .next()
        .unwrap()
        .parse::<u16>()
        .unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (code, said) = fails_to_start(&world).await;
    assert_eq!(code, 2);
    assert!(said.contains("server.listen"), "{said}");
}

#[tokio::test]
async fn every_mistake_in_the_configuration_is_reported_at_once() {
    let world = World::unstarted(
        "[rules.queue-wait]\nwhen = \"metrics[queue.waitTime].avg >\"\ntargets = [\"salesfroce\"]\nburst_lok = \"60s\"\n",
    )
    .await;
    let (code, said) = fails_to_start(&world).await;
    assert_eq!(code, 2);
    for part in ["rules.queue-wait.when", "salesforce", "burst_lock"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let mut world = World::new().await;
    world.daemon.terminate();
    let mut connection = connect(&world).await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         values (9999, 'from the future', true, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let (code, said) = fails_to_start(&world).await;
    assert_eq!(code, 2);
    assert!(said.contains("newer ringdown"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_with_a_reason() {
    let world = World::unstarted("").await;
    let file = world.folder.path().join("ringdown.db");
    std::fs::write(&file, "this is not a database, it is a letter".repeat(100)).unwrap();
    let (code, said) = fails_to_start(&world).await;
    assert_eq!(code, 2);
    assert!(said.contains("store.url"), "{said}");
}

#[tokio::test]
async fn while_the_database_is_locked_events_are_refused_with_503_and_nothing_is_lost() {
    let mut world = World::unstarted("[server]\nrequest_timeout = \"1s\"\n").await;
    world.start().await;
    let mut connection = connect(&world).await;
    sqlx::query("begin immediate")
        .execute(&mut connection)
        .await
        .unwrap();
    let (status, _) = world.post(event("evt-1", "q1", 400.0).to_string()).await;
    assert_eq!(status, 503);
    sqlx::query("rollback")
        .execute(&mut connection)
        .await
        .unwrap();
    world
        .until("it is accepted again", async || {
            let (status, _) = world.post(event("evt-1", "q1", 400.0).to_string()).await;
            status == 202
        })
        .await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

#[tokio::test]
async fn a_full_database_answers_503_and_takes_events_again_when_there_is_room() {
    let world = World::new().await;
    let mut connection = connect(&world).await;
    // A trigger stands for the full disk: the insert fails with SQLite's own error.
    sqlx::raw_sql(
        "create trigger full before insert on events begin select raise(abort, 'database or disk is full'); end",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let (status, _) = world.post(event("evt-1", "q1", 400.0).to_string()).await;
    assert_eq!(status, 503);
    sqlx::raw_sql("drop trigger full")
        .execute(&mut connection)
        .await
        .unwrap();
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
}
