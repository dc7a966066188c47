//! What operators can do with targets, silences and dead letters, and what is refused.

use std::time::Duration;

use ringdown::domain::allowance::Shortage;
use ringdown::domain::doubt::RunTimes;
use ringdown::domain::identity::TargetName;
use ringdown::store::Claim;
use serde_json::{Value, json};

use crate::admin::world::{DEAD, NOW, OPEN, OPERATOR, World};

const HOUR: Duration = Duration::from_secs(3600);

async fn claimed(world: &World) -> usize {
    let claim = Claim {
        target: &TargetName::new("servicenow"),
        owner: "test",
        limit: 100,
        after_lane: "",
        operations: &ringdown::domain::ticket::Operation::ALL,
        shortage: Shortage::None,
        runs_for: RunTimes::default(),
    };
    let claimed = world.store.claim(claim, world.clock.now(), HOUR).await;
    claimed.unwrap().len()
}

async fn actions(world: &World) -> Vec<String> {
    world.get("/api/v1/audit").await.of_items("action")
}

#[tokio::test]
async fn a_pause_is_in_force_at_once_and_a_second_person_is_told_who_paused() {
    let world = World::filled().await;
    let pause = json!({"reason": "release weekend", "for": "2h"}).to_string();
    let path = "/api/v1/targets/servicenow/pause";
    let paused = world.post(path, &pause).await;
    assert_eq!(paused.status, 200, "{}", paused.text);
    assert_eq!(paused.json()["pause"]["by"], "ops");
    let until = NOW.plus(2 * HOUR).in_milliseconds();
    assert_eq!(paused.json()["until"], until);
    assert_eq!(claimed(&world).await, 0);
    let second = world.post(path, &pause).await;
    second.is_problem(409);
    assert!(
        second.text.contains("by ops: release weekend"),
        "{}",
        second.text
    );
    let parked = world
        .get("/api/v1/deliveries?state=parked&target=servicenow")
        .await;
    let waits = parked.json()["items"][0]["waits_for"].clone();
    let waits = waits.as_str().unwrap().to_owned();
    assert!(
        waits.starts_with("until a person resumes servicenow"),
        "{waits}"
    );
    assert!(waits.contains("ends by itself"), "{waits}");
    let ready = world.get("/readyz").await.json();
    assert_eq!(ready["targets"]["servicenow"]["state"], "paused_by_person");
    // Its time is over: nobody has to act.
    world.clock.advance(2 * HOUR);
    let target = world.get("/api/v1/targets/servicenow").await;
    assert_eq!(target.json()["state"], "up");
    assert_eq!(claimed(&world).await, 1);
    world
        .post("/api/v1/targets/servicenow/resume", "")
        .await
        .is_problem(409);
    assert_eq!(actions(&world).await, ["target.pause"]);
}

#[tokio::test]
async fn a_pause_that_cannot_be_meant_is_refused() {
    let world = World::filled().await;
    for (path, body, status) in [
        ("servicenow/pause", json!({"reason": " "}), 400),
        (
            "servicenow/pause",
            json!({"reason": "x", "for": "soon"}),
            400,
        ),
        ("servicenow/pause", json!({"reason": "x", "for": "0s"}), 400),
        ("servicenow/pause", json!({"why": "x"}), 400),
        ("nosuch/pause", json!({"reason": "x"}), 404),
        ("nosuch/resume", json!({}), 404),
        ("servicenow/resume", json!({}), 409),
    ] {
        let path = format!("/api/v1/targets/{path}");
        world
            .post(&path, &body.to_string())
            .await
            .is_problem(status);
    }
    assert!(actions(&world).await.is_empty());
}

#[tokio::test]
async fn the_page_pauses_and_resumes_a_target_and_shows_a_test() {
    let world = World::filled().await;
    let cookie = world.sign_in(OPERATOR).await;
    let send = async |path: &str, body: &str| {
        let form = world.form(path, body).header("cookie", &cookie);
        world.send(form).await
    };
    let paused = send("/ui/targets/servicenow/pause", "reason=release+weekend").await;
    assert_eq!(paused.status, 303, "{}", paused.text);
    let page = world.page(&cookie, "/ui/targets?did=paused").await;
    for part in [
        "paused by person",
        "release weekend",
        "Only a person ends this",
    ] {
        assert!(page.text.contains(part), "{part}\n{}", page.text);
    }
    let tested = send("/ui/targets/servicenow/test", "").await;
    assert_eq!(tested.status, 200, "{}", tested.text);
    assert!(
        tested.text.contains("Test of servicenow"),
        "{}",
        tested.text
    );
    assert_eq!(send("/ui/targets/servicenow/resume", "").await.status, 303);
    let expected = ["target.resume", "target.test", "target.pause"];
    assert_eq!(actions(&world).await, expected);
}

