//! The whole story of one incident, read back by API and command line.

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::Value;

use crate::support::world::{World, event};

/// Every page of a timeline, of so many entries each.
async fn timeline(world: &World, id: &str, limit: usize) -> Vec<Value> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("incidents/{id}/timeline?limit={limit}{cursor}");
        let page = world.api(&path).await;
        entries.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return entries,
        }
    }
}

/// What happened, in order; a run with its count.
fn story(entries: &[Value]) -> Vec<String> {
    let told = |one: &Value| match one["count"].as_u64() {
        Some(count) => format!("{} ×{count}", one["what"].as_str().unwrap()),
        None => one["what"].as_str().unwrap().to_owned(),
    };
    entries.iter().map(told).collect()
}

fn place(story: &[String], what: &str) -> usize {
    let found = story.iter().position(|one| one == what);
    assert!(found.is_some(), "{what:?} is not told: {story:#?}");
    found.unwrap()
}

/// A daemon that has seen five breaches, a create whose answer was lost, and the recovery; and
/// the incident.
async fn after_a_lost_answer() -> (World, Value) {
    let mut world = World::unstarted("[rules.queue-wait]\nclear_for = \"1s\"\n").await;
    world.start().await;
    let once = Trigger::Next { count: 1 };
    let lost = Fault::new(FaultKind::CutAfterCommit, once).on_method("PATCH");
    world.simulator.salesforce().add_fault(lost);
    for number in 1..=5 {
        let breach = event(&format!("evt-{number}"), "q1", 400.0);
        world.accept(&breach).await;
    }
    world.all_delivered().await;
    world.accept(&event("evt-6", "q1", 100.0)).await;
    world
        .until("it has recovered", async || {
            world.items("incidents?state=closed").await.len() == 1
        })
        .await;
    world.all_delivered().await;
    let incident = world.items("incidents").await.remove(0);
    (world, incident)
}

#[tokio::test]
async fn a_lost_answer_its_retry_and_the_recovery_are_told_from_beginning_to_end() {
    let (world, incident) = after_a_lost_answer().await;
    let entries = timeline(&world, incident["id"].as_str().unwrap(), 500).await;
    let story = story(&entries);
    let mut last = 0;
    for what in [
        "opened",
        "ticket to be created",
        "create failed",
        "ticket created",
        "clearing ×1",
        "recovered",
        "closed",
        "resolution written",
    ] {
        let at = place(&story, what);
        assert!(at >= last, "{what:?} is told too early: {story:#?}");
        last = at;
    }
    let entry = |what: &str| &entries[place(&story, what)];
    let cause = |what: &str| entry(what)["cause"].as_str().unwrap();
    assert_eq!(entry("opened")["event_id"], "evt-1");
    let run = entry("active_incident ×4");
    assert_eq!(run["event_id"], "evt-2");
    assert_eq!(run["last_event_id"], "evt-5");
    let failed = cause("create failed");
    assert!(failed.contains("network_failure"), "{failed}");
    assert!(failed.contains("looked up first"), "{failed}");
    let delivered = cause("ticket created");
    let looked_up = delivered.contains("attempt 2, looked up before sending");
    assert!(looked_up, "{delivered}");
    assert_eq!(
        entry("ticket created")["delivery_id"],
        entry("create failed")["delivery_id"]
    );
    assert!(cause("recovered").starts_with("clear since"));
}

#[tokio::test]
async fn page_by_page_and_on_the_command_line_the_story_is_the_same() {
    let (world, incident) = after_a_lost_answer().await;
    let id = incident["id"].as_str().unwrap();
    let entries = timeline(&world, id, 500).await;
    for limit in [1, 2, 3] {
        assert_eq!(timeline(&world, id, limit).await, entries, "limit {limit}");
    }
    let number = incident["ticket"]["number"].as_str().unwrap();
    for named in [id, number, "q1"] {
        let shown = world.command(&["incidents", "show", named]).output();
        let text = String::from_utf8(shown.unwrap().stdout).unwrap();
        for part in [
            id,
            number,
            "queue.waitTime.avg",
            "network_failure",
            "recovered",
            "×4",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
    let shown = ["incidents", "show", number, "--output", "json"];
    let shown = world.command(&shown).output().unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["timeline"].as_array().unwrap(), &entries);
}

#[tokio::test]
async fn a_key_that_is_two_incidents_is_not_guessed() {
    let mut world = World::unstarted("[rules.queue-wait]\nburst_lock = \"0s\"\n").await;
    world.start().await;
    for (id, average) in [("a", 400.0), ("b", 100.0), ("c", 400.0), ("d", 100.0)] {
        world.accept(&event(id, "q1", average)).await;
    }
    world
        .until("both are over", async || {
            world.items("incidents?state=closed").await.len() == 2
        })
        .await;
    let shown = world
        .command(&["incidents", "show", "q1"])
        .output()
        .unwrap();
    assert_eq!(shown.status.code(), Some(1));
    let said = String::from_utf8(shown.stderr).unwrap();
    for incident in world.items("incidents").await {
        assert!(said.contains(incident["id"].as_str().unwrap()), "{said}");
    }
    let none = world
        .command(&["incidents", "show", "nowhere"])
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(1));
    let missing = world.api("incidents/nowhere/timeline").await;
    assert_eq!(missing["status"], 404, "{missing}");
}
