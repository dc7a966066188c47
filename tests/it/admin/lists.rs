//! Lists page by page, every filter, and single items with what is known about them.

use ringdown::store::DecisionBatch;
use serde_json::{Value, json};

use crate::admin::values::{ago, event};
use crate::admin::world::{CLOSED, DEAD, NOW, OPEN, PENDING, World};

#[tokio::test]
async fn a_list_is_paged_newest_first_and_new_events_move_nobodys_place() {
    let world = World::empty().await;
    let events = (0..7).map(|n| event("genesys", &format!("e-{n}"), ago(100 - n)));
    world.append(events.collect()).await;
    let first = world.get("/api/v1/events?limit=3").await;
    assert_eq!(first.of_items("event_id"), ["e-6", "e-5", "e-4"]);
    world.append(vec![event("genesys", "late", NOW)]).await;
    let mut seen = first.of_items("event_id");
    let mut next = first.json()["next"].clone();
    while let Some(cursor) = next.as_str() {
        let page = world
            .get(&format!("/api/v1/events?limit=3&cursor={cursor}"))
            .await;
        seen.extend(page.of_items("event_id"));
        next = page.json()["next"].clone();
    }
    assert_eq!(seen, ["e-6", "e-5", "e-4", "e-3", "e-2", "e-1", "e-0"]);
    let exact = world.get("/api/v1/events?limit=8").await;
    assert_eq!(
        exact.json()["next"],
        Value::Null,
        "a full last page has no next"
    );
}

#[tokio::test]
async fn every_list_can_be_walked_one_item_at_a_time() {
    let world = World::filled().await;
    for (list, count) in [
        ("events", 5),
        ("incidents", 4),
        ("deliveries", 4),
        ("dead-letters", 1),
        ("review", 1),
        ("locks", 1),
    ] {
        let (mut seen, mut path) = (0, format!("/api/v1/{list}?limit=1"));
        loop {
            let page = world.get(&path).await.json();
            seen += page["items"].as_array().unwrap().len();
            let Some(cursor) = page["next"].as_str() else {
                break;
            };
            path = format!("/api/v1/{list}?limit=1&cursor={cursor}");
            assert!(seen < 10, "{list} goes in circles");
        }
        assert_eq!(seen, count, "{list}");
    }
}

/// Path, field, and what the items have there.
type Expected = (&'static str, &'static str, &'static [&'static str]);

const FILTERS: &[Expected] = &[
    ("events?state=received", "event_id", &["e-5"]),
    ("events?state=decided", "event_id", &["e-3", "e-2", "e-1"]),
    ("events?state=review", "event_id", &["e-4"]),
    ("events?source=feed", "event_id", &["e-4", "e-3"]),
    ("events?rule=queue-wait", "event_id", &["e-3", "e-2", "e-1"]),
    ("events?rule=trunk-down", "event_id", &["e-3"]),
    ("events?target=salesforce", "event_id", &["e-2"]),
    ("events?key=q-1", "event_id", &["e-1"]),
    ("events?event_id=e-3", "event_id", &["e-3"]),
    (
        "events?incident=00000000-0000-7000-8000-000000000002",
        "event_id",
        &["e-2"],
    ),
    ("incidents?state=open", "key", &["q-2", "q-1"]),
    ("incidents?state=pending", "key", &["t-2"]),
    ("incidents?state=closed", "key", &["t-1"]),
    ("incidents?source=feed", "key", &["t-2"]),
    ("incidents?target=servicenow", "key", &["t-2", "q-1"]),
    ("incidents?rule=trunk-down", "key", &["t-2", "t-1"]),
    ("incidents?key=q-2", "key", &["q-2"]),
    ("incidents?ticket=INC0012345", "key", &["q-1"]),
    ("incidents?ticket=0123456789abcdef", "key", &["q-1"]),
    ("incidents?state=open&key=t-1", "key", &[]),
    ("deliveries?state=done", "operation", &["create"]),
    (
        "deliveries?state=waiting&target=servicenow",
        "operation",
        &["update"],
    ),
    ("deliveries?state=dead", "event_id", &["e-2"]),
    (
        "deliveries?target=salesforce",
        "operation",
        &["update", "create"],
    ),
    ("deliveries?operation=create", "event_id", &["e-2", "e-1"]),
    ("deliveries?key=q-1&operation=create", "event_id", &["e-1"]),
    ("deliveries?rule=trunk-down", "id", &[]),
    (
        "deliveries?rule=queue-wait&operation=create",
        "event_id",
        &["e-2", "e-1"],
    ),
    (
        "deliveries?source=genesys&operation=create&state=done,dead",
        "event_id",
        &["e-2", "e-1"],
    ),
    ("deliveries?source=feed", "id", &[]),
    ("deliveries?state=sending,discarded", "id", &[]),
    (
        "dead-letters?rule=queue-wait&source=genesys",
        "event_id",
        &["e-2"],
    ),
    ("dead-letters?target=salesforce", "event_id", &["e-2"]),
    ("dead-letters?target=servicenow", "event_id", &[]),
    (
        "dead-letters?kind=integration_failure",
        "event_id",
        &["e-2"],
    ),
    ("dead-letters?kind=network_failure", "event_id", &[]),
    (
        "dead-letters?operation=create&rule=queue-wait",
        "event_id",
        &["e-2"],
    ),
    ("dead-letters?key=q-1", "event_id", &[]),
    ("dead-letters?source=genesys", "event_id", &["e-2"]),
    ("review?source=feed", "event_id", &["e-4"]),
    ("review?source=genesys", "event_id", &[]),
    ("review?state=discarded", "event_id", &[]),
    ("review?group=reason", "source", &["feed"]),
    ("review?group=reason&source=genesys", "source", &[]),
    ("locks?key=q-2", "key", &["q-2"]),
    ("locks?rule=trunk-down", "key", &[]),
];

