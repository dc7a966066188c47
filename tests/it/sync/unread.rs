//! A create is answered with an id that no record has: something in front of the CRM has answered, or
//! the record was rolled back.

use ringdown::simulator::{Fault, FaultKind, Trigger};
use serde_json::{Value, json};

use crate::support::world::{World, event};
use crate::sync::desk::{NEVER, OFTEN, story};

/// An id that no record has.
const NO_RECORD: &str = "5005g00000N0RecAAV";

/// The tickets of incidents that are over are resolved at once.
const RESOLVES: &str = "[rules.queue-wait]\nclear_for = \"0s\"\non_recovery = \"resolve\"\n";

async fn world(more: &str, poll_every: &str) -> World {
    let mut world = World::unstarted(&format!(
        "{more}\n[targets.salesforce.sync]\npoll_every = \"{poll_every}\"\n"
    ))
    .await;
    world.start().await;
    world
}

/// Creates are answered with an id that no record has.
fn lie(world: &World, method: &str, trigger: Trigger) {
    answer(world, method, trigger, (201, true));
}

/// Creates are answered with this status, an id that no record has, and whether it was created.
fn answer(world: &World, method: &str, trigger: Trigger, (status, created): (u16, bool)) {
    let body = json!({"id": NO_RECORD, "success": true, "errors": [], "created": created});
    let kind = FaultKind::Status {
        status,
        body: body.to_string(),
        content_type: "application/json".to_owned(),
    };
    let fault = Fault::new(kind, trigger).on_method(method);
    world
        .simulator
        .salesforce()
        .add_fault(fault.on_path("/sobjects/Case"));
}

async fn incident(world: &World, index: usize) -> Value {
    let items = world.items("incidents").await;
    let id = items[items.len() - 1 - index]["id"].as_str().unwrap();
    world.api(&format!("incidents/{id}")).await
}

#[tokio::test]
async fn a_ticket_that_the_crm_never_had_is_created_again_without_a_poll() {
    let world = world("", NEVER).await;
    lie(&world, "PATCH", Trigger::Next { count: 1 });
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let tickets = world.tickets(1).await;
    world.all_delivered().await;
    let incident = incident(&world, 0).await;
    assert_eq!(incident["state"], "open");
    assert_eq!(incident["ticket"]["id"], tickets[0]["Id"]);
    let story = story(&incident);
    assert!(
        story.contains(NO_RECORD) && story.contains("shows no such record"),
        "{story}"
    );
}

#[tokio::test]
async fn what_answers_falsely_again_and_again_is_asked_ever_more_rarely() {
    let world = world("", OFTEN).await;
    lie(&world, "PATCH", Trigger::Always);
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the create waits for a minute", async || {
            let deliveries = world.items("deliveries").await;
            let next = deliveries
                .first()
                .and_then(|one| one["next_attempt_at"].as_str());
            let next: Option<jiff::Timestamp> = next.and_then(|at| at.parse().ok());
            next.is_some_and(|at| at.duration_since(world.now()).as_secs() > 30)
        })
        .await;
    let creates = world.simulator.salesforce().requests();
    let creates = creates.iter().filter(|one| one.method == "PATCH").count();
    assert_eq!(creates, 2);
    assert_eq!(incident(&world, 0).await["state"], "open");
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn without_a_unique_key_it_is_created_again_when_no_request_can_run_any_more() {
    created_again_without_a_key(false).await;
}

/// Its rare tries as a dead letter say nothing about its answers.
#[cfg(feature = "fault-points")]
#[tokio::test]
async fn without_a_unique_key_a_create_that_was_a_dead_letter_is_created_again_too() {
    created_again_without_a_key(true).await;
}

#[cfg(feature = "fault-points")]
async fn created_again_without_a_key(was_dead: bool) {
    let mut world = World::unstarted(&format!(
        "[targets.salesforce.sync]\npoll_every = \"{OFTEN}\"\n"
    ))
    .await;
    let path = world.folder.path().join("ringdown.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("external_id_field = \"Ringdown_Id__c\"\n", "");
    std::fs::write(path, text).unwrap();
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.all_delivered().await;
    if was_dead {
        let kind = FaultKind::ValidationRefusal {
            code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
            message: "Say which site".into(),
            field: None,
        };
        let refused = Fault::new(kind, Trigger::Next { count: 1 }).on_method("POST");
        let salesforce = world.simulator.salesforce();
        salesforce.add_fault(refused.on_path("/sobjects/Case"));
        world.accept(&event("evt-2", "q2", 400.0)).await;
        world
            .until("the create is a dead letter", async || {
                !world.items("dead-letters").await.is_empty()
            })
            .await;
        lie(&world, "POST", Trigger::Next { count: 1 });
        world.pass(std::time::Duration::from_secs(61));
    } else {
        lie(&world, "POST", Trigger::Next { count: 1 });
        world.accept(&event("evt-2", "q2", 400.0)).await;
    }
    world
        .until("the create is in doubt", async || {
            let deliveries = world.items("deliveries").await;
            deliveries.iter().any(|one| one["in_doubt"] == true)
        })
        .await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
    world
        .until("it says what it waits for, and until when", async || {
            let missing = world.items("incidents").await[0]["ticket"]["missing"].clone();
            let says = missing.as_str().unwrap_or_default();
            says.contains("an earlier request has ended, which may still run in salesforce")
        })
        .await;
    world.pass(std::time::Duration::from_secs(660));
    world.tickets(2).await;
    world.all_delivered().await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 2);
    for index in 0..2 {
        assert_eq!(incident(&world, index).await["state"], "open");
    }
}

