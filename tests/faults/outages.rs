//! The daemon dies while an outage forms: between its decision, its ticket and the links.

use serde_json::Value;

use crate::support::world::{TOKEN, World, event};

const OUTAGE: &str = r#"
[outages.site]
group_by = "all"
rules = ["queue-wait"]
at_least = 10
within = "2m"
hold = "1s"
targets = ["salesforce"]
"#;

/// The first delivery sent after the start is the outage's create, the second is the link.
const POINTS: [&str; 6] = [
    "decisions-written",
    "decisions-committed",
    "before-send:1",
    "before-settle:1",
    "before-send:2",
    "before-settle:2",
];

fn readings(name: &str, queues: std::ops::Range<usize>, average: f64) -> String {
    let events: Vec<Value> = queues
        .map(|queue| event(&format!("{name}-{queue}"), &format!("q{queue}"), average))
        .collect();
    Value::Array(events).to_string()
}

/// Sends to a daemon that may die before it answers.
async fn send_and_let_die(world: &mut World, body: &str) {
    let url = format!("{}/webhooks/genesys", world.public);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !world.daemon.is_dead() {
        assert!(std::time::Instant::now() < deadline, "{}", world.log());
        let request = world.client.post(&url).bearer_auth(TOKEN);
        let request = request.header("content-type", "application/json");
        let _ = request.body(body.to_owned()).send().await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn dies_at(point: &str) {
    let mut world = World::unstarted(OUTAGE).await;
    world.start().await;
    world.post(readings("first", 0..1, 400.0)).await;
    let first = world.tickets(1).await[0]["Id"].clone();
    world.all_delivered().await;
    assert!(world.daemon.terminate());
    world.spawn(point);
    let storm = readings("storm", 1..40, 400.0);
    send_and_let_die(&mut world, &storm).await;
    world.start().await;
    assert_eq!(world.post(storm).await.0, 202);
    world.tickets(2).await;
    world.all_delivered().await;
    let tickets = world.simulator.salesforce().tickets();
    assert_eq!(tickets.len(), 2, "{point}: {tickets:?}");
    let outage = tickets.iter().find(|one| one["Id"] != first).unwrap();
    assert_eq!(tickets[0]["ParentId"], outage["Id"], "{point}");
    world.post(readings("calm", 0..40, 100.0)).await;
    world
        .until("both tickets are closed", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.len() == 2 && tickets.iter().all(|one| one["IsClosed"] == true)
        })
        .await;
    world
        .until("every incident is over", async || {
            let all = world.items("incidents?limit=500").await;
            all.len() == 41 && all.iter().all(|one| one["state"] == "closed")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_while_an_outage_forms_leaves_one_ticket_and_every_link() {
    for point in POINTS {
        dies_at(point).await;
    }
}
