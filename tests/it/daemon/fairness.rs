//! One source that owes thousands of tickets, and another that owes one.

use serde_json::Value;

use crate::support::world::{TOKEN, World, event};

/// Tickets that the first source owes.
const OWED: usize = 2000;
/// What the CRM is given a second.
const PER_SECOND: usize = 20;
const MORE: &str = r#"
[sources.second]
format = "genesys"
auth = [{ type = "bearer", secret = { env = "WEBHOOK_TOKEN" } }]
[targets.salesforce.limit]
per_second = 20
"#;

async fn send(world: &World, source: &str, events: &[Value]) {
    let url = format!("{}/webhooks/{source}", world.public);
    let request = world.client.post(url).bearer_auth(TOKEN);
    let answer = request.json(events).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

fn is_of_the_second(ticket: &Value) -> bool {
    ticket["Subject"].to_string().contains("second")
}

#[tokio::test]
async fn a_source_that_owes_thousands_of_tickets_keeps_no_other_waiting() {
    let mut world = World::unstarted(MORE).await;
    world.start().await;
    let numbers: Vec<usize> = (0..OWED).collect();
    for some in numbers.chunks(500) {
        let breach = |number: &usize| event(&format!("evt-{number}"), &format!("q{number}"), 400.0);
        let events: Vec<Value> = some.iter().map(breach).collect();
        send(&world, "genesys", &events).await;
    }
    send(&world, "second", &[event("evt-b", "second", 400.0)]).await;
    world
        .until("the ticket of the second source is owed", async || {
            !world.items("deliveries?source=second").await.is_empty()
        })
        .await;
    let salesforce = world.simulator.salesforce();
    let before = salesforce.tickets().len();
    world
        .until("the second source has its ticket", async || {
            salesforce.tickets().iter().any(is_of_the_second)
        })
        .await;
    let meanwhile = salesforce.tickets().len() - before;
    assert!(
        meanwhile <= 2 * PER_SECOND,
        "it was behind {meanwhile} tickets of another source"
    );
}
