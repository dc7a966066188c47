//! Senders who hide text in names: people see it written out, on tickets, in the log, and on
//! their terminal. The event stays as it came.

use serde_json::{Value, json};

use crate::support::world::{World, event};

/// Turns the reading round, hides characters, and would be HTML in a journal.
const NAME: &str = "Bill\u{200b}ing \u{202e}gnp.exe\u{e0041} [code]<img src=x>[/code]";
const SHOWN: &str = "Bill\\u{200b}ing \\u{202e}gnp.exe\\u{e0041} (code]<img src=x>(/code]";
/// What people need to write their language.
const HONEST: &str = "خط الدعم 👩\u{200d}👩\u{200d}👧 می\u{200c}خواهم";
const HIDDEN: [char; 3] = ['\u{200b}', '\u{202e}', '\u{e0041}'];

fn configuration(world: &World) -> String {
    format!(
        r#"
[rules.queue-wait]
targets = ["servicenow"]
on_recovery = "comment"
[outages.site]
group_by = "all"
rules = ["queue-wait"]
at_least = 3
within = "2m"
hold = "1s"
targets = ["servicenow"]
on_recovery = "comment"
[targets.servicenow]
kind = "servicenow"
base_url = "{}"
[targets.servicenow.auth]
flow = "basic"
username = "ringdown"
password = "simulator-password"
[targets.servicenow.create]
short_description = "{{{{ key }}}}"
description = "Key {{{{ key }}}}"
work_notes = "Opened for {{{{ key }}}}"
"#,
        world.simulator.servicenow().base_url()
    )
}

fn is_hidden(text: &str) -> bool {
    text.contains(HIDDEN)
}

fn texts(ticket: &Value) -> String {
    let notes = &ticket["work_notes_list"];
    let notes = notes.as_array().unwrap().iter().filter_map(Value::as_str);
    let notes: Vec<&str> = notes.collect();
    format!(
        "{}\n{}\n{}",
        ticket["short_description"].as_str().unwrap(),
        ticket["description"].as_str().unwrap(),
        notes.join("\n")
    )
}

#[tokio::test]
async fn what_a_sender_hides_in_a_name_is_seen_by_people() {
    let mut world = World::unstarted("").await;
    let more = configuration(&world);
    std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
    world.start().await;
    // One ticket of its own, then an outage whose ticket lists the keys.
    world.accept(&event("evt-1", NAME, 400.0)).await;
    let tickets = || world.simulator.servicenow().tickets();
    world
        .until("it has a ticket", async || tickets().len() == 1)
        .await;
    for (id, queue) in [("evt-2", HONEST), ("evt-3", "q3"), ("evt-4", "q4")] {
        world.accept(&event(id, queue, 400.0)).await;
    }
    world
        .until("the outage has a ticket", async || tickets().len() == 2)
        .await;
    for (id, queue) in [
        ("end-1", NAME),
        ("end-2", HONEST),
        ("end-3", "q3"),
        ("end-4", "q4"),
    ] {
        world.accept(&event(id, queue, 10.0)).await;
    }
    world
        .until("the outage's ticket is told of the end", async || {
            texts(&tickets()[1]).contains("Recovered")
        })
        .await;
    let first = texts(&tickets()[0]);
    assert!(first.starts_with(SHOWN), "{first}");
    assert!(first.contains(&format!("Opened for {SHOWN}")), "{first}");
    let both = first + &texts(&tickets()[1]);
    assert!(both.contains(HONEST), "{both}");
    assert!(!both.to_lowercase().contains("[code]"), "{both}");
    assert!(!is_hidden(&both), "{both}");
    assert!(!is_hidden(&world.log()));
    shown_on_a_terminal(&world);
    let raw = world.api("events?limit=10").await["items"].clone();
    let raw = raw
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["event_id"] == "evt-1");
    let id = raw.unwrap()["id"].as_str().unwrap().to_owned();
    let body = world.api(&format!("events/{id}")).await;
    assert_eq!(body["body"]["queue"]["id"], json!(NAME), "{body}");
}

fn shown_on_a_terminal(world: &World) {
    let run = |more: &[&str]| {
        let output = world
            .command(&[&["incidents", "--all"], more].concat())
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let table = run(&[]);
    assert!(table.contains("202e") && !is_hidden(&table), "{table}");
    let text = run(&["--output", "json"]);
    assert!(!is_hidden(&text), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    let items = json["items"].as_array().unwrap();
    assert!(items.iter().any(|one| one["key"] == NAME), "{text}");
}
