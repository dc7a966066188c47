//! A severity by expressions: how bad it is, and worse on the open ticket at once.

use crate::world::{World, event};

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
