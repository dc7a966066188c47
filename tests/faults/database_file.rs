//! The database's file: who may read it, that it is opened once by whatever name, and that
//! nothing is acknowledged when it is not there any more.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::StatusCode;

use crate::disk::{all_are_there, not_ready_because, readyz, send};
use crate::support::world::{World, event};

const FILES: [&str; 4] = [
    "ringdown.db",
    "ringdown.db-wal",
    "ringdown.db-shm",
    "ringdown.db.lock",
];

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A world whose database is alone in a folder that is not there yet.
async fn in_a_new_folder() -> (World, PathBuf) {
    let world = World::unstarted("").await;
    let folder = world.folder.path().join("data");
    let store = format!(
        "[store]\nurl = \"sqlite:{}/ringdown.db\"\n",
        folder.display()
    );
    std::fs::write(world.folder.path().join("more.toml"), store).unwrap();
    (world, folder)
}

/// The same, started, with one event that has become a ticket.
async fn with_a_ticket() -> (World, PathBuf) {
    let (mut world, folder) = in_a_new_folder().await;
    world.start().await;
    world.accept(&event("evt-0", "q0", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    (world, folder)
}

/// Refused with Retry-After, and not ready for the reason that `why` is part of.
async fn is_refused(world: &World, why: &str) {
    let (status, retry_after) = send(world, &event("evt-1", "q1", 400.0)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after.is_some());
    let reason = not_ready_because(world).await;
    assert!(reason.contains(why), "{reason}");
    let (status, _) = send(world, &event("evt-1", "q1", 400.0)).await;
    assert_eq!(
        status,
        StatusCode::SERVICE_UNAVAILABLE,
        "no duplicate is acknowledged either"
    );
}

#[tokio::test]
async fn only_the_owner_may_read_a_new_database() {
    let (mut world, folder) = in_a_new_folder().await;
    world.spawn_by(r#"umask 0; exec "$0" "$@""#);
    world.until_ready().await;
    world.accept(&event("evt-0", "q0", 400.0)).await;
    assert_eq!(mode(&folder), 0o700);
    for file in FILES {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_database_that_others_may_read_is_warned_of_once_and_left_as_it_is() {
    let (mut world, folder) = with_a_ticket().await;
    assert!(world.daemon.terminate());
    let file = folder.join("ringdown.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    world.start().await;
    assert_eq!(mode(&file), 0o644);
    let log = world.log();
    let warnings: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("chmod 600"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("ringdown.db (644)"), "{}", warnings[0]);
}

#[tokio::test]
async fn a_second_process_is_refused_by_whatever_name_it_opens_the_database() {
    let (world, folder) = with_a_ticket().await;
    let other = world.folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let file = folder.join("ringdown.db");
    symlink(&file, other.join("symbolic.db")).unwrap();
    std::fs::hard_link(&file, other.join("hard.db")).unwrap();
    symlink(&folder, other.join("folder")).unwrap();
    for name in ["symbolic.db", "hard.db", "folder/ringdown.db"] {
        let mut serve = world.command(&["serve"]);
        let url = format!("sqlite:{}", other.join(name).display());
        serve.env("RINGDOWN__STORE__URL", url);
        let output = tokio::task::spawn_blocking(move || serve.output().unwrap());
        let output = output.await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(
            said.contains("in use by another ringdown process"),
            "{name}: {said}"
        );
    }
    world.accept(&event("evt-1", "q1", 400.0)).await;
    all_are_there(&world, 2).await;
}

/// The daemon has a descriptor of the file that SQLite does not know. Closing it would end
/// SQLite's own locks, and the next process that looks into the database would delete its log.
#[tokio::test]
async fn another_program_that_looks_into_the_database_leaves_its_log_alone() {
    let (mut world, folder) = with_a_ticket().await;
    let log = folder.join("ringdown.db-wal");
    let before = log.metadata().unwrap().ino();
    let file = folder.join("ringdown.db");
    let look = tokio::task::spawn_blocking(move || {
        // A process of its own: within one, SQLite knows by itself who has the file.
        Command::new("sqlite3")
            .arg(file)
            .arg("select count(*) from events")
            .output()
    });
    let Ok(output) = look.await.unwrap() else {
        println!("skipped: this machine has no sqlite3");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1");
    assert_eq!(log.metadata().unwrap().ino(), before);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.daemon.kill();
    world.start().await;
    all_are_there(&world, 2).await;
}

#[tokio::test]
async fn a_database_that_was_moved_away_is_503_until_it_is_back() {
    let (world, folder) = with_a_ticket().await;
    let (file, away) = (folder.join("ringdown.db"), folder.join("away"));
    std::fs::rename(&file, &away).unwrap();
    is_refused(&world, "deleted or moved away").await;
    std::fs::rename(&away, &file).unwrap();
    world
        .until("it is accepted", async || {
            send(&world, &event("evt-1", "q1", 400.0)).await.0 == StatusCode::ACCEPTED
        })
        .await;
    world
        .until("it is ready", async || readyz(&world).await.0 == 200)
        .await;
    all_are_there(&world, 2).await;
}

#[tokio::test]
async fn a_database_that_was_replaced_is_503_and_neither_is_touched() {
    let (mut world, folder) = with_a_ticket().await;
    let file = folder.join("ringdown.db");
    std::fs::rename(&file, folder.join("old")).unwrap();
    std::fs::write(&file, "a backup").unwrap();
    std::fs::write(folder.join("new-log"), "its log").unwrap();
    is_refused(&world, "another file is in its place").await;
    let log = folder.join("ringdown.db-wal");
    std::fs::rename(folder.join("new-log"), &log).unwrap();
    assert!(world.daemon.terminate());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a backup");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "its log");
}

/// The next process would apply the log of the replaced database to the restored one.
#[tokio::test]
async fn a_backup_that_is_restored_under_a_running_process_is_not_damaged() {
    let (mut world, folder) = with_a_ticket().await;
    assert!(world.daemon.terminate());
    let file = folder.join("ringdown.db");
    let backup = folder.join("backup.db");
    std::fs::copy(&file, &backup).unwrap();
    world.start().await;
    for number in 2..40 {
        let queue = format!("q{number}");
        world.accept(&event(&queue, &queue, 400.0)).await;
    }
    world.tickets(39).await;
    std::fs::rename(&backup, &file).unwrap();
    is_refused(&world, "another file is in its place").await;
    assert!(world.daemon.terminate());
    assert!(folder.join("ringdown.db-wal.replaced").exists());
    world.start().await;
    assert_eq!(world.items("incidents").await.len(), 1, "as in the backup");
    world.accept(&event("later", "later", 400.0)).await;
    world.all_delivered().await;
    assert!(world.daemon.terminate());
    let connection = rusqlite::Connection::open(&file).unwrap();
    let check = "pragma integrity_check";
    let sound: String = connection.query_row(check, [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn a_log_of_the_database_that_was_deleted_is_503() {
    let (world, folder) = with_a_ticket().await;
    std::fs::remove_file(folder.join("ringdown.db-wal")).unwrap();
    is_refused(&world, "ringdown.db-wal").await;
}

/// What the operators' guide says: the files are still there as long as the process is.
#[tokio::test]
async fn a_deleted_database_is_503_and_can_be_brought_back_from_the_process() {
    let (mut world, folder) = with_a_ticket().await;
    for file in &FILES[..3] {
        std::fs::remove_file(folder.join(file)).unwrap();
    }
    is_refused(&world, "deleted or moved away").await;
    world.daemon.signal("STOP");
    let mut open: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in std::fs::read_dir(format!("/proc/{}/fd", world.daemon.id())).unwrap() {
        let entry = entry.unwrap().path();
        let Ok(target) = std::fs::read_link(&entry) else {
            continue;
        };
        let target = target.to_str().unwrap();
        if let Some(name) = target.strip_suffix(" (deleted)") {
            open.insert(name.to_owned(), entry);
        }
    }
    for file in &FILES[..2] {
        let path = folder.join(file);
        std::fs::copy(&open[path.to_str().unwrap()], &path).unwrap();
    }
    world.daemon.kill();
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    all_are_there(&world, 2).await;
}
