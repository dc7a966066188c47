//! Silences over HTTP: made, listed, ended, refused.

use std::time::Duration;

use ringdown::domain::silence::Matcher;
use ringdown::rules::{Repetition, Schedule, wall_clock, zone};
use ringdown::settings::MaintenanceSettings;
use ringdown::store::DecisionBatch;
use serde_json::{Value, json};

use crate::admin::values::{incident, kept};
use crate::admin::world::{NOW, PENDING, VIEWER, World};

const HOUR: Duration = Duration::from_secs(3600);

fn wanted(more: &Value) -> String {
    let mut body = json!({"match": ["rule=queue-wait"], "for": "2h", "reason": "a new trunk"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

async fn create(world: &World, more: Value) -> Value {
    let answer = world.post("/api/v1/silences", &wanted(&more)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn a_silence_is_made_shown_and_ended_by_whom_the_token_says() {
    let world = World::empty().await;
    let made = create(&world, json!({"match": ["rule=queue-wait", "key=~B.*"]})).await;
    assert_eq!(made["state"], "active");
    assert_eq!(made["match"], json!(["rule=queue-wait", "key=~B.*"]));
    assert_eq!(made["author"], "ops");
    assert_eq!(made["starts_at"], NOW.in_milliseconds());
    assert_eq!(made["ends_at"], NOW.plus(2 * HOUR).in_milliseconds());
    let id = made["id"].as_str().unwrap();
    let shown = world.get(&format!("/api/v1/silences/{id}")).await;
    assert_eq!(shown.json(), made);

    world.clock.advance(HOUR);
    let ended = world
        .post(&format!("/api/v1/silences/{id}/expire"), "")
        .await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    assert_eq!(ended.json()["state"], "expired");
    assert_eq!(ended.json()["ends_at"], NOW.plus(HOUR).in_milliseconds());
    assert_eq!(ended.json()["expired_by"], "ops");
    let again = format!("/api/v1/silences/{id}/expire");
    world.post(&again, "").await.is_problem(409);

    let audit = world.get("/api/v1/audit").await.json();
    let entries = audit["items"].as_array().unwrap();
    let actions: Vec<&str> = entries
        .iter()
        .map(|one| one["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["silence.expire", "silence.create"]);
    assert_eq!(entries[1]["subject"], format!("silences/{id}"));
    assert_eq!(entries[1]["actor"], "ops");
    assert_eq!(entries[1]["detail"]["reason"], "a new trunk");
}

#[tokio::test]
async fn the_list_goes_page_by_page_and_by_state() {
    let world = World::empty().await;
    let first = create(&world, json!({})).await;
    let later = json!({"starts_at": NOW.plus(HOUR).to_string()});
    create(&world, later).await;
    create(&world, json!({"for": "10m"})).await;
    let ids = |path: &'static str| async { world.get(path).await.of_items("id") };
    assert_eq!(ids("/api/v1/silences").await.len(), 3);
    assert_eq!(ids("/api/v1/silences?state=active").await.len(), 2);
    assert_eq!(ids("/api/v1/silences?state=pending").await.len(), 1);
    assert_eq!(ids("/api/v1/silences?state=expired").await.len(), 0);
    world.clock.advance(HOUR);
    assert_eq!(ids("/api/v1/silences?state=active").await.len(), 2);
    assert_eq!(ids("/api/v1/silences?state=pending").await.len(), 0);
    assert_eq!(ids("/api/v1/silences?state=expired").await.len(), 1);

    let page = world.get("/api/v1/silences?limit=2").await.json();
    let next = page["next"].as_str().unwrap();
    let path = format!("/api/v1/silences?limit=2&cursor={next}");
    let rest = world.get(&path).await;
    assert_eq!(rest.of_items("id"), [first["id"].as_str().unwrap()]);
    assert_eq!(rest.json()["next"], Value::Null);
    world
        .get("/api/v1/silences?state=open")
        .await
        .is_problem(400);
    world
        .get("/api/v1/silences?rule=queue-wait")
        .await
        .is_problem(400);
    world.get("/api/v1/silences/99").await.is_problem(404);
    world.get("/api/v1/silences/x").await.is_problem(404);
}

#[tokio::test]
async fn what_is_no_silence_is_refused_and_said_why() {
    let world = World::empty().await;
    let past = NOW.minus(HOUR).to_string();
    for (more, says) in [
        (json!({"match": []}), "match is empty"),
        (json!({"match": ["queue-wait"]}), "not a matcher"),
        (json!({"match": ["queue=q1"]}), "source, rule, key"),
        (json!({"match": ["key=~("]}), "regular expression"),
        (json!({"match": vec!["key=q"; 17]}), "at most 16"),
        (
            json!({"match": ["rule=queue-wiat"]}),
            "no rule \\\"queue-wiat\\\"; there are queue-wait",
        ),
        (json!({"match": ["source=genesis"]}), "no source"),
        (json!({"match": ["key=q\u{0}"]}), "NUL"),
        (json!({"match": "rule=queue-wait"}), "not a silence"),
        (json!({"reason": " "}), "reason"),
        (json!({"reason": "x".repeat(1001)}), "reason"),
        (json!({"for": "soon"}), "no duration"),
        (json!({"for": "0s"}), "before it starts"),
        (json!({"for": "9000h"}), "a year at most"),
        (json!({"for": null}), "either ends_at, or"),
        (
            json!({"ends_at": NOW.plus(HOUR).to_string()}),
            "either ends_at, or",
        ),
        (json!({"for": null, "ends_at": "tomorrow"}), "RFC 3339"),
        (json!({"for": null, "ends_at": past}), "before it starts"),
        (json!({"for": "10m", "starts_at": past}), "over already"),
        (json!({"author": "somebody else"}), "unknown field"),
    ] {
        let answer = world.post("/api/v1/silences", &wanted(&more)).await;
        answer.is_problem(400);
        assert!(answer.text.contains(says), "{more}: {}", answer.text);
    }
    for body in ["", "[]", "{\"match\":", "null"] {
        world.post("/api/v1/silences", body).await.is_problem(400);
    }
    assert_eq!(world.get("/api/v1/silences").await.of_items("id").len(), 0);
    let request = world.request(reqwest::Method::POST, "/api/v1/silences");
    let request = request.bearer_auth(VIEWER).body(wanted(&json!({})));
    world.send(request).await.is_problem(403);
}

#[tokio::test]
async fn more_than_a_thousand_at_once_are_refused_until_some_are_over() {
    let world = World::empty().await;
    for _ in 0..1000 {
        create(&world, json!({})).await;
    }
    let answer = world.post("/api/v1/silences", &wanted(&json!({}))).await;
    answer.is_problem(409);
    world.clock.advance(3 * HOUR);
    create(&world, json!({})).await;
}

#[tokio::test]
async fn a_pending_incident_says_what_it_waits_for_and_ending_a_silence_makes_it_due() {
    let world = World::filled().await;
    let waits = |incident: Value| incident["waits"].clone();
    let filled = world.get(&format!("/api/v1/incidents/{PENDING}")).await;
    assert_eq!(waits(filled.json())["for"], "pending");
    let made = create(&world, json!({})).await;
    let id = made["id"].as_str().unwrap();
    let mut silenced = incident(PENDING, "queue-wait", "q-silent", NOW);
    silenced.silence = Some(ringdown::domain::silence::Mute {
        by: format!("silence {id}"),
        until: NOW.plus(2 * HOUR),
    });
    let deciding = world.deciding().await;
    let batch = DecisionBatch {
        incidents: vec![kept(silenced, "genesys", "servicenow")],
        ..DecisionBatch::default()
    };
    deciding
        .commit(&batch, |one| one.silence.as_ref().map(|cover| cover.until))
        .await
        .unwrap();
    let shown = world.get(&format!("/api/v1/incidents/{PENDING}")).await;
    let expected = json!({"for": "silenced", "by": format!("silence {id}"),
        "until": NOW.plus(2 * HOUR).in_milliseconds()});
    assert_eq!(waits(shown.json()), expected);
    let listed = world.get("/api/v1/incidents?state=pending").await.json();
    assert_eq!(waits(listed["items"][0].clone()), expected);
    let open = world.get("/api/v1/incidents?state=open").await.json();
    assert_eq!(waits(open["items"][0].clone()), Value::Null);

    world.clock.advance(HOUR);
    let path = format!("/api/v1/silences/{id}/expire");
    assert_eq!(world.post(&path, "").await.status, 200);
    assert!(world.store.next_due().await.unwrap().unwrap() <= NOW.plus(HOUR));
}

/// A window of three hours by `pattern`, or of one that is over for good.
fn window(pattern: Option<&str>) -> MaintenanceSettings {
    let utc = zone("UTC").unwrap();
    let repetition = match pattern {
        Some(pattern) => Repetition::cron(pattern),
        None => {
            let starts = wall_clock("2020-01-01T00:00:00").unwrap();
            Repetition::recurrence("FREQ=DAILY;COUNT=1", starts, &utc)
        }
    };
    MaintenanceSettings {
        matchers: vec![Matcher::parse("rule=queue-wait").unwrap()],
        schedule: Schedule::new(repetition.unwrap(), 3 * HOUR, utc),
        reason: pattern.map(|_| "the carrier's window".to_owned()),
    }
}

#[tokio::test]
async fn windows_of_the_configuration_are_listed_with_when_they_are_and_cannot_be_ended() {
    // It is 14:07:30 on a Monday.
    assert_eq!(NOW.to_string(), "2026-11-23T14:07:30Z");
    let windows = [
        ("carrier", window(Some("0 13 * * MON"))),
        ("night", window(Some("0 2 * * SUN"))),
        ("once", window(None)),
    ];
    let windows = windows.map(|(name, window)| (name.to_owned(), window));
    let world = World::with_windows(windows.into()).await;
    let made = create(&world, json!({})).await;
    assert_eq!(made["read_only"], false);

    let list = world.get("/api/v1/silences").await;
    let made_id = made["id"].as_str().unwrap();
    let ids = [
        "maintenance:carrier",
        "maintenance:night",
        "maintenance:once",
        made_id,
    ];
    assert_eq!(list.of_items("id"), ids);
    assert_eq!(
        list.of_items("state"),
        ["active", "pending", "expired", "active"]
    );
    let items = list.json()["items"].clone();
    let expected = json!({
        "id": "maintenance:carrier", "state": "active", "match": ["rule=queue-wait"],
        "starts_at": "2026-11-23T13:00:00.000Z", "ends_at": "2026-11-23T16:00:00.000Z",
        "author": "configuration", "reason": "the carrier's window", "created_at": null,
        "expired_by": null, "read_only": true,
    });
    assert_eq!(items[0], expected);
    assert_eq!(items[1]["starts_at"], "2026-11-29T02:00:00.000Z");
    assert_eq!(items[2]["starts_at"], Value::Null);
    let shown = world.get("/api/v1/silences/maintenance:carrier").await;
    assert_eq!(shown.json(), expected);
    let unknown = world.get("/api/v1/silences/maintenance:carier").await;
    unknown.is_problem(404);

    for id in ["maintenance:carrier", "carrier"] {
        let path = format!("/api/v1/silences/{id}/expire");
        let refused = world.post(&path, "").await;
        refused.is_problem(409);
        let says = "carrier is a maintenance window of the configuration";
        assert!(refused.text.contains(says), "{}", refused.text);
    }
    assert_eq!(world.get("/api/v1/audit").await.of_items("action").len(), 1);
    world.clock.advance(2 * HOUR);
    let later = world.get("/api/v1/silences/maintenance:carrier").await;
    assert_eq!(later.json()["state"], "pending");
    assert_eq!(later.json()["starts_at"], "2026-11-30T13:00:00.000Z");
}

#[tokio::test]
async fn windows_are_on_the_pages_before_what_people_made() {
    let windows = ["a", "b", "c"].map(|name| (name.to_owned(), window(Some("0 13 * * MON"))));
    let world = World::with_windows(windows.into()).await;
    let mut expected: Vec<String> = ["a", "b", "c"]
        .map(|one| format!("maintenance:{one}"))
        .into();
    for limit in 1..=7 {
        let mut found = Vec::new();
        let mut path = format!("/api/v1/silences?limit={limit}");
        loop {
            let page = world.get(&path).await;
            let ids = page.of_items("id");
            assert!((1..=limit).contains(&ids.len()), "{limit}: {ids:?}");
            found.extend(ids);
            let Some(next) = page.json()["next"].as_str().map(str::to_owned) else {
                break;
            };
            path = format!("/api/v1/silences?limit={limit}&cursor={next}");
        }
        assert_eq!(found, expected, "{limit}");
        // The newest of those that people made comes right behind the windows.
        let made = create(&world, json!({})).await;
        expected.insert(3, made["id"].as_str().unwrap().to_owned());
    }
    let active = world.get("/api/v1/silences?state=active&limit=500").await;
    assert_eq!(active.of_items("id").len(), expected.len());
    let pending = world.get("/api/v1/silences?state=pending").await;
    assert!(pending.of_items("id").is_empty());
    let since = world
        .get("/api/v1/silences?since=2020-01-01T00:00:00Z")
        .await;
    assert_eq!(since.of_items("id").len(), 7, "windows were not made");
}
