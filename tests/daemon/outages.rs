//! Many incidents with one cause: one ticket.

use serde_json::Value;

use crate::world::{World, event};

const OUTAGE: &str = r#"
[outages.site]
group_by = "{{ labels.site or 'all' }}"
rules = ["queue-wait"]
at_least = 10
within = "2m"
hold = "2s"
targets = ["salesforce"]
"#;

async fn send(world: &World, prefix: &str, queues: std::ops::Range<usize>, average: f64) {
    let events: Vec<Value> = queues
        .map(|queue| event(&format!("{prefix}-{queue}"), &format!("q{queue}"), average))
        .collect();
    world.accept(&Value::Array(events)).await;
}

fn outage_ticket(tickets: &[Value]) -> &Value {
    let is_outage = |one: &&Value| one["Subject"].as_str().unwrap().contains("outage site");
    let found: Vec<&Value> = tickets.iter().filter(is_outage).collect();
    assert_eq!(found.len(), 1, "{tickets:?}");
    found[0]
}

#[tokio::test]
async fn two_hundred_queues_at_once_are_one_ticket_which_resolves_by_itself() {
    let mut world = World::unstarted(OUTAGE).await;
    world.start().await;
    send(&world, "down", 0..200, 400.0).await;
    world.tickets(1).await;
    world.all_delivered().await;
    let tickets = world.simulator.salesforce().tickets();
    assert_eq!(tickets.len(), 1, "members have none of their own");
    let text = outage_ticket(&tickets)["Description"].as_str().unwrap();
    assert!(
        text.contains("200 breaching") && text.contains("175 more"),
        "{text}"
    );
    world.kill();
    world.start().await;
    send(&world, "up", 0..200, 100.0).await;
    world
        .until("the outage's ticket is closed", async || {
            world.simulator.salesforce().tickets()[0]["IsClosed"] == true
        })
        .await;
    world
        .until("every incident is closed", async || {
            let all = world.items("incidents?limit=500").await;
            all.len() == 201 && all.iter().all(|one| one["state"] == "closed")
        })
        .await;
    assert_eq!(world.simulator.salesforce().tickets().len(), 1);
    let metrics = world.metrics().await;
    assert!(!metrics.contains(r#"ringdown_dead_letters{target="salesforce"} 1"#));
}

#[tokio::test]
async fn a_ticket_opened_before_is_linked_to_the_outages_and_resolved_with_it() {
    let mut world = World::unstarted(OUTAGE).await;
    world.start().await;
    send(&world, "first", 0..1, 400.0).await;
    let first = world.tickets(1).await[0]["Id"].clone();
    send(&world, "down", 1..12, 400.0).await;
    world.tickets(2).await;
    world.all_delivered().await;
    world
        .until("the first ticket hangs under the outage's", async || {
            let tickets = world.simulator.salesforce().tickets();
            let outage = outage_ticket(&tickets)["Id"].clone();
            tickets
                .iter()
                .any(|one| one["Id"] == first && one["ParentId"] == outage)
        })
        .await;
    send(&world, "up", 0..12, 100.0).await;
    world
        .until("both tickets are closed", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.len() == 2 && tickets.iter().all(|one| one["IsClosed"] == true)
        })
        .await;
}
