//! Topics that were misread in the field, from the webhook to the ticket. The payloads are in
//! `tests/cases/genesys`. No rule here has a key of its own.

use serde_json::{Value, json};

use crate::support::world::World;

const RULES: &str = r#"
[rules.alert]
events = ["v2.users.{id}.alerting.alerts"]
when = 'status == "ALERTING"'
clear_for = "0s"
on_recovery = "resolve"
targets = ["salesforce"]
[rules.software]
events = ["v2.telephony.providers.edges.{id}.softwareupdate"]
when = 'status in ["FAILED", "EXCEPTION", "ABORTED", "EXPIRED"]'
clear_for = "0s"
on_recovery = "resolve"
targets = ["salesforce"]
[rules.organisation]
events = ["v2.operations.events.{id}"]
when = 'error_code == "rate.limit.exceeded"'
targets = ["salesforce"]
[rules.longest-wait]
events = ["v2.analytics.queues.{id}.activity"]
when = "metrics[oLongestWaiting].age > 240"
targets = ["salesforce"]
[rules.memory]
events = ["v2.telephony.providers.edges.{id}.metrics"]
when = "metrics[memory[physical].availableBytes].value < 3000000000"
targets = ["salesforce"]
[rules.no-memory]
events = ["v2.telephony.providers.edges.{id}.metrics"]
when = "metrics[memory.availableBytes].min < 1000000"
targets = ["salesforce"]
[rules.dead-edge]
events = ["v2.telephony.providers.edges.{id}.metrics"]
when = 'status in ["OFFLINE", "FAILED"] && metrics[memory[physical].totalBytes].value > 0.0'
targets = ["salesforce"]
[rules.phone]
events = ["v2.telephony.providers.edges.phones.{id}"]
when = 'status == "OFFLINE"'
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ rule }} {{ key }}"
Description = "-"
"#;

fn case(name: &str) -> Value {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/cases/genesys/{name}.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn started() -> World {
    let mut world = World::unstarted(RULES).await;
    world.start().await;
    world
}

/// The subjects of the tickets, of which there are `count`, in the order of the alphabet.
async fn subjects(world: &World, count: usize) -> Vec<String> {
    let tickets = world.tickets(count).await;
    let subject = |ticket: &Value| ticket["Subject"].as_str().unwrap().to_owned();
    let mut subjects: Vec<_> = tickets.iter().map(subject).collect();
    subjects.sort();
    subjects
}

#[tokio::test]
async fn what_was_misread_opens_one_ticket_each_under_its_own_key() {
    let world = started().await;
    let mut activity = case("queue-activity-topic");
    let since = ringdown::clock::Clock::System.now().as_millis() - 300_000;
    activity["eventBody"]["results"][0]["data"][1]["calculatedMetricValue"] = json!(since);
    world.accept(&activity).await;
    for name in [
        "edge-softwareupdate-failed",
        "edge-memory-virtual-zero",
        "operational-event-without-entity",
        "unknown-topic-name-cut",
    ] {
        world.accept(&case(name)).await;
    }
    assert_eq!(
        subjects(&world, 5).await,
        [
            "longest-wait 11111111-aaaa-4bbb-8ccc-000000000001",
            "memory 99999999-aaaa-4bbb-8ccc-000000000001",
            "organisation Organization API rate limit exceeded",
            "phone 88888888-aaaa-4bbb-8ccc-000000000001",
            "software 99999999-aaaa-4bbb-8ccc-000000000001",
        ]
    );
    assert!(world.items("review").await.is_empty());
}

#[tokio::test]
async fn two_queues_of_one_alert_rule_are_two_incidents_and_each_ends_alone() {
    let alert = |id: &str, queue: &str, action: &str| {
        let mut event = case("alert-nested-conditions");
        event["id"] = json!(format!("{id}-{action}"));
        let body = &mut event["detail"]["eventBody"];
        body["id"] = json!(id);
        body["action"] = json!(action);
        body["conditions"]["clauses"][0]["predicates"][0]["entity"]["queue"]["id"] = json!(queue);
        event
    };
    let world = started().await;
    world.accept(&alert("a1", "q1", "CREATE")).await;
    world.accept(&alert("a2", "q2", "CREATE")).await;
    assert_eq!(subjects(&world, 2).await, ["alert r1 q1", "alert r1 q2"]);
    world.accept(&alert("a1", "q1", "CLOSE")).await;
    let states = || {
        let tickets = world.simulator.salesforce().tickets();
        let state = |ticket: &Value| {
            let subject = ticket["Subject"].as_str().unwrap().to_owned();
            (subject, ticket["Status"] == "Closed")
        };
        tickets
            .iter()
            .map(state)
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    world
        .until(
            "the first ticket is closed",
            async || states()["alert r1 q1"],
        )
        .await;
    assert!(!states()["alert r1 q2"]);
}

#[tokio::test]
async fn the_status_of_a_phone_or_an_update_is_not_that_of_its_edge() {
    let world = started().await;
    let edge = "99999999-aaaa-4bbb-8ccc-000000000001";
    let mut phone = case("unknown-topic-name-cut");
    phone["detail"]["eventBody"]["status"]["edge"] = json!({ "id": edge });
    let update = case("edge-softwareupdate-failed");
    let load = case("edge-memory-virtual-zero");
    for event in [&phone, &update, &load] {
        world.accept(event).await;
    }
    // None of them is about an Edge that is down, so `dead-edge` stays silent.
    let subjects = subjects(&world, 3).await;
    let rules: Vec<_> = subjects
        .iter()
        .filter_map(|one| one.split(' ').next())
        .collect();
    assert_eq!(rules, ["memory", "phone", "software"]);
    world
        .until("everything is decided", async || {
            let events = world.items("events").await;
            events.len() == 3 && events.iter().all(|event| event["state"] != "received")
        })
        .await;
    assert_eq!(world.items("incidents").await.len(), 3);
}
