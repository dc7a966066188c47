//! A log that cannot be written, or that nobody reads: everything else goes on, what is dropped
//! is counted, and it is said once the log can be written again.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::disk::SmallDisk;
use crate::support::world::{World, event};

/// Everything there is to log: the queue and a small disk are full soon.
const TALKATIVE: &str = "[log]\nlevel = \"trace\"\n";
/// What a pipe holds that nobody reads.
const PIPE: usize = 65_536;
/// Events until the queue must be full.
const MORE_THAN_FIT: usize = 5_000;
const DROPPED: &str = "ringdown_log_lines_dropped_total ";

async fn started(mut world: World, log: Stdio) -> World {
    let mut serve = world.command(&["serve"]);
    serve.stderr(log);
    world.spawn_command(serve);
    world.until_ready().await;
    world
}

/// Events become tickets, and the process says that it is well.
async fn all_is_well(world: &World, number: usize) {
    let before = world.simulator.salesforce().tickets().len();
    let (id, queue) = (format!("well-{number}"), format!("well-{number}"));
    world.accept(&event(&id, &queue, 400.0)).await;
    world.tickets(before + 1).await;
    world.all_delivered().await;
    for path in ["healthz", "readyz"] {
        for listener in [&world.public, &world.admin] {
            let answer = world.client.get(format!("{listener}/{path}")).send().await;
            assert_eq!(answer.unwrap().status(), 200, "{path}");
        }
    }
}

async fn dropped(world: &World) -> u64 {
    let metrics = world.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(DROPPED));
    assert!(line.is_some(), "no {DROPPED}in\n{metrics}");
    line.unwrap().parse().unwrap()
}

/// Sends events until lines are dropped.
async fn until_lines_are_dropped(world: &World) {
    for number in 0..MORE_THAN_FIT {
        world
            .accept(&event(&format!("much-{number}"), "much", 400.0))
            .await;
        if number % 10 == 0 && dropped(world).await > 0 {
            return;
        }
    }
    unreachable!("no line was dropped");
}

/// How many dropped lines a line reports.
fn reported(line: &str) -> Option<u64> {
    let line: Value = serde_json::from_str(line).ok()?;
    let is_report = line["message"]
        .as_str()?
        .starts_with("log lines were dropped");
    is_report.then(|| line["lines"].as_u64())?
}

/// Standard error as a pipe that is full.
fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'x'; PIPE - 1]).unwrap();
    writer.write_all(b"\n").unwrap();
    (reader, writer.into())
}

#[tokio::test]
async fn a_standard_error_that_is_full_from_the_start_stops_nothing() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut world = started(World::unstarted("").await, full.into()).await;
    all_is_well(&world, 1).await;
    assert!(dropped(&world).await > 0);
    assert!(world.daemon.terminate());
}

#[tokio::test]
async fn a_standard_error_that_is_closed_stops_nothing() {
    let mut world = World::unstarted("").await;
    world.spawn_by(r#"exec "$0" "$@" 2>&-"#);
    world.until_ready().await;
    all_is_well(&world, 1).await;
    assert!(world.daemon.terminate());
}

#[tokio::test]
async fn a_log_reader_that_dies_stops_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut world = started(World::unstarted("").await, writer.into()).await;
    all_is_well(&world, 1).await;
    drop(reader);
    all_is_well(&world, 2).await;
    all_is_well(&world, 3).await;
    assert!(dropped(&world).await > 0);
    assert!(world.daemon.terminate());
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing_and_all_that_is_dropped_is_reported_later() {
    let (reader, writer) = full_pipe();
    let mut world = started(World::unstarted(TALKATIVE).await, writer).await;
    until_lines_are_dropped(&world).await;
    all_is_well(&world, 1).await;

    let lines = Arc::new(Mutex::new(Vec::new()));
    let read = Arc::clone(&lines);
    let reading = std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().skip(1) {
            read.lock().unwrap().push(line.unwrap());
        }
    });
    let sum = || {
        lines
            .lock()
            .unwrap()
            .iter()
            .filter_map(|line| reported(line))
            .sum::<u64>()
    };
    world
        .until("every dropped line is reported", async || {
            sum() > 0 && sum() == dropped(&world).await
        })
        .await;
    all_is_well(&world, 2).await;
    assert!(world.daemon.terminate());
    reading.join().unwrap();
    let lines = lines.lock().unwrap();
    let torn = lines
        .iter()
        .find(|line| serde_json::from_str::<Value>(line).is_err());
    assert_eq!(torn, None);
    assert!(
        lines.last().unwrap().contains("stopped"),
        "the last lines are written"
    );
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_log_that_nobody_reads() {
    let (_reader, writer) = full_pipe();
    let mut world = started(World::unstarted("").await, writer).await;
    all_is_well(&world, 1).await;
    let stopped = tokio::task::spawn_blocking(move || world.daemon.terminate());
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(10), stopped).await;
    assert!(stopped.unwrap().unwrap());
}

#[tokio::test]
async fn a_start_that_fails_ends_though_nobody_reads_why() {
    let world = World::unstarted("[server]\nlisten = \"192.0.2.1:1\"\n").await;
    let (_reader, writer) = full_pipe();
    let mut serve = world.command(&["serve"]);
    let mut child = serve.stderr(writer).process_group(0).spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let ended = tokio::time::timeout(std::time::Duration::from_secs(15), ended).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(2));
}

#[tokio::test]
async fn a_full_disk_of_the_log_stops_nothing_and_lines_are_written_again_when_there_is_room() {
    let world = World::unstarted(TALKATIVE).await;
    let Some(disk) = SmallDisk::mounted_in(&world, "128k") else {
        return;
    };
    let file = disk.0.join("log");
    let log = OpenOptions::new().create(true).append(true).open(&file);
    let mut world = started(world, log.unwrap().into()).await;
    until_lines_are_dropped(&world).await;
    all_is_well(&world, 1).await;
    disk.make_room();
    let lines = || -> Vec<String> {
        // The last line may end within a character: the disk was full there.
        let text = std::fs::read(&file).unwrap();
        let end = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let whole = std::str::from_utf8(&text[..end]).unwrap();
        whole.lines().map(str::to_owned).collect()
    };
    world
        .until("every dropped line is reported", async || {
            let sum = lines()
                .iter()
                .filter_map(|line| reported(line))
                .sum::<u64>();
            sum > 0 && sum == dropped(&world).await
        })
        .await;
    all_is_well(&world, 2).await;
    assert!(world.daemon.terminate());
    let lines = lines();
    let torn = lines
        .iter()
        .filter(|line| serde_json::from_str::<Value>(line).is_err());
    assert!(
        torn.count() <= 1,
        "only the line at which the disk was full is cut short"
    );
    assert!(lines.last().unwrap().contains("stopped"));
}
