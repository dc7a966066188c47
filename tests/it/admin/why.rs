//! Why there is a ticket or none, by whatever a person has in hand.

use serde_json::Value;

use crate::admin::world::{DEAD, OPEN, World};

/// What is asked, what it was found as, and a part of the answer.
const ANSWERS: &[(&str, &str, &str)] = &[
    (
        "e-1",
        "event",
        "It opened the incident of Billing, by rule queue-wait; ticket INC0012345 in servicenow",
    ),
    ("e-3", "event", "Billing had not lasted long enough"),
    ("e-4", "event", "not understood (/metrics/0/name: missing)"),
    ("e-5", "event", "Not decided yet"),
    ("INC0012345", "incident", "ticket INC0012345 in servicenow"),
    (
        "q-1",
        "incident",
        "Billing is in trouble; ticket INC0012345",
    ),
    ("id-of-q-1", "incident", "ticket INC0012345"),
    (
        " q-2 ",
        "incident",
        "NO TICKET: a person is needed: dead letter",
    ),
    (
        "t-2",
        "incident",
        "No ticket for Billing: it has not lasted",
    ),
    ("t-1", "incident", "is closed, and never had a ticket"),
    (DEAD, "incident", "NO TICKET"),
    (
        "00000000-0000-7000-8000-00000000000",
        "several",
        "4 incidents match",
    ),
    ("bill", "several", "3 incidents match"),
    ("no such thing", "nothing", "Nothing is known"),
];

async fn ask(world: &World, what: &str) -> Value {
    let what: String = url::form_urlencoded::byte_serialize(what.as_bytes()).collect();
    let answer = world.get(&format!("/api/v1/why?q={what}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn every_way_of_asking_is_answered_by_a_sentence_first() {
    let world = World::filled().await;
    for (asked, found, part) in ANSWERS {
        let story = ask(&world, asked).await;
        assert_eq!(story["found"], *found, "{asked}: {story:#}");
        let answer = story["answer"].as_str().unwrap();
        assert!(answer.contains(part), "{asked}: {answer}");
    }
}

#[tokio::test]
async fn the_story_has_the_event_its_incident_and_what_happened() {
    let world = World::filled().await;
    let story = ask(&world, "e-1").await;
    assert_eq!(story["event"]["event_id"], "e-1");
    assert_eq!(story["event"]["decisions"][0]["outcome"], "opened");
    assert_eq!(story["incident"]["id"], OPEN);
    let timeline = story["timeline"]["items"].as_array().unwrap();
    assert_eq!(timeline[0]["what"], "opened");
    assert_eq!(story["incidents"][0]["name"], "Billing");
}

#[tokio::test]
async fn a_question_without_a_text_is_refused() {
    let world = World::filled().await;
    for query in ["", "?q=", "?q=%20", "?q=a%00b", "?Q=x"] {
        let answer = world.get(&format!("/api/v1/why{query}")).await;
        answer.is_problem(400);
    }
    let long = "x".repeat(1_001);
    let answer = world.get(&format!("/api/v1/why?q={long}")).await;
    answer.is_problem(400);
}