#[tokio::test]
async fn a_ticket_that_was_there_already_and_that_the_crm_never_had_is_created_again() {
    let world = world("", OFTEN).await;
    answer(&world, "PATCH", Trigger::Next { count: 1 }, (200, false));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let tickets = world.tickets(1).await;
    world.all_delivered().await;
    let incident = incident(&world, 0).await;
    assert_eq!(incident["state"], "open");
    assert_eq!(incident["ticket"]["id"], tickets[0]["Id"]);
    assert!(story(&incident).contains("shows no such record"));
}

/// Our user may read no ticket, and Salesforce names the same one each time that it finds our key.
#[tokio::test]
async fn a_ticket_that_our_user_cannot_read_is_confirmed_and_never_taken_for_deleted() {
    let world = world("", OFTEN).await;
    answer(&world, "PATCH", Trigger::Next { count: 2 }, (200, false));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    let asked = |method: &str| {
        let requests = world.simulator.salesforce().requests();
        requests.iter().filter(|one| one.method == method).count()
    };
    world
        .until("the create was sent again", async || asked("PATCH") == 2)
        .await;
    world.all_delivered().await;
    // A poll in ten looks at every open ticket by its id.
    let before = asked("GET");
    world
        .until("the ticket was looked for", async || {
            asked("GET") > before + 30
        })
        .await;
    let incident = incident(&world, 0).await;
    assert_eq!(incident["state"], "open");
    assert_eq!(incident["ticket"]["id"], NO_RECORD);
    assert!(world.simulator.salesforce().tickets().is_empty());
}

#[cfg(feature = "fault-points")]
#[tokio::test]
async fn a_resolution_waits_for_the_create_of_a_ticket_that_the_crm_never_had() {
    let world = world(RESOLVES, NEVER).await;
    lie(&world, "PATCH", Trigger::Next { count: 1 });
    // The incident recovers before its number is read.
    let kind = FaultKind::Slow {
        milliseconds: 3_000,
    };
    let slow = Fault::new(kind, Trigger::Next { count: 1 });
    world
        .simulator
        .salesforce()
        .add_fault(slow.on_path("/queryAll"));
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world
        .until("the create is answered", async || {
            let incidents = world.items("incidents").await;
            incidents.iter().any(|one| one["ticket"]["id"] == NO_RECORD)
        })
        .await;
    world.accept(&event("evt-2", "q1", 10.0)).await;
    let is_told = async || {
        let story = story(&incident(&world, 0).await);
        story.contains("waits until its create is looked up")
    };
    world.until("the resolution waits", is_told).await;
    // Nobody has to act.
    assert!(world.items("dead-letters").await.is_empty());
    // The list says what both wait for, and until when.
    let looks_like = async |operation: &str, waits_for: &str| {
        let deliveries = world.items("deliveries").await;
        let mut of_it = deliveries
            .iter()
            .filter(|one| one["operation"] == operation);
        of_it.any(|one| {
            let at = one["next_attempt_at"].as_str().unwrap();
            let at: jiff::Timestamp = at.parse().unwrap();
            let waits = one["waits_for"].as_str().unwrap_or_default();
            waits.contains(waits_for) && at.duration_since(world.now()).as_secs() > 300
        })
    };
    world
        .until("the list says what they wait for", async || {
            looks_like("create", "no earlier request can create it any more").await
                && looks_like("resolve", "what came of its create, delivery ").await
        })
        .await;
    world.pass(std::time::Duration::from_secs(660));
    world
        .until("the incident is over, and nothing is owed", async || {
            let deliveries = world.items("deliveries").await;
            let is_over = |one: &Value| one["state"] == "done" || one["state"] == "discarded";
            incident(&world, 0).await["state"] == "closed" && deliveries.iter().all(is_over)
        })
        .await;
    let story = story(&incident(&world, 0).await);
    assert!(!story.contains("dead letter"), "{story}");
}