#[tokio::test]
async fn of_two_people_who_replay_one_dead_letter_one_wins_and_the_other_is_told() {
    let world = World::filled().await;
    let id = world.get("/api/v1/dead-letters").await.of_items("id")[0].clone();
    let path = format!("/api/v1/dead-letters/{id}/replay");
    let (first, second) = tokio::join!(world.post(&path, ""), world.post(&path, ""));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let told = if first.status == 409 { first } else { second };
    told.is_problem(409);
    assert!(
        told.text
            .contains("only a dead letter or a parked delivery can be replayed"),
        "{}",
        told.text
    );
    assert_eq!(actions(&world).await, ["dead_letter.replay"]);
}

#[tokio::test]
async fn a_plan_says_what_would_come_of_a_replay_and_changes_nothing() {
    let world = World::filled().await;
    let id = world.get("/api/v1/dead-letters").await.of_items("id")[0].clone();
    for path in [
        "/api/v1/dead-letters/replay?plan=true".to_owned(),
        format!("/api/v1/dead-letters/{id}/replay?plan=true"),
    ] {
        let plan = world.post(&path, "").await;
        assert_eq!(plan.status, 200, "{}", plan.text);
        let plan = plan.json();
        assert_eq!(
            (&plan["count"], &plan["items"][0]["id"]),
            (&json!(1), &json!(id))
        );
        let why = plan["items"][0]["why"].as_str().unwrap();
        assert!(!why.is_empty());
        assert_eq!(plan["reasons"][0]["why"], why);
    }
    assert_eq!(world.get("/api/v1/dead-letters").await.of_items("id"), [id]);
    assert!(actions(&world).await.is_empty());
}

