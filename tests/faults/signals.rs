//! Signals: during the start-up, which a database that another process holds makes long, and
//! those that change nothing.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::world::{World, event};

/// Longest stop that an orchestrator would still call prompt; shorter than the daemon waits
/// for the database, so that it cannot have ended by itself.
const PROMPT: Duration = Duration::from_secs(3);

/// A connection that keeps everybody else from writing until it is closed.
async fn hold(world: &World) -> SqliteConnection {
    let file = world.folder.path().join("ringdown.db");
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("begin immediate")
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

/// A daemon that has opened its database and waits for it.
async fn starting(world: &World) -> Child {
    let lock = world.folder.path().join("ringdown.db");
    let child = world
        .command(&["serve"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let open_files = format!("/proc/{}/fd", child.id());
    world
        .until("the daemon has opened its database", async || {
            std::fs::read_dir(&open_files).is_ok_and(|mut files| {
                files.any(|file| {
                    file.is_ok_and(|file| {
                        std::fs::read_link(file.path()).is_ok_and(|target| target == lock)
                    })
                })
            })
        })
        .await;
    child
}

async fn stops_in_the_start(signal: &str) {
    let mut world = World::new().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert!(world.daemon.terminate());

    let held = hold(&world).await;
    let mut child = starting(&world).await;
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    // Ended in time, waited for, and with the status of a stop that was asked for.
    let status = tokio::time::timeout(PROMPT, ended).await;
    let status = status.unwrap().unwrap();
    assert_eq!(status.code(), Some(0), "{signal}: {status}");
    held.close().await.unwrap();

    world.start().await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    world.tickets(2).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 2);
}

#[tokio::test]
async fn sigterm_in_the_start_up_is_a_clean_stop() {
    stops_in_the_start("-TERM").await;
}

#[tokio::test]
async fn sigint_in_the_start_up_is_a_clean_stop() {
    stops_in_the_start("-INT").await;
}

#[tokio::test]
async fn a_closed_terminal_and_a_reload_that_does_not_exist_change_nothing_and_are_logged() {
    let mut world = World::new().await;
    for signal in ["HUP", "PIPE", "HUP"] {
        world.daemon.signal(signal);
    }
    world
        .until("it is logged", async || world.log().contains("SIGHUP"))
        .await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert!(!world.daemon.is_dead());
    assert!(world.daemon.terminate());
}

#[tokio::test]
async fn sighup_in_the_start_up_does_not_end_it() {
    let mut world = World::new().await;
    assert!(world.daemon.terminate());
    let held = hold(&world).await;
    let mut child = starting(&world).await;
    let sent = Command::new("kill")
        .args(["-HUP", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    held.close().await.unwrap();
    world.until_ready().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    child.kill().unwrap();
    child.wait().unwrap();
}
