//! Trouble that comes and goes too often: held open, told once, and let go when it is calm.

use serde_json::Value;

use crate::support::world::{World, event};

const FLAPPING: &str = r#"
[rules.queue-wait]
burst_lock = "0s"
flapping = { times = 2, within = "1h", calm = "12s" }
"#;

/// Sends a reading of q1 and waits until it is decided on.
async fn say(world: &World, id: &str, average: f64) {
    world.accept(&event(id, "q1", average)).await;
    world
        .until("it is decided on", async || {
            let found = world.items(&format!("events?event_id={id}")).await;
            found.first().is_some_and(|one| one["state"] == "decided")
        })
        .await;
}

fn comments(ticket: &Value) -> Vec<&str> {
    let list = ticket["CommentList"].as_array().unwrap();
    list.iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn a_flapping_key_has_one_more_ticket_which_is_held_until_it_is_calm() {
    let mut world = World::unstarted(FLAPPING).await;
    world.start().await;
    for round in 0..6 {
        say(&world, &format!("up-{round}"), 400.0).await;
        say(&world, &format!("down-{round}"), 100.0).await;
    }
    world.all_delivered().await;
    let tickets = world.simulator.salesforce().tickets();
    assert_eq!(tickets.len(), 3, "two are borne, and one is held");
    let held = tickets.iter().filter(|one| one["IsClosed"] == false);
    assert_eq!(held.count(), 1);
    let incident = world.items("incidents?state=open").await.remove(0);
    assert_eq!(incident["flapping"], true);
    world
        .until("the metric counts it", async || {
            world
                .metrics()
                .await
                .contains("ringdown_flapping_incidents 1")
        })
        .await;
    let list = world.command(&["incidents"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("flapping"), "{list}");

    world
        .until("it is calm, and its ticket closed", async || {
            let tickets = world.simulator.salesforce().tickets();
            tickets.iter().all(|one| one["IsClosed"] == true)
        })
        .await;
    let id = incident["id"].as_str().unwrap();
    let shown = world.api(&format!("incidents/{id}")).await;
    assert_eq!(shown["flapping"], false);
    assert_eq!(shown["flaps"]["times"], 6);
    assert!(shown["flaps"]["calm_at"].is_string(), "{shown}");
    let number = shown["ticket"]["number"].as_str().unwrap();
    let tickets = world.simulator.salesforce().tickets();
    let ticket = tickets.iter().find(|one| one["CaseNumber"] == number);
    let said = comments(ticket.unwrap());
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said.iter().any(|one| one.starts_with("Flapping: ")),
        "{said:?}"
    );
    let calm = said
        .iter()
        .any(|one| one.starts_with("Recovered and calm: "));
    assert!(calm, "{said:?}");

    say(&world, "afresh", 400.0).await;
    world.tickets(4).await;
    let fresh = world.items("incidents?state=open").await.remove(0);
    assert_eq!(
        fresh["flapping"], false,
        "what comes after calm is judged afresh"
    );
}

#[tokio::test]
async fn flapping_can_be_turned_off() {
    let off = "[rules.queue-wait]\nburst_lock = \"0s\"\nflapping = false\n";
    let mut world = World::unstarted(off).await;
    world.start().await;
    for round in 0..6 {
        say(&world, &format!("up-{round}"), 400.0).await;
        say(&world, &format!("down-{round}"), 100.0).await;
    }
    assert_eq!(world.tickets(6).await.len(), 6);
}
