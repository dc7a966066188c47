//! Why there is a ticket or none, by whatever a person has in hand.

use serde_json::Value;

use ringdown::domain::identity::IncidentId;
use ringdown::domain::ticket::OmittedField;
use ringdown::store::{DecisionBatch, DeliveryResult, NewEvent};

use crate::admin::values::{ago, decision, event, incident, kept, opened, ticket};
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

#[tokio::test]
async fn an_event_below_the_threshold_is_answered_with_the_reading_and_the_rule() {
    let world = World::filled().await;
    let calm = NewEvent {
        body: r#"{"id":"calm-1","avg":260}"#.to_owned(),
        ..event("genesys", "calm-1", ago(5))
    };
    world.append(vec![calm]).await;
    world
        .keep(DecisionBatch {
            decided_to: Some(6),
            ..DecisionBatch::default()
        })
        .await;
    let story = ask(&world, "calm-1").await;
    assert_eq!(
        story["answer"],
        "No ticket: 260 s is not above 300 s (rule queue-wait)."
    );
    assert_eq!(
        story["rules"],
        serde_json::json!([{"rule": "queue-wait", "says": "260 s is not above 300 s"}])
    );
}

#[tokio::test]
async fn the_outage_that_stands_for_an_incident_is_named_with_its_ticket() {
    let world = World::empty().await;
    let id = |last: u32| format!("00000000-0000-7000-8000-0000000002{last:02}");
    let mut outage = incident(&id(0), "outage:site", "Berlin", ago(40));
    opened(&mut outage);
    let mut member = incident(&id(1), "queue-wait", "m-1", ago(50));
    member.outage_id = Some(IncidentId::new(id(0)));
    let mut held = incident(&id(2), "queue-wait", "m-2", ago(50));
    opened(&mut held);
    world
        .append(vec![
            event("genesys", "e-1", ago(50)),
            event("genesys", "e-2", ago(50)),
        ])
        .await;
    world
        .keep(DecisionBatch {
            decided_to: Some(2),
            decisions: vec![
                decision(1, "queue-wait", "outage", Some(&id(1))),
                decision(2, "queue-wait", "outage", Some(&id(2))),
            ],
            incidents: vec![
                kept(outage, "genesys", "servicenow"),
                kept(member, "genesys", "servicenow"),
                kept(held, "genesys", "servicenow"),
            ],
            ..DecisionBatch::default()
        })
        .await;
    let stands = "the outage site Berlin stands for";
    for (asked, part) in [
        (
            "e-1",
            format!("No ticket of its own: {stands} Billing, and has no ticket yet."),
        ),
        (
            "m-1",
            format!("No ticket for Billing: {stands} it, and has no ticket yet."),
        ),
        ("e-2", "it could have become part of an outage".to_owned()),
    ] {
        let answer = ask(&world, asked).await["answer"].to_string();
        assert!(answer.contains(&part), "{asked}: {answer}");
    }
}

#[tokio::test]
async fn an_incomplete_ticket_is_told_wherever_people_look() {
    let world = World::filled().await;
    let refused = DeliveryResult::Delivered {
        ticket: Some(ticket()),
        omitted: vec![OmittedField {
            field: "assignment_group".to_owned(),
            value: "Telephony Operatons".to_owned(),
            reason: "\"Telephony Operatons\" is the name of no record".to_owned(),
            kept: None,
            is_chosen: false,
        }],
    };
    world.settle("servicenow", OPEN, refused).await;
    let status = world.get("/api/v1/status").await.json();
    let sentence = status["sentence"].as_str().unwrap();
    assert!(sentence.ends_with("; 1 ticket is incomplete"), "{sentence}");
    let group = &status["person"]["incomplete"][0];
    assert_eq!(group["count"], 1);
    assert_eq!(group["example"], OPEN);
    assert_eq!(group["fields"][0]["field"], "assignment_group");
    let answer = ask(&world, OPEN).await["answer"].to_string();
    assert!(
        answer.contains("incomplete: servicenow refused assignment_group"),
        "{answer}"
    );
    let cookie = world.sign_in(crate::admin::world::VIEWER).await;
    for path in ["/ui/", "/ui/waits", &format!("/ui/incidents/{OPEN}")] {
        let page = world.page(&cookie, path).await.text;
        assert!(page.contains("assignment_group"), "{path}: {page}");
    }
    let counts = world.store.counts().await.unwrap();
    assert_eq!(counts.incomplete.len(), 1, "{counts:?}");
}

#[tokio::test]
async fn a_short_id_is_accepted_in_paths_and_in_filters() {
    let world = World::filled().await;
    let short = &OPEN[28..];
    let shown = world.get(&format!("/api/v1/incidents/{short}")).await;
    assert_eq!(shown.json()["id"], OPEN);
    let listed = world
        .get(&format!("/api/v1/deliveries?incident={short}"))
        .await;
    assert_eq!(listed.of_items("incident_id"), [OPEN, OPEN]);
    let answer = ask(&world, short).await;
    assert_eq!(answer["incident"]["id"], OPEN);
    // What begins alike is not one incident's alone.
    world
        .get("/api/v1/incidents/00000000-0000")
        .await
        .is_problem(409);
}
