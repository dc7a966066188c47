//! The shipped configurations in a daemon, beside the simulated CRMs.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::world::{ADMIN_TOKEN, World, event};

/// A daemon with `text`, in which only the addresses and the database are changed.
async fn daemon(text: &str, salesforce: &str, servicenow: &str) -> World {
    let mut world = World::unstarted("").await;
    let crms = [
        (
            salesforce,
            world.simulator.salesforce().base_url().to_string(),
        ),
        (
            servicenow,
            world.simulator.servicenow().base_url().to_string(),
        ),
    ];
    let mut text = text.to_owned();
    for (address, simulated) in crms {
        assert!(text.contains(address), "{address}");
        text = text.replace(address, simulated.trim_end_matches('/'));
    }
    std::fs::write(world.folder.path().join("ringdown.toml"), text).unwrap();
    let listen = |address: &str| address.trim_start_matches("http://").to_owned();
    world.configure(&format!(
        "[server]\nlisten = \"{}\"\n[admin]\nlisten = \"{}\"\n[store]\nurl = \"sqlite:{}\"\n\
         [admin.tokens.ops]\nrole = \"operator\"\nsecret = \"{ADMIN_TOKEN}\"\n",
        listen(&world.public),
        listen(&world.admin),
        world.folder.path().join("ringdown.db").display()
    ));
    world.environment = vec![
        ("GENESYS_WEBHOOK_TOKEN", crate::support::world::TOKEN),
        ("SALESFORCE_CLIENT_SECRET", "simulator-secret"),
        ("SERVICENOW_CLIENT_SECRET", "simulator-secret"),
    ];
    world.start().await;
    world
}

/// `sample` as if it came now, with another id for itself and for what it is about.
fn now(sample: &str, number: usize, id: &str) -> Value {
    let at = ringdown::clock::Clock::System.now().to_string();
    let text = sample.replace(id, &format!("{}{number}", &id[..id.len() - 1]));
    let mut event: Value = serde_json::from_str(&text).unwrap();
    event["id"] = json!(format!("event-{number}"));
    event["time"] = json!(at);
    event["detail"]["timestamp"] = json!(at);
    event
}

#[tokio::test]
async fn one_carrier_trunk_down_on_three_edges_is_one_ticket() {
    let text = include_str!("../../../config/example.toml")
        .replace("your-consumer-key", "ringdown")
        .replace("your-client-id", "ringdown");
    let world = daemon(
        &text,
        "https://example.my.salesforce.com",
        "https://example.service-now.com",
    )
    .await;
    let down = include_str!("../../../src/normalise/catalogue/samples/trunk-down.json");
    for edge in 1..=3 {
        let id = "c4a9e0d7-51b2-4e8f-8f0a-9d27b3e6a105";
        world.accept(&now(down, edge, id)).await;
    }
    world
        .until("the outage has its ticket", async || {
            !world.simulator.servicenow().tickets().is_empty()
        })
        .await;
    world
        .until("all three are members", async || {
            let incidents = world.items("incidents?limit=10").await;
            incidents
                .iter()
                .filter(|one| one["rule"] == "trunk-down")
                .count()
                == 3
        })
        .await;
    world.all_delivered().await;
    let tickets = world.simulator.servicenow().tickets();
    assert_eq!(tickets.len(), 1, "{tickets:#?}");
    assert!(world.simulator.salesforce().tickets().is_empty());
}

#[tokio::test]
async fn the_configuration_for_the_simulator_opens_tickets_as_it_is() {
    let text = include_str!("../../../config/simulator.toml");
    let world = daemon(text, "http://127.0.0.1:8081", "http://127.0.0.1:8082").await;
    let url = format!("{}/webhooks/genesys", world.public);
    let post = world
        .client
        .post(url)
        .bearer_auth("webhook-token-of-the-simulator");
    let answer = post.json(&event("e1", "q1", 400.0)).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let tickets = world.tickets(1).await;
    assert_eq!(tickets[0]["Subject"], "Telephony: queue-wait on Queue q1");
    // The addresses are those that `ringdown sim` has by itself.
    let help = Command::new(env!("CARGO_BIN_EXE_ringdown"));
    let help = { help }.args(["sim", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for address in ["127.0.0.1:8081", "127.0.0.1:8082"] {
        assert!(help.contains(address) && text.contains(address), "{help}");
    }
}

#[tokio::test]
async fn what_the_rules_are_warned_of_is_logged_once_at_the_start() {
    let slip = "[rules.queue-wait]\nwhen = \"metrics[queue.waitTime].avg > 300000\"\n";
    let mut world = World::unstarted(slip).await;
    world.start().await;
    let log = world.log();
    assert_eq!(log.matches("300000 s are 3.5 days").count(), 1, "{log}");
    assert!(log.contains("more.toml:2:"), "{log}");
}
