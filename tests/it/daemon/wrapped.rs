//! What comes wrapped, with ids that mean something else, or with values in any order, has the
//! right incident. The payloads are in `tests/cases/genesys`.

use serde_json::{Value, json};

use crate::support::world::World;

const TRUNK: &str = r#"
[rules.trunk-down]
events = ["telephony.trunk.status"]
when = 'status == "OUT_OF_SERVICE"'
clear_for = "0s"
key = "{{ trunk_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "{{ trunk_name or 'no trunk' }} {{ status or 'no status' }}"
"#;

const BY_NAME: &str = r#"
[sources.genesys]
format = "custom"
[sources.genesys.maps.queues]
when = { place = "/type", is = "v2.analytics.queues.{id}.observations" }
event_id = "/id"
event_type = "/type"
timestamp = "/time"
queue_id = "$.data.group.queueId"
[sources.genesys.maps.queues.metrics.oWaiting]
count = "$.data.data[*].metrics[?@.metric == 'oWaiting'].stats.count"
[rules.backlog]
events = ["v2.analytics.queues.{id}.observations"]
when = "metrics[oWaiting].count >= 20"
clear_for = "0s"
key = "{{ queue_id }}"
on_recovery = "resolve"
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "{{ metrics.oWaiting.count }} wait"
"#;

fn case(name: &str) -> Value {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/cases/genesys/{name}.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn started(more: &str) -> World {
    let mut world = World::unstarted(more).await;
    world.start().await;
    world
}

async fn closed(world: &World) {
    world
        .until("the ticket is closed", async || {
            world.simulator.salesforce().tickets()[0]["Status"] == "Closed"
        })
        .await;
}

#[tokio::test]
async fn the_recovery_of_a_trunk_is_no_repetition_of_its_failure() {
    let world = started(TRUNK).await;
    for event in case("id-is-the-trunk").as_array().unwrap() {
        world.accept(event).await;
    }
    let tickets = world.tickets(1).await;
    assert_eq!(tickets[0]["Description"], "Carrier OUT_OF_SERVICE");
    closed(&world).await;
}

#[tokio::test]
async fn a_metric_is_the_one_of_its_name_in_whatever_order_they_come() {
    let world = started(BY_NAME).await;
    let first = case("custom-array-order");
    let next = |id: &str, time: &str, waiting: u32| {
        let mut event = first.clone();
        (event["id"], event["time"]) = (json!(id), json!(time));
        let metrics = event["data"]["data"][0]["metrics"].as_array_mut().unwrap();
        metrics[1]["stats"]["count"] = json!(waiting);
        metrics.reverse();
        event
    };
    world.accept(&first).await;
    let tickets = world.tickets(1).await;
    assert_eq!(tickets[0]["Description"], "25 wait");
    world
        .accept(&next("ce-3", "2026-11-29T15:41:00Z", 25))
        .await;
    world
        .until("both are one incident", async || {
            world.items("incidents").await[0]["occurrences"] == 2
        })
        .await;
    assert_eq!(world.items("incidents").await[0]["state"], "open");
    world.accept(&next("ce-4", "2026-11-29T15:42:00Z", 3)).await;
    closed(&world).await;
}
