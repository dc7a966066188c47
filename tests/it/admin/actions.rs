//! What operators change, and that every change is in the audit log.

use std::time::Duration;

use ringdown::domain::allowance::Shortage;
use ringdown::domain::doubt::RunTimes;
use ringdown::domain::identity::TargetName;
use ringdown::domain::ticket::Operation;
use ringdown::store::{Claim, DecisionBatch};
use serde_json::{Value, json};

use crate::admin::values::{delivery, event, incident, kept, refused};
use crate::admin::world::{DEAD, NOW, OPEN, World};

async fn dead_letter_id(world: &World) -> String {
    world.get("/api/v1/dead-letters").await.of_items("id")[0].clone()
}

async fn audit(world: &World) -> Vec<Value> {
    let audit = world.get("/api/v1/audit").await.json();
    audit["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn g12_a_replayed_dead_letter_is_owed_afresh_and_still_looked_up_first() {
    let world = World::filled().await;
    let id = dead_letter_id(&world).await;
    let answer = world
        .post(&format!("/api/v1/dead-letters/{id}/replay"), "")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let delivery = answer.json();
    assert_eq!(delivery["state"], "waiting");
    assert_eq!(delivery["attempts"], 1, "the tries are counted on");
    assert_eq!(delivery["next_attempt_at"], NOW.in_milliseconds());
    assert_eq!(delivery["settled_at"], Value::Null);
    let claim = Claim {
        target: &TargetName::new("salesforce"),
        owner: "test",
        limit: 10,
        after_lane: "",
        operations: &ringdown::domain::ticket::Operation::ALL,
        shortage: Shortage::None,
        runs_for: RunTimes::default(),
    };
    let claimed = world
        .store
        .claim(claim, NOW, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(claimed.len(), 1, "the update waits for its create");
    assert_eq!(claimed[0].id.to_string(), id);
    assert!(claimed[0].in_doubt);

    let entries = audit(&world).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["actor"], "ops");
    assert_eq!(entries[0]["action"], "dead_letter.replay");
    assert_eq!(entries[0]["subject"], format!("dead-letters/{id}"));
    assert_eq!(entries[0]["detail"]["incident_id"], DEAD);
    assert_eq!(entries[0]["at"], NOW.in_milliseconds());
    let story = world.get(&format!("/api/v1/incidents/{DEAD}")).await.json();
    let last = story["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["what"], "create is to be tried again");
    assert_eq!(last["cause"], "by ops");
}

#[tokio::test]
async fn only_a_dead_letter_can_be_replayed_or_discarded() {
    let world = World::filled().await;
    let id = dead_letter_id(&world).await;
    world
        .post(&format!("/api/v1/dead-letters/{id}/replay"), "")
        .await;
    for action in ["replay", "discard"] {
        let again = world
            .post(&format!("/api/v1/dead-letters/{id}/{action}"), "")
            .await;
        again.is_problem(409);
        assert!(again.text.contains("waiting"), "{}", again.text);
        for unknown in ["99", "x"] {
            let path = format!("/api/v1/dead-letters/{unknown}/{action}");
            world.post(&path, "").await.is_problem(404);
        }
    }
    assert_eq!(
        audit(&world).await.len(),
        1,
        "what was refused is not noted as done"
    );
}

#[tokio::test]
async fn discarding_a_create_discards_what_else_was_owed_to_its_ticket() {
    let world = World::filled().await;
    world.refuse_for_certain("salesforce").await;
    let id = dead_letter_id(&world).await;
    let answer = world
        .post(&format!("/api/v1/dead-letters/{id}/discard"), "")
        .await;
    assert_eq!(answer.json()["state"], "discarded");
    let owed = world.get("/api/v1/deliveries?target=salesforce").await;
    assert_eq!(owed.of_items("state"), ["discarded", "discarded"]);
    let others = world.get("/api/v1/deliveries?target=servicenow").await;
    assert_eq!(others.of_items("state"), ["waiting", "done"]);
    let entry = &audit(&world).await[0];
    assert_eq!(entry["action"], "dead_letter.discard");
    assert_eq!(
        entry["detail"]["discarded_with_it"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// A second incident with a dead update at ServiceNow, beside the dead create at Salesforce.
async fn with_a_dead_update() -> World {
    let world = World::filled().await;
    world.settle("servicenow", OPEN, refused()).await;
    assert_eq!(
        world.get("/api/v1/dead-letters").await.of_items("id").len(),
        2
    );
    world
}

#[tokio::test]
async fn dead_letters_are_replayed_in_bulk_by_filter_from_the_body_or_the_query() {
    let world = with_a_dead_update().await;
    let bulk = "/api/v1/dead-letters/replay";
    for (path, body, replayed) in [
        (bulk.to_owned(), r#"{"target":"nobody"}"#, 0),
        (format!("{bulk}?kind=network_failure"), "", 0),
        (
            bulk.to_owned(),
            r#"{"target":"servicenow","operation":"create"}"#,
            0,
        ),
        (
            bulk.to_owned(),
            r#"{"target":"servicenow","kind":"integration_failure"}"#,
            1,
        ),
        (format!("{bulk}?operation=create"), "", 1),
        (bulk.to_owned(), "{}", 0),
    ] {
        let answer = world.post(&path, body).await;
        assert_eq!(
            answer.json(),
            json!({ "replayed": replayed }),
            "{path} {body}"
        );
    }
    assert!(
        world
            .get("/api/v1/dead-letters")
            .await
            .of_items("id")
            .is_empty()
    );
    let entries = audit(&world).await;
    assert_eq!(entries.len(), 6);
    assert_eq!(entries[2]["subject"], "dead-letters");
    assert_eq!(entries[2]["detail"]["count"], 1);
    assert_eq!(
        entries[2]["detail"]["filter"],
        json!({ "target": "servicenow", "kind": "integration_failure" })
    );
}

#[tokio::test]
async fn everything_is_replayed_when_no_filter_is_given() {
    let world = with_a_dead_update().await;
    let answer = world.post("/api/v1/dead-letters/replay", "").await;
    assert_eq!(answer.json(), json!({ "replayed": 2 }));
}

#[tokio::test]
async fn discarding_in_bulk_needs_a_filter_or_the_word_all() {
    let world = with_a_dead_update().await;
    world.refuse_for_certain("salesforce").await;
    let bulk = "/api/v1/dead-letters/discard";
    for body in [
        "",
        "{}",
        r#"{"all":false}"#,
        r#"{"all":"yes"}"#,
        r#"{"tragte":"servicenow"}"#,
    ] {
        world.post(bulk, body).await.is_problem(400);
    }
    for body in ["[]", "{", r#"{"target":1}"#, r#"{"target":"a","kind":"b"}"#] {
        world.post(bulk, body).await.is_problem(400);
    }
    let twice = format!("{bulk}?target=salesforce");
    world
        .post(&twice, r#"{"target":"servicenow"}"#)
        .await
        .is_problem(400);
    assert_eq!(
        world.get("/api/v1/dead-letters").await.of_items("id").len(),
        2
    );
    let one = world.post(bulk, r#"{"target":"servicenow"}"#).await;
    assert_eq!(one.json(), json!({ "discarded": 1 }));
    let rest = world.post(bulk, r#"{"all":true}"#).await;
    assert_eq!(
        rest.json(),
        json!({ "discarded": 2 }),
        "the create and the update behind it"
    );
}

#[tokio::test]
async fn a_thousand_dead_letters_are_replayed_at_once() {
    let world = World::empty().await;
    let ids: Vec<String> = (0..1200).map(|n| format!("i-{n:04}")).collect();
    world
        .keep(DecisionBatch {
            decided_at: NOW,
            incidents: ids
                .iter()
                .map(|id| kept(incident(id, "queue-wait", id, NOW), "genesys", "servicenow"))
                .collect(),
            deliveries: ids
                .iter()
                .map(|id| delivery(id, "servicenow", Operation::Create, "e-1"))
                .collect(),
            ..DecisionBatch::default()
        })
        .await;
    let claim = Claim {
        target: &TargetName::new("servicenow"),
        owner: "test",
        limit: 5000,
        after_lane: "",
        operations: &ringdown::domain::ticket::Operation::ALL,
        shortage: Shortage::None,
        runs_for: RunTimes::default(),
    };
    for claimed in world
        .store
        .claim(claim, NOW, Duration::from_secs(30))
        .await
        .unwrap()
    {
        world
            .store
            .record_result(&claimed, "test", &refused(), NOW)
            .await
            .unwrap();
    }
    let answer = world.post("/api/v1/dead-letters/replay", "").await;
    assert_eq!(answer.json(), json!({ "replayed": 1200 }));
    let entry = &audit(&world).await[0];
    assert_eq!(entry["detail"]["count"], 1200);
}

#[tokio::test]
async fn a_reprocessed_review_item_goes_the_way_of_every_event_once() {
    let world = World::filled().await;
    let id = world.get("/api/v1/review").await.of_items("id")[0].clone();
    let path = format!("/api/v1/review/{id}/reprocess");
    let answer = world.post(&path, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["state"], "reprocessed");
    assert_eq!(answer.json()["settled_at"], NOW.in_milliseconds());
    let undecided = world.get("/api/v1/events?state=received").await;
    assert_eq!(undecided.of_items("event_id"), ["e-4", "e-5"]);
    world.post(&path, "").await.is_problem(409);
    world
        .post("/api/v1/review/99/reprocess", "")
        .await
        .is_problem(404);
    assert!(world.get("/api/v1/review").await.of_items("id").is_empty());
    let entries = audit(&world).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["action"], "review.reprocess");
    assert_eq!(entries[0]["subject"], format!("review/{id}"));
    assert_eq!(entries[0]["detail"]["event_id"], "e-4");
}

#[tokio::test]
async fn a_discarded_review_item_is_not_tried_again() {
    let world = World::filled().await;
    let id = world.get("/api/v1/review").await.of_items("id")[0].clone();
    let answer = world
        .post(&format!("/api/v1/review/{id}/discard"), "")
        .await;
    assert_eq!(answer.json()["state"], "discarded");
    let undecided = world.get("/api/v1/events?state=received").await;
    assert_eq!(undecided.of_items("event_id"), ["e-5"]);
    let discarded = world.get("/api/v1/review?state=discarded").await;
    assert_eq!(discarded.of_items("event_id"), ["e-4"]);
}

#[tokio::test]
async fn review_items_with_equal_reasons_are_one_group_that_can_be_settled() {
    let world = World::filled().await;
    let misfits = ["m-1", "m-2", "m-3"].map(|id| ringdown::store::NewEvent {
        review: Some("not understood".into()),
        ..event("genesys", id, NOW)
    });
    world.append(misfits.to_vec()).await;
    let groups = world.get("/api/v1/review?group=reason").await.json();
    let first = &groups["items"][0];
    assert_eq!(groups["items"].as_array().unwrap().len(), 2, "{groups}");
    assert_eq!(
        (&first["count"], &first["reason"], &first["source"]),
        (&json!(3), &json!("not understood"), &json!("genesys"))
    );
    let like = first["example"].as_str().unwrap();
    let body = json!({ "like": like }).to_string();
    let answer = world.post("/api/v1/review/discard", &body).await;
    assert_eq!(answer.json(), json!({ "discarded": 3 }));
    let rest = world.get("/api/v1/review?group=reason").await;
    assert_eq!(rest.of_items("source"), ["feed"]);
}

#[tokio::test]
async fn review_items_are_settled_in_bulk_in_the_order_of_the_journal() {
    let world = World::filled().await;
    let misfits = ["m-1", "m-2", "m-3"].map(|id| ringdown::store::NewEvent {
        review: Some("not understood".into()),
        ..event("genesys", id, NOW)
    });
    world.append(misfits.to_vec()).await;
    let bulk = "/api/v1/review/reprocess";
    let answer = world.post(bulk, r#"{"source":"genesys"}"#).await;
    assert_eq!(answer.json(), json!({ "reprocessed": 3 }));
    let undecided = world.get("/api/v1/events?state=received").await;
    assert_eq!(undecided.of_items("event_id"), ["m-3", "m-2", "m-1", "e-5"]);
    world
        .post(bulk, r#"{"state":"discarded"}"#)
        .await
        .is_problem(400);
    world
        .post("/api/v1/review/discard", "")
        .await
        .is_problem(400);
    let rest = world
        .post("/api/v1/review/discard", r#"{"all":true}"#)
        .await;
    assert_eq!(rest.json(), json!({ "discarded": 1 }));
    let actions: Vec<Value> = audit(&world)
        .await
        .iter()
        .map(|e| e["action"].clone())
        .collect();
    assert_eq!(
        actions,
        ["review.discard", "review.reprocess"],
        "newest first"
    );
}
