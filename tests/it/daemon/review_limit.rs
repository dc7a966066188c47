//! A source that floods with events that are not understood: what waits for a person stays
//! bounded, and other sources' items stay.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::postgres::store_on_postgres;
use crate::support::world::{TOKEN, World, event};

const LIMIT: usize = 20;

const SOURCES: &str = r#"
[sources.genesys]
max_review_items = 20
[sources.other]
format = "genesys"
max_review_items = 20
auth = [{ type = "bearer", secret = { env = "WEBHOOK_TOKEN" } }]
"#;

/// A running daemon with those sources.
async fn limited() -> World {
    let mut world = World::unstarted(&(SOURCES.to_owned() + &store_on_postgres().await)).await;
    world.start().await;
    world
}

/// Sends `events` to `source`.
async fn send(world: &World, source: &str, events: Vec<Value>) {
    let answer = world
        .client
        .post(format!("{}/webhooks/{source}", world.public))
        .bearer_auth(TOKEN)
        .json(&events)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

fn unknown(id: String) -> Value {
    json!({ "id": id, "nothing": "known" })
}

fn without_metrics(id: String) -> Value {
    json!({ "id": id, "type": "telephony.queue.waiting", "queue": 7 })
}

/// The ids of the events that wait for a person.
async fn waiting(world: &World, source: &str) -> Vec<String> {
    let items = world
        .items(&format!("review?source={source}&limit=500"))
        .await;
    let ids = items.iter().map(|one| one["event_id"].as_str().unwrap());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_flood_of_misfits_drops_the_oldest_of_its_own_kind_and_nothing_of_another_source() {
    let world = limited().await;
    send(&world, "other", vec![unknown("other-1".into())]).await;
    let rare = (0..3).map(|n| without_metrics(format!("rare-{n}")));
    send(&world, "genesys", rare.collect()).await;
    let flood = (0..1_500).map(|n| unknown(format!("flood-{n:04}")));
    send(&world, "genesys", flood.collect()).await;
    world
        .until("the items are within the limit", async || {
            waiting(&world, "genesys").await.len() <= LIMIT
        })
        .await;
    let newest = (1_500 - LIMIT + 3..1_500).map(|n| format!("flood-{n:04}"));
    let rare = (0..3).map(|n| format!("rare-{n}"));
    let expected: Vec<String> = newest.chain(rare).collect();
    assert_eq!(waiting(&world, "genesys").await, expected);
    assert_eq!(waiting(&world, "other").await, ["other-1"]);
    let dropped = 1_500 + 3 - LIMIT;
    let told = world.api("review?source=genesys").await;
    assert_eq!(told["dropped"][0]["dropped"], dropped, "{told}");
    let line = format!("ringdown_review_items_dropped_total{{source=\"genesys\"}} {dropped}");
    let metrics = world.metrics().await;
    assert!(metrics.contains(&line), "{metrics}");
    let mut command = world.command(&["review"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let shown = String::from_utf8(output.await.unwrap().stdout).unwrap();
    assert!(
        shown.contains(&format!("{dropped} older items of genesys")),
        "{shown}"
    );
    assert_eq!(
        world.log().matches("max_review_items were dropped").count(),
        1
    );
}

#[tokio::test]
async fn a_flood_of_ever_new_reasons_stays_bounded_and_the_reason_is_not_kept_at_any_length() {
    let world = limited().await;
    send(&world, "other", vec![unknown("other-1".into())]).await;
    let flood = (0..200).map(|n| {
        let name = format!("{n}-{}", "x".repeat(1_000));
        json!({ "id": format!("flood-{n:04}"), (name): 1 })
    });
    send(&world, "genesys", flood.collect()).await;
    world
        .until("the items are within the limit", async || {
            waiting(&world, "genesys").await.len() == LIMIT
        })
        .await;
    assert_eq!(waiting(&world, "other").await, ["other-1"]);
    for item in world.items("review?source=genesys").await {
        let reason = item["reason"].as_str().unwrap();
        assert!(reason.chars().count() <= 500, "{reason}");
    }
}

#[tokio::test]
async fn a_review_item_that_nobody_settles_does_not_keep_its_event_for_ever() {
    let mut world = World::new().await;
    send(&world, "genesys", vec![unknown("old".into())]).await;
    assert_eq!(waiting(&world, "genesys").await, ["old"]);
    // What is not decided yet is never deleted, and events are decided in their order.
    world.accept(&event("later", "q1", 100.0)).await;
    world
        .until("both events are decided", async || {
            !world.items("events?state=decided").await.is_empty()
        })
        .await;
    assert!(world.daemon.terminate());
    let old_soon = "[store]\nretention = \"1ms\"\n";
    std::fs::write(world.folder.path().join("more.toml"), old_soon).unwrap();
    world.start().await;
    world
        .until("the event is deleted", async || {
            world.items("events").await.is_empty()
        })
        .await;
    assert!(waiting(&world, "genesys").await.is_empty());
}
