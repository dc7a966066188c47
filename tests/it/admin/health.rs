//! Metrics, health and readiness.

use reqwest::Method;
use ringdown::admin::Gauges;
use ringdown::domain::identity::TargetName;
use ringdown::lifecycle::ComponentState;
use ringdown::store::DeliveryResult;
use ringdown::supervision::Supervisor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::world::{OPEN, World};

async fn open(world: &World, path: &str) -> crate::admin::world::Answer {
    world.send(world.request(Method::GET, path)).await
}

fn delivered() -> DeliveryResult {
    DeliveryResult::Delivered {
        ticket: None,
        omitted: Vec::new(),
    }
}

#[tokio::test]
async fn gauges_show_what_the_store_holds_with_zeroes_for_what_is_configured() {
    let world = World::filled().await;
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let mut gauges = Gauges::new(
        world.metrics.clone(),
        ["servicenow", "idle"].map(TargetName::new),
        names(&["genesys"]),
    );
    gauges.set(&world.store.counts().await.unwrap());
    let answer = open(&world, "/metrics").await;
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for line in [
        r#"ringdown_incidents{state="open"} 2"#,
        r#"ringdown_incidents{state="pending"} 1"#,
        r#"ringdown_incidents{state="recovered"} 0"#,
        r#"ringdown_incidents{state="closed"} 1"#,
        r#"ringdown_delivery_queue{target="servicenow"} 1"#,
        r#"ringdown_delivery_queue{target="idle"} 0"#,
        r#"ringdown_delivery_queue{target="salesforce"} 1"#,
        r#"ringdown_dead_letters{target="salesforce",kind="integration_failure"} 1"#,
        r#"ringdown_dead_letters{target="idle",kind="rate_limited"} 0"#,
        r#"ringdown_incomplete_tickets{target="servicenow"} 0"#,
        r#"ringdown_review_items{source="genesys"} 0"#,
        r#"ringdown_review_items{source="feed"} 1"#,
    ] {
        assert!(
            answer.text.contains(line),
            "{line} is missing in\n{}",
            answer.text
        );
    }
    world.refuse_for_certain("salesforce").await;
    world
        .post("/api/v1/dead-letters/discard", r#"{"all":true}"#)
        .await;
    gauges.set(&world.store.counts().await.unwrap());
    let text = open(&world, "/metrics").await.text;
    let gone = r#"ringdown_dead_letters{target="salesforce",kind="integration_failure"} 0"#;
    assert!(text.contains(gone), "{text}");
    assert!(
        text.contains(r#"ringdown_delivery_queue{target="salesforce"} 0"#),
        "{text}"
    );
}

#[tokio::test]
async fn readiness_names_each_component_and_falls_with_a_dead_one() {
    let world = World::empty().await;
    world.components.report("decider", ComponentState::Up);
    let answer = open(&world, "/readyz").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["status"], "ready");
    assert_eq!(answer.json()["components"]["store"]["state"], "up");
    assert_eq!(answer.json()["components"]["decider"]["state"], "up");

    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    Supervisor::new(world.components.clone(), world.metrics.clone()).spawn(
        &tracker,
        "deliverer servicenow",
        &stop,
        || std::future::ready(()),
    );
    let answer = loop {
        let answer = open(&world, "/readyz").await;
        if answer.status != 200 {
            break answer;
        }
    };
    stop.cancel();
    assert_eq!(answer.status, 503);
    assert!(
        world.components.readiness().is_ready(),
        "receiving does not need it"
    );
    assert!(!answer.header("retry-after").is_empty());
    let dead = &answer.json()["components"]["deliverer servicenow"];
    assert_eq!(dead["state"], "down");
    assert_eq!(dead["reason"], "it ended by itself");
    assert_eq!(answer.json()["components"]["store"]["state"], "up");
    assert_eq!(open(&world, "/healthz").await.status, 200, "it still runs");
}

#[tokio::test]
async fn what_waits_for_a_target_is_counted_at_most_once_a_second() {
    let world = World::held().await;
    let waiting =
        async || open(&world, "/readyz").await.json()["targets"]["servicenow"]["waiting"].clone();
    assert_eq!(waiting().await, 1);
    world.settle("servicenow", OPEN, delivered()).await;
    assert_eq!(waiting().await, 1, "counted a moment ago");
    while waiting().await != 0 {}
}

#[tokio::test]
async fn a_draining_process_is_not_ready() {
    let world = World::empty().await;
    world.components.drain();
    let answer = open(&world, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["status"], "draining");
}

#[tokio::test]
async fn a_store_that_cannot_commit_is_not_ready_and_is_asked_at_most_once_a_second() {
    let world = World::empty().await;
    if !world.url.starts_with("sqlite:") {
        return;
    }
    assert_eq!(open(&world, "/readyz").await.status, 200);
    // Another process that holds the write lock stops commits, as a full disk would.
    let options: sqlx::sqlite::SqliteConnectOptions = world.url.parse().unwrap();
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options)
        .await
        .unwrap();
    sqlx::query("begin immediate")
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(
        open(&world, "/readyz").await.status,
        200,
        "answered a moment ago"
    );
    let answer = loop {
        let answer = open(&world, "/readyz").await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["components"]["store"]["state"], "down");
    assert!(
        !world.components.readiness().is_ready(),
        "the public listener agrees"
    );
}

#[tokio::test]
async fn a_read_only_database_is_not_ready_and_a_change_hears_503() {
    let world = World::filled().await;
    if !world.url.starts_with("sqlite:") {
        return;
    }
    world.refuse_writes().await;
    let answer = open(&world, "/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.json()["components"]["store"]["state"], "down");
    let change = world.post("/api/v1/dead-letters/replay", "").await;
    change.is_problem(503);
    assert!(!change.header("retry-after").is_empty());
    assert!(
        !change.text.contains("readonly"),
        "the cause stays inside: {}",
        change.text
    );
    assert_eq!(
        world.get("/api/v1/dead-letters").await.of_items("id").len(),
        1
    );
}
