//! A severity by expressions: how bad it is, and worse on the open ticket at once.

use serde_json::json;

use crate::support::world::{TOKEN, World, event};

const LEVELS: &str = r#"
[rules.queue-wait]
severity = { high = "metrics[queue.waitTime].avg > 350", critical = "metrics[queue.waitTime].avg > 900", default = "low" }
[targets.salesforce.create]
Priority = "{{ {'critical': 'Critical', 'high': 'High'}[severity] or 'Low' }}"
"#;

#[tokio::test]
async fn the_highest_level_that_holds_is_the_severity_and_otherwise_the_default() {
    let mut world = World::unstarted(LEVELS).await;
    world.start().await;
    for (id, queue, average) in [
        ("e1", "q1", 320.0),
        ("e2", "q2", 400.0),
        ("e3", "q3", 950.0),
    ] {
        world.accept(&event(id, queue, average)).await;
    }
    let mut priorities: Vec<String> = world
        .tickets(3)
        .await
        .iter()
        .map(|ticket| ticket["Priority"].as_str().unwrap().to_owned())
        .collect();
    priorities.sort();
    assert_eq!(priorities, ["Critical", "High", "Low"]);
}

#[tokio::test]
async fn a_rise_changes_the_open_ticket_at_once_and_a_fall_changes_nothing() {
    let mut world = World::unstarted(LEVELS).await;
    world.start().await;
    world.accept(&event("evt-1", "q1", 400.0)).await;
    world.tickets(1).await;
    world.accept(&event("evt-2", "q1", 950.0)).await;
    world
        .until("the ticket is critical", async || {
            world.simulator.salesforce().tickets()[0]["Priority"] == "Critical"
        })
        .await;
    world.accept(&event("evt-3", "q1", 400.0)).await;
    world
        .until("the milder breach is decided", async || {
            world.items("incidents").await[0]["occurrences"] == 3
        })
        .await;
    world.all_delivered().await;
    let incident = world.items("incidents").await.remove(0);
    assert_eq!(incident["severity"], "critical", "it never falls");
    let id = incident["id"].as_str().unwrap();
    let history = world.api(&format!("incidents/{id}")).await["history"].to_string();
    assert_eq!(history.matches("severity raised").count(), 1, "{history}");
    assert!(
        history.contains("from high to critical (event evt-2)"),
        "{history}"
    );
    assert_eq!(
        world.simulator.salesforce().tickets()[0]["Priority"],
        "Critical"
    );
}

const CARRIER: &str = r#"
[sources.carrier]
format = "custom"
auth = [{ type = "bearer", secret = { env = "WEBHOOK_TOKEN" } }]
[sources.carrier.map]
event_id = "/id"
entity_id = "/trunk"
[sources.carrier.map.metrics]
"setup.time" = { max = "/setup", count = "/calls", unit = "ms" }
"setup.share" = { max = "/share" }
[rules.slow-setup]
events = ["custom"]
when = "metrics[setup.time].max > 100 && metrics[setup.time].count > 3 && metrics[setup.share].max > 5"
key = "{{ entity_id }}"
severity = { critical = "metrics[setup.time].max > 300", default = "low" }
targets = ["salesforce"]
[targets.salesforce.create]
Subject = "{{ key }}"
Description = "slow"
"#;

#[tokio::test]
async fn a_comment_has_the_units_that_the_configuration_gives_custom_metrics() {
    let mut world = World::unstarted(CARRIER).await;
    world.start().await;
    let send = async |id: &str, setup: u32| {
        let request = world
            .client
            .post(format!("{}/webhooks/carrier", world.public))
            .bearer_auth(TOKEN)
            .json(&json!({"id": id, "trunk": "t1", "setup": setup, "calls": 4, "share": 7.5}));
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    };
    send("evt-1", 120_500).await;
    world.tickets(1).await;
    send("evt-2", 366_000).await;
    world
        .until("the ticket is told that it is worse", async || {
            world.items("deliveries").await.len() == 2
        })
        .await;
    world.all_delivered().await;
    let said = format!("{:?}", world.simulator.salesforce().requests());
    for part in [
        "Severity raised from low to critical.",
        "setup.time.max: latest 366 s (6 min 6 s), highest 366 s (6 min 6 s).",
        "setup.time.count: latest 4, highest 4.",
        "setup.share.max: latest 7.5, highest 7.5.",
    ] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
}