#[tokio::test]
async fn a_preview_says_what_a_silence_hits_and_makes_none() {
    let world = World::filled().await;
    let preview = async |matchers: &[&str]| {
        let body = json!({"match": matchers, "for": "2h", "reason": "a test"}).to_string();
        let answer = world.post("/api/v1/silences?dry_run=true", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let hit = preview(&["rule=queue-wait"]).await;
    assert_eq!(hit["hits"]["incidents"], 2, "{hit}");
    assert_eq!(hit["hits"]["with_ticket"], 1, "{hit}");
    let keys: Vec<&Value> = hit["hits"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["key"])
        .collect();
    assert!(keys.contains(&&json!("q-1")), "{hit}");
    let missed = preview(&["key=nigth-9999"]).await;
    assert_eq!(missed["hits"]["keys"], 0);
    let warning = missed["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("It hits nothing"), "{warning}");
    assert!(
        world
            .get("/api/v1/silences")
            .await
            .of_items("id")
            .is_empty()
    );
    assert!(actions(&world).await.is_empty());
}

#[tokio::test]
async fn a_silence_is_extended_while_it_lasts_and_shows_what_it_hits() {
    let world = World::filled().await;
    let body = json!({"match": ["rule=queue-wait"], "for": "2h", "reason": "a test"});
    let made = world
        .post("/api/v1/silences", &body.to_string())
        .await
        .json();
    let id = made["id"].as_str().unwrap();
    let listed = world.get("/api/v1/silences").await.json();
    assert_eq!(listed["items"][0]["hits_now"], 2, "{listed}");
    let path = format!("/api/v1/silences/{id}/extend");
    let extended = world.post(&path, "{\"for\":\"1h\"}").await;
    let ends = NOW.plus(3 * HOUR).in_milliseconds();
    assert_eq!(extended.json()["ends_at"], ends, "{}", extended.text);
    let earlier = json!({"ends_at": NOW.plus(HOUR).to_string()}).to_string();
    world.post(&path, &earlier).await.is_problem(409);
    world.post(&path, "{}").await.is_problem(400);
    world.clock.advance(4 * HOUR);
    world.post(&path, "{\"for\":\"9h\"}").await.is_problem(409);
    assert_eq!(actions(&world).await, ["silence.extend", "silence.create"]);
}

#[tokio::test]
async fn what_ended_a_silence_is_in_the_audit_log_with_its_matchers_as_a_list() {
    let world = World::filled().await;
    let body = json!({"match": ["rule=queue-wait", "key=q-1"], "for": "2h", "reason": "x"});
    let made = world
        .post("/api/v1/silences", &body.to_string())
        .await
        .json();
    let path = format!("/api/v1/silences/{}/expire", made["id"].as_str().unwrap());
    assert_eq!(world.post(&path, "").await.status, 200);
    let audit = world.get("/api/v1/audit").await.json();
    let expected = json!(["rule=queue-wait", "key=q-1"]);
    for entry in audit["items"].as_array().unwrap() {
        assert_eq!(entry["detail"]["match"], expected, "{entry}");
    }
}

#[tokio::test]
async fn an_incident_is_named_by_the_beginning_of_its_id_its_ticket_or_its_key() {
    let world = World::filled().await;
    let id = |answer: &crate::admin::world::Answer| answer.json()["id"].clone();
    let open = world.get(&format!("/api/v1/incidents/{OPEN}")).await;
    let number = open.json()["ticket"]["number"].as_str().unwrap().to_owned();
    for named in [number.as_str(), "q-1"] {
        let found = world.get(&format!("/api/v1/incidents/{named}")).await;
        assert_eq!(id(&found), OPEN, "{named}: {}", found.text);
    }
    // Every id of this store begins in the same way.
    let several = world.get("/api/v1/incidents/00000000-0000").await;
    several.is_problem(409);
    world.get("/api/v1/incidents/no-such").await.is_problem(404);
    let dead = world.get("/api/v1/incidents/q-2/timeline").await;
    assert_eq!(dead.status, 200, "{}", dead.text);
    assert_eq!(id(&world.get("/api/v1/incidents/q-2").await), DEAD);
}

#[tokio::test]
async fn an_event_is_found_by_its_number_or_by_its_senders_id() {
    let world = World::filled().await;
    for named in ["e-2", "2"] {
        let event = world.get(&format!("/api/v1/events/{named}")).await;
        assert_eq!(event.json()["event_id"], "e-2", "{}", event.text);
    }
    world.get("/api/v1/events/e-99").await.is_problem(404);
}

#[tokio::test]
async fn lists_take_several_states_and_refuse_what_is_misspelt() {
    let world = World::filled().await;
    let states = async |query: &str| {
        let path = format!("/api/v1/incidents?{query}");
        let mut states = world.get(&path).await.of_items("state");
        states.sort_unstable();
        states
    };
    assert_eq!(
        states("state=open,pending").await,
        ["open", "open", "pending"]
    );
    assert_eq!(states("state=closed&severity=high,low").await, ["closed"]);
    assert!(states("severity=critical").await.is_empty());
    let deliveries = world.get("/api/v1/deliveries?state=done,dead").await;
    assert_eq!(deliveries.of_items("state").len(), 2);
    let events = world.get("/api/v1/events?state=review,received").await;
    assert_eq!(events.of_items("event_id"), ["e-5", "e-4"]);
    for path in [
        "incidents?state=open,opened",
        "incidents?severity=bad",
        "incidents?rule=nosuch",
        "incidents?sort=oldest",
        "deliveries?rule=nosuch",
        "dead-letters?rule=nosuch",
        "locks?rule=nosuch",
    ] {
        world.get(&format!("/api/v1/{path}")).await.is_problem(400);
    }
    // Not configured any more, but there are incidents of it.
    let old = world.get("/api/v1/incidents?rule=trunk-down").await;
    assert_eq!(old.of_items("id").len(), 2);
}

#[tokio::test]
async fn the_worst_come_first_page_by_page() {
    let world = World::filled().await;
    let all = world.get("/api/v1/incidents?sort=worst").await;
    let ids = all.of_items("id");
    assert_eq!(ids.len(), 3, "{}", all.text);
    assert!(all.json()["items"][0]["name"].is_string());
    let first = world.get("/api/v1/incidents?sort=worst&limit=2").await;
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/incidents?sort=worst&limit=2&cursor={next}");
    let second = world.get(&path).await;
    assert_eq!(first.of_items("id").len(), 2);
    assert_eq!(second.of_items("id").len(), 1);
    assert_eq!(second.json()["next"], Value::Null);
}
