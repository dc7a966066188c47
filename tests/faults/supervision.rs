//! Parts of the process that panic: readiness falls, they are started again, and nothing is lost.

use std::time::Duration;

use reqwest::StatusCode;
use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::Value;

use crate::disk::{readyz, send};
use crate::support::world::{World, event};

/// Every part of a daemon with everything turned on.
const PARTS: [&str; 16] = [
    "admin listener",
    "backlog",
    "decider",
    "enrichment",
    "event places",
    "gauges",
    "journal",
    "own trouble",
    "public listener",
    "retention",
    "review limit",
    "store watcher",
    "sync salesforce",
    "wake-up deliveries",
    "wake-up events",
    "worker salesforce",
];

/// A Platform API that nobody reaches: its worker is what counts here.
const EVERYTHING: &str = r#"
[own_trouble]
targets = ["salesforce"]
[enrichment]
login_url = "http://127.0.0.1:9"
api_url = "http://127.0.0.1:9"
client_id = "client"
client_secret = "platform-s3cret"
"#;

fn restarts(metrics: &str, part: &str) -> u64 {
    let name = format!("ringdown_task_restarts_total{{task=\"{part}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    assert!(line.is_some(), "no {name}in\n{metrics}");
    line.unwrap().parse().unwrap()
}

/// The part is down, as far as anybody can ask.
async fn until_down(world: &World, part: &str) {
    world
        .until(&format!("{part} is down"), async || {
            let (status, body) = readyz(world).await;
            status == StatusCode::SERVICE_UNAVAILABLE
                && body["components"][part]["reason"] == "it panicked"
        })
        .await;
}

/// What the public listener's `/readyz` answers.
async fn public_readyz(world: &World) -> (StatusCode, Value) {
    let url = format!("{}/readyz", world.public);
    let answer = world.client.get(url).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// All lines of the log; one that is none fails the test.
fn lines(world: &World) -> Vec<Value> {
    let log = world.log();
    let lines = log.lines().map(serde_json::from_str).collect();
    assert!(Result::is_ok(&lines), "{lines:?}\n{log}");
    lines.unwrap()
}

#[tokio::test]
async fn every_part_that_panics_is_started_again() {
    let mut world = World::unstarted(EVERYTHING).await;
    let points = PARTS.map(|part| format!("run {part}:1:panic"));
    world.spawn(&points.join(","));
    world.until_ready().await;
    // The admin listener is one of the parts, and may not be there yet.
    let url = format!("{}/readyz", world.admin);
    world
        .until("every part is up", async || {
            let answer = world.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    let (_, body) = readyz(&world).await;
    let components = body["components"].as_object().unwrap();
    let mut names: Vec<&str> = components.keys().map(String::as_str).collect();
    names.retain(|name| *name != "store");
    assert_eq!(names, PARTS, "a part is missing in this test");
    let metrics = world.metrics().await;
    for part in PARTS {
        assert_eq!(restarts(&metrics, part), 1, "{part}");
    }
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    assert!(world.daemon.terminate());
    lines(&world);
}

/// A load balancer still sends to a replica that receives, and people are told.
#[tokio::test]
async fn parts_that_receiving_does_not_need_take_only_the_admin_readiness_down() {
    let mut world = World::unstarted(EVERYTHING).await;
    let needed = [
        "admin listener",
        "decider",
        "journal",
        "public listener",
        "store watcher",
    ];
    let mut others = PARTS.to_vec();
    others.retain(|part| !needed.contains(part));
    let points = others
        .iter()
        .map(|part| format!("run {part}:1:panic:1000000"));
    world.spawn(&points.collect::<Vec<_>>().join(","));
    world.until_ready().await;
    for part in others {
        until_down(&world, part).await;
    }
    let health = world.command(&["health"]).status().unwrap();
    assert_eq!(health.code(), Some(1), "not ready, as people are told");
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let (status, body) = public_readyz(&world).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &"ready".into()));
    assert!(world.daemon.terminate());
}

#[tokio::test]
async fn a_part_that_receiving_or_deciding_needs_takes_the_public_readiness_down_by_its_name() {
    for part in ["decider", "journal", "store watcher"] {
        let mut world = World::unstarted("").await;
        world.spawn(&format!("run {part}:1:panic:1000000"));
        let url = format!("{}/healthz", world.public);
        world
            .until("it runs", async || {
                world.client.get(&url).send().await.is_ok()
            })
            .await;
        until_down(&world, part).await;
        let (status, body) = public_readyz(&world).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{part}");
        assert!(
            body["type"].as_str().unwrap().contains("not-ready"),
            "{body}"
        );
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.ends_with(&format!(": {part}.")), "{detail}");
        assert!(world.daemon.terminate());
    }
}

#[tokio::test]
async fn a_decider_that_panics_in_its_transaction_takes_readiness_down_and_goes_on() {
    let mut world = World::unstarted("").await;
    world.spawn("decisions-written:1:panic");
    world.until_ready().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    until_down(&world, "decider").await;
    world.tickets(1).await;
    world.all_delivered().await;
    world.until_ready().await;
    assert_eq!(restarts(&world.metrics().await, "decider"), 1);
    let lines = lines(&world);
    let panic = lines
        .iter()
        .find(|line| line["panic"] == "a test asked for it");
    let panic = panic.unwrap();
    assert_eq!(panic["component"], "decider");
    let location = panic["location"].as_str().unwrap();
    assert!(location.contains("fault_points.rs:"), "{location}");
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
}

#[tokio::test]
async fn a_journal_that_panics_after_its_commit_answers_503_and_goes_on() {
    let mut world = World::unstarted("").await;
    world.spawn("journal-committed:1:panic");
    world.until_ready().await;
    let (status, retry_after) = send(&world, &event("evt-1", "q1", 400.0)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after.is_some());
    until_down(&world, "journal").await;
    let (status, answer) = world.post(event("evt-1", "q1", 400.0).to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(answer["duplicates"], 1, "it was kept: {answer}");
    world.accept(&event("evt-2", "q2", 400.0)).await;
    world.until_ready().await;
    world.tickets(2).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 2);
    lines(&world);
}

#[tokio::test]
async fn a_part_that_always_panics_keeps_readiness_down_and_nothing_else() {
    let mut world = World::unstarted("").await;
    world.spawn("decisions-written:1:panic:1000000");
    world.until_ready().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    until_down(&world, "decider").await;
    world
        .until("it was started again some times", async || {
            assert_eq!(readyz(&world).await.0, StatusCode::SERVICE_UNAVAILABLE);
            restarts(&world.metrics().await, "decider") >= 3
        })
        .await;
    world.accept(&event("evt-2", "q2", 400.0)).await;
    assert_eq!(world.items("events").await.len(), 2);
    assert!(restarts(&world.metrics().await, "decider") <= 4, "it spins");
    assert!(world.daemon.terminate());
}

#[tokio::test]
async fn a_worker_that_panics_among_its_calls_leaves_no_claim_and_makes_no_second_ticket() {
    let mut world = World::unstarted("").await;
    world.spawn("deliver-step:12:panic");
    world.until_ready().await;
    let slow = FaultKind::Slow { milliseconds: 300 };
    let salesforce = world.simulator.salesforce();
    salesforce.add_fault(Fault::new(slow, Trigger::Always));
    for number in 0..8 {
        let (id, queue) = (format!("evt-{number}"), format!("q{number}"));
        world.accept(&event(&id, &queue, 400.0)).await;
    }
    until_down(&world, "worker salesforce").await;
    world.simulator.salesforce().clear_faults();
    world.tickets(8).await;
    world.all_delivered().await;
    // What was under way when its task died may still arrive.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 8);
    assert_eq!(restarts(&world.metrics().await, "worker salesforce"), 1);
}