#[tokio::test]
async fn every_filter_narrows_its_list_to_what_it_says() {
    let world = World::filled().await;
    for (path, field, expected) in FILTERS {
        let answer = world.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.of_items(field), *expected, "{path}");
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_time_from_since_to_before_until() {
    let world = World::filled().await;
    for (list, field, from, to, expected) in [
        ("events", "event_id", 200, 90, vec!["e-3", "e-2"]),
        ("incidents", "key", 300, 100, vec!["q-2", "q-1"]),
        (
            "deliveries",
            "event_id",
            80,
            79,
            vec!["e-1", "e-2", "e-2", "e-1"],
        ),
        ("deliveries", "event_id", 79, 0, vec![]),
        ("dead-letters", "event_id", 81, 80, vec![]),
        ("review", "event_id", 90, 89, vec!["e-4"]),
        ("locks", "key", 20, 19, vec!["q-2"]),
    ] {
        let (since, until) = (ago(from), ago(to));
        let path = format!("/api/v1/{list}?since={since}&until={until}");
        assert_eq!(world.get(&path).await.of_items(field), expected, "{path}");
    }
}

#[tokio::test]
async fn a_time_finds_its_events_in_a_long_journal_with_gaps() {
    let world = World::empty().await;
    let day = 86_400;
    let events = (0..400).map(|n| event("genesys", &format!("e-{n}"), ago(400 * day - n * day)));
    world.append(events.collect()).await;
    let (since, until) = (ago(390 * day), ago(387 * day));
    let path = format!("/api/v1/events?since={since}&until={until}");
    let found = world.get(&path).await.of_items("event_id");
    assert_eq!(found, ["e-12", "e-11", "e-10"]);
    let decided = DecisionBatch {
        decided_to: Some(400),
        ..DecisionBatch::default()
    };
    world.keep(decided).await;
    let forgotten = world
        .store
        .delete_expired(0, ago(389 * day), 100)
        .await
        .unwrap();
    assert_eq!(forgotten.events, 11);
    assert_eq!(
        world.get(&path).await.of_items("event_id"),
        ["e-12", "e-11"]
    );
    let none = world.get("/api/v1/events?since=2030-01-01T00:00:00Z").await;
    assert!(none.of_items("id").is_empty());
}

#[tokio::test]
async fn what_a_list_does_not_understand_is_refused() {
    let world = World::filled().await;
    for path in [
        "events?stat=received",
        "events?state=open",
        "events?since=yesterday",
        "events?limit=0",
        "events?limit=501",
        "events?limit=x",
        "events?cursor=nonsense",
        "events?source=",
        "events?source=a&source=b",
        "events?kind=network_failure",
        "incidents?kind=network_failure",
        "dead-letters?state=dead",
        "dead-letters?kind=sadness",
        "deliveries?operation=delete",
        "review?target=servicenow",
        "review?group=source",
        "review?group=reason&state=open",
        "locks?source=genesys",
        "audit?key=x",
        "incidents?target=nosuch",
        "incidents?source=nosuch",
        "deliveries?target=nosuch",
        "dead-letters?source=nosuch",
        "events?source=nosuch",
        "review?source=nosuch",
    ] {
        world.get(&format!("/api/v1/{path}")).await.is_problem(400);
    }
    let page = world.get("/api/v1/incidents?limit=1").await.json();
    let cursor = page["next"].as_str().unwrap();
    let other_list = format!("/api/v1/deliveries?cursor={cursor}");
    world.get(&other_list).await.is_problem(400);
}

#[tokio::test]
async fn g23_an_event_leads_to_what_was_done_and_why() {
    let world = World::filled().await;
    let event = world.get("/api/v1/events/3").await.json();
    assert_eq!(event["event_id"], "e-3");
    assert_eq!(event["state"], "decided");
    assert_eq!(event["incident_id"], PENDING);
    assert_eq!(event["received_at"], ago(100).in_milliseconds());
    assert_eq!(event["body"], json!({ "id": "e-3", "avg": 412.50 }));
    let decisions = event["decisions"].as_array().unwrap();
    let outcomes: Vec<&str> = decisions
        .iter()
        .map(|d| d["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["all_well", "pending"], "in the order of rules");
    assert_eq!(decisions[1]["rule"], "trunk-down");
    assert_eq!(decisions[1]["incident_id"], PENDING);
    assert_eq!(decisions[1]["decided_at"], ago(80).in_milliseconds());

    let misfit = world.get("/api/v1/events/4").await.json();
    assert_eq!(misfit["state"], "review");
    assert_eq!(
        misfit["body"], "{\"id\":",
        "no JSON, so shown as the text it is"
    );
    assert_eq!(misfit["review"]["state"], "open");
    assert_eq!(misfit["incident_id"], Value::Null);
}

#[tokio::test]
async fn g23_a_ticket_leads_back_to_its_events() {
    let world = World::filled().await;
    let found = world.get("/api/v1/incidents?ticket=INC0012345").await;
    let id = &found.of_items("id")[0];
    let incident = world.get(&format!("/api/v1/incidents/{id}")).await.json();
    assert_eq!(incident["id"], OPEN);
    assert_eq!(incident["occurrences"], 1);
    assert_eq!(incident["suppressed"], 0);
    assert_eq!(incident["opened_at"], ago(300).in_milliseconds());
    assert_eq!(
        incident["ticket"],
        json!({ "target": "servicenow", "id": "0123456789abcdef", "number": "INC0012345",
            "url": "https://crm.example/INC0012345", "state": "1", "closed": false,
            "priority": null, "assignee": null, "fate": null, "failed_over_from": null,
            "missing": null, "incomplete": null })
    );
    assert_eq!(incident["events"][0]["event_id"], "e-1");
    assert_eq!(incident["events"][0]["outcome"], "opened");
    let whats: Vec<&str> = incident["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["what"].as_str().unwrap())
        .collect();
    assert_eq!(whats, ["opened", "ticket created"], "oldest first");
    assert_eq!(incident["deliveries"][0]["operation"], "update");
    assert_eq!(incident["deliveries"][1]["state"], "done");
    assert_eq!(
        incident["readings"]["metrics[queue.waitTime].avg"]["highest"],
        412.5
    );
}

#[tokio::test]
async fn g12_a_dead_letter_holds_all_that_a_person_needs_to_act() {
    let world = World::filled().await;
    let listed = world.get("/api/v1/dead-letters").await.json();
    let listed = &listed["items"][0];
    let id = listed["id"].as_str().unwrap();
    let item = world
        .get(&format!("/api/v1/dead-letters/{id}"))
        .await
        .json();
    for letter in [listed, &item] {
        assert_eq!(letter["target"], "salesforce");
        assert_eq!(letter["operation"], "create");
        assert_eq!(letter["kind"], "integration_failure");
        assert_eq!(letter["error_code"], "FIELD_CUSTOM_VALIDATION_EXCEPTION");
        assert_eq!(letter["message"], "Priority is required");
        assert_eq!(letter["field"], "Priority");
        assert_eq!(letter["status"], 400);
        assert_eq!(letter["event_id"], "e-2");
        assert_eq!(letter["incident_id"], DEAD);
        assert_eq!(letter["key"], "q-2");
        assert_eq!(letter["attempts"], 1);
        assert_eq!(letter["created_at"], ago(80).in_milliseconds());
    }
    assert_eq!(item["payload"]["fields"]["urgency"], "1");
    assert_eq!(item["in_doubt"], true);

    let delivery = world.get(&format!("/api/v1/deliveries/{id}")).await.json();
    assert_eq!(delivery["state"], "dead");
    assert_eq!(delivery["next_attempt_at"], Value::Null);
    assert_eq!(delivery["last_error"]["kind"], "integration_failure");
}

#[tokio::test]
async fn a_review_item_shows_the_event_as_it_came() {
    let world = World::filled().await;
    let listed = world.get("/api/v1/review").await.json();
    let listed = &listed["items"][0];
    assert_eq!(listed["reason"], "/metrics/0/name: missing");
    assert_eq!(listed["source"], "feed");
    assert!(
        listed.get("body").is_none(),
        "the body is on the single item only"
    );
    let id = listed["id"].as_str().unwrap();
    let item = world.get(&format!("/api/v1/review/{id}")).await.json();
    assert_eq!(item["body"], "{\"id\":");
    assert_eq!(item["received_at"], ago(90).in_milliseconds());
}

#[tokio::test]
async fn only_locks_that_still_hold_are_shown() {
    let world = World::filled().await;
    let locks = world.get("/api/v1/locks").await.json();
    assert_eq!(
        locks["items"],
        json!([{ "rule": "queue-wait", "key": "q-2", "incident_id": DEAD,
            "taken_at": ago(20).in_milliseconds(), "locked_until": ago(-40).in_milliseconds() }])
    );
    world.clock.advance(std::time::Duration::from_secs(40));
    assert!(world.get("/api/v1/locks").await.of_items("key").is_empty());
}

#[tokio::test]
async fn a_data_action_finds_the_ticket_of_a_queue_by_key_and_by_queue_id() {
    let world = World::filled().await;
    for queue in ["q-1", "id-of-q-1"] {
        let answer = world.get(&format!("/api/v1/queues/{queue}/incident")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let found = answer.json();
        assert_eq!(found["queue_id"], queue);
        assert_eq!(found["id"], OPEN);
        assert_eq!(found["state"], "open");
        assert_eq!(found["ticket_number"], "INC0012345");
        assert_eq!(found["ticket"]["number"], "INC0012345");
    }
    // Closed, unknown, or only alike to a pattern.
    for queue in [
        "t-1",
        "id-of-t-1",
        "q-9",
        "id-of-q%25",
        "ID-OF-Q-1",
        "id_of_q_1",
    ] {
        let answer = world.get(&format!("/api/v1/queues/{queue}/incident")).await;
        answer.is_problem(404);
    }
}

#[tokio::test]
async fn targets_tell_how_they_fare_and_what_is_owed() {
    let world = World::filled().await;
    let target = world.get("/api/v1/targets").await.json()["items"][0].clone();
    assert_eq!(target["name"], "servicenow");
    assert_eq!(target["state"], "up");
    assert_eq!(target["token"]["obtained_at"], NOW.in_milliseconds());
    assert_eq!((&target["owed"], &target["dead"]), (&json!(1), &json!(0)));
    assert_eq!(world.get("/api/v1/targets/servicenow").await.json(), target);
    world.get("/api/v1/targets/other").await.is_problem(404);
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_not_a_blank() {
    let world = World::filled().await;
    for path in [
        "events/99",
        "events/x",
        "events/99999999999999999999",
        "incidents/none",
        "deliveries/99",
        "dead-letters/1",
        "review/99",
        "silences/99",
        "nothing",
    ] {
        world.get(&format!("/api/v1/{path}")).await.is_problem(404);
    }
    let closed = world.get(&format!("/api/v1/incidents/{CLOSED}")).await;
    assert_eq!(closed.json()["closed_at"], ago(3000).in_milliseconds());
    assert_eq!(closed.json()["ticket"]["number"], Value::Null);
}
