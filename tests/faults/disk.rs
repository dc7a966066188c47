//! A disk that is full, and one that cannot be written: real ones, where the machine lets a
//! test have them.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::world::{TOKEN, World, event};

const LARGE: &str = "64m";
/// What is left on the disk beside a new database, in bytes. The migrations grow with every
/// version, so that the size of the whole disk is not fixed.
const ROOM: u64 = 1 << 20;
/// Events until the disk must be full, of some 50 KB each.
const MORE_THAN_FIT: usize = 200;

/// Runs a command that needs rights which not every machine gives.
pub(crate) fn permitted(command: &str, arguments: &[&str]) -> bool {
    let run = Command::new(command)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

/// A file system in memory, unmounted in the end.
pub(crate) struct SmallDisk(pub(crate) PathBuf);

impl SmallDisk {
    /// `None`, with the reason printed, where mounting is refused.
    pub(crate) fn mounted_in(world: &World, size: &str) -> Option<Self> {
        let place = world.folder.path().join("disk");
        std::fs::create_dir(&place).unwrap();
        let disk = Self(place);
        let options = format!("size={size}");
        if disk.mount(&["-t", "tmpfs", "-o", &options, "tmpfs"]) {
            return Some(disk);
        }
        println!("skipped: this machine does not let a test mount a file system");
        None
    }

    fn mount(&self, arguments: &[&str]) -> bool {
        let place = self.0.to_str().unwrap();
        permitted("mount", &[arguments, &[place]].concat())
    }

    pub(crate) fn make_room(&self) {
        self.resize(LARGE);
    }

    /// Leaves `room` bytes beside what the files take now.
    fn leave(&self, room: u64) {
        let files = std::fs::read_dir(&self.0).unwrap();
        // A file in memory takes whole pages of 4 KiB: `st_blocks` counts them in 512 bytes.
        let used: u64 = files
            .map(|file| file.unwrap().metadata().unwrap().blocks() * 512)
            .sum();
        self.resize(&(used + room).to_string());
    }

    fn resize(&self, size: &str) {
        assert!(self.mount(&["-o", &format!("remount,size={size}")]));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        permitted("umount", &["--lazy", self.0.to_str().unwrap()]);
    }
}

/// A file that not even root can write until this is dropped.
struct Immutable(PathBuf);

impl Immutable {
    fn made(file: PathBuf) -> Option<Self> {
        if permitted("chattr", &["+i", file.to_str().unwrap()]) {
            return Some(Self(file));
        }
        println!("skipped: this machine does not let a test make a file immutable");
        None
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        permitted("chattr", &["-i", self.0.to_str().unwrap()]);
    }
}

/// A world whose database is on a small disk, started.
async fn on_a_small_disk() -> Option<(World, SmallDisk)> {
    let mut world = World::unstarted("").await;
    let disk = SmallDisk::mounted_in(&world, LARGE)?;
    let store = format!(
        "[store]\nurl = \"sqlite:{}/ringdown.db\"\n",
        disk.0.display()
    );
    std::fs::write(world.folder.path().join("more.toml"), store).unwrap();
    world.start().await;
    // An orderly stop copies the log of the migrations into the database. A later copy of it
    // would take room at a moment that the test does not know.
    assert!(world.daemon.terminate());
    world.start().await;
    disk.leave(ROOM);
    Some((world, disk))
}

/// A breach of a queue of its own, in a body of some 50 KB.
fn long_breach(number: usize) -> Value {
    let mut long = event(&format!("evt-{number}"), &format!("q{number}"), 400.0);
    long["note"] = "x".repeat(50_000).into();
    long
}

/// Sends `event`; answers the status and `Retry-After`.
pub(crate) async fn send(world: &World, event: &Value) -> (StatusCode, Option<String>) {
    let request = world
        .client
        .post(format!("{}/webhooks/genesys", world.public))
        .bearer_auth(TOKEN)
        .json(event);
    let answer = request.send().await.unwrap();
    let retry_after = answer.headers().get("retry-after");
    let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
    (answer.status(), retry_after)
}

/// Sends until an event is refused; answers how many were acknowledged before.
async fn fill(world: &World) -> usize {
    for number in 0..MORE_THAN_FIT {
        let (status, retry_after) = send(world, &long_breach(number)).await;
        if status != StatusCode::ACCEPTED {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(retry_after.is_some_and(|after| after.parse::<u64>().is_ok()));
            return number;
        }
    }
    unreachable!("the disk is never full")
}

/// What the admin listener's `/readyz` answers.
pub(crate) async fn readyz(world: &World) -> (StatusCode, Value) {
    let url = format!("{}/readyz", world.admin);
    let answer = world.client.get(url).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// Waits until the daemon is not ready; answers the reason that it gives for its store.
pub(crate) async fn not_ready_because(world: &World) -> String {
    let mut why = String::new();
    world
        .until("it is not ready and says why", async || {
            let (status, body) = readyz(world).await;
            let reason = body["components"]["store"]["reason"].as_str();
            why = reason.unwrap_or_default().to_owned();
            status == StatusCode::SERVICE_UNAVAILABLE && !why.is_empty()
        })
        .await;
    why
}

/// Every one of the first `count` events was decided on, and every queue has its one ticket.
pub(crate) async fn all_are_there(world: &World, count: usize) {
    world.tickets(count).await;
    world.all_delivered().await;
    let events = world.items("events?limit=500").await;
    let mut ids: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event_id"].as_str())
        .collect();
    let mut expected: Vec<String> = (0..count).map(|number| format!("evt-{number}")).collect();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert!(events.iter().all(|event| event["state"] == "decided"));
    assert_eq!(world.simulator.salesforce().tickets().len(), count);
    assert_eq!(world.items("incidents?limit=500").await.len(), count);
}

#[tokio::test]
async fn a_full_disk_is_503_with_retry_after_and_it_goes_on_by_itself_when_there_is_room() {
    let Some((world, disk)) = on_a_small_disk().await else {
        return;
    };
    let acknowledged = fill(&world).await;
    assert!(acknowledged > 3, "{acknowledged} events fitted");
    world
        .until("it is not ready any more", async || {
            let url = format!("{}/readyz", world.public);
            let answer = world.client.get(url).send().await.unwrap();
            answer.status() == StatusCode::SERVICE_UNAVAILABLE
        })
        .await;
    disk.make_room();
    world
        .until("the refused event is accepted", async || {
            send(&world, &long_breach(acknowledged)).await.0 == StatusCode::ACCEPTED
        })
        .await;
    all_are_there(&world, acknowledged + 1).await;
}

#[tokio::test]
async fn a_kill_while_the_disk_is_full_loses_nothing() {
    let Some((mut world, disk)) = on_a_small_disk().await else {
        return;
    };
    let acknowledged = fill(&world).await;
    world.daemon.kill();
    disk.make_room();
    world.start().await;
    all_are_there(&world, acknowledged).await;
}

#[tokio::test]
async fn a_database_that_becomes_read_only_is_503_until_it_can_be_written_again() {
    let world = World::new().await;
    world.accept(&event("evt-0", "q0", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    let files = ["ringdown.db", "ringdown.db-wal"].map(|name| world.folder.path().join(name));
    let Some(immutable) = files
        .map(Immutable::made)
        .into_iter()
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let (status, retry_after) = send(&world, &event("evt-1", "q1", 400.0)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after.is_some());
    let why = not_ready_because(&world).await;
    assert!(
        why.contains("disk I/O") || why.contains("readonly"),
        "{why}"
    );
    drop(immutable);
    world
        .until("it is accepted again", async || {
            send(&world, &event("evt-1", "q1", 400.0)).await.0 == StatusCode::ACCEPTED
        })
        .await;
    world
        .until("it is ready again", async || readyz(&world).await.0 == 200)
        .await;
    all_are_there(&world, 2).await;
}

#[tokio::test]
async fn a_database_that_cannot_be_written_at_the_start_is_refused_with_its_setting() {
    let mut world = World::new().await;
    assert!(world.daemon.terminate());
    let file = world.folder.path().join("ringdown.db");
    let Some(_immutable) = Immutable::made(file) else {
        return;
    };
    let mut serve = world.command(&["serve"]);
    let output = tokio::task::spawn_blocking(move || serve.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("store.url"), "{said}");
}
