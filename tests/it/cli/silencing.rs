//! `silences`: made, looked at, ended; what a pending incident waits for; maintenance windows
//! in `explain`.

use serde_json::Value;

use crate::cli::world::{Ran, World};

const GUIDE: &[u8] = include_bytes!("../../fixtures/guide-queue-waiting.json");

fn items(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()["items"].as_array().unwrap().clone()
}

#[test]
fn a_silence_is_made_and_ended_and_keeps_the_ticket_waiting_meanwhile() {
    let world = World::serving();
    assert_eq!(world.ask(&["silences"]).out.trim(), "No silences.");
    let made = world.ask(&[
        "silences",
        "create",
        "--match",
        "rule=queue-wait",
        "--match",
        "key!=q-loud",
        "--for",
        "2h",
        "--reason",
        "a new trunk",
        "--output",
        "json",
    ]);
    assert_eq!(made.code, 0, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["author"], "local");
    let listed = world.ask(&["silences", "list", "--state", "active"]);
    for part in [&id, "active", "rule=queue-wait", "a new trunk", "local"] {
        assert!(listed.out.contains(part), "{part}\n{}", listed.out);
    }

    assert_eq!(world.storm(1, 1).code, 0);
    let incidents = || items(&world.ask(&["incidents", "list", "--output", "json"]));
    world.until("the breach is recorded", || incidents().len() == 1);
    assert_eq!(incidents()[0]["state"], "pending");
    let table = world.ask(&["incidents"]);
    assert!(
        table
            .out
            .contains(&format!("NO TICKET: silence {id} covers it")),
        "{}",
        table.out
    );
    let incident = incidents()[0]["id"].as_str().unwrap().to_owned();
    let shown = world.ask(&["incidents", "show", &incident]);
    let by = |line: &str| line.starts_with("  by ") && line.ends_with(&format!("silence {id}"));
    assert!(shown.out.lines().any(by), "{}", shown.out);

    let ended = world.ask(&["silences", "expire", &id, "99"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("expire: 1 of 2"), "{}", ended.out);
    assert!(
        ended.err.contains("there is no silence 99"),
        "{}",
        ended.err
    );
    world.until("it opens", || incidents()[0]["state"] == "open");
    let shown = world.ask(&["silences", "show", &id]);
    assert!(shown.out.contains("expired_by: local"), "{}", shown.out);
}

#[test]
fn a_silence_is_tried_before_it_is_made_and_extended_afterwards() {
    let world = World::serving();
    let create = [
        "silences",
        "create",
        "--match",
        "key=nigth",
        "--for",
        "2h",
        "--reason",
        "x",
    ];
    let tried = world.ask(&[&create[..], &["--dry-run"]].concat());
    assert_eq!(tried.code, 0, "{tried:?}");
    assert!(tried.out.contains("warning: It hits nothing"), "{tried:?}");
    assert!(items(&world.ask(&["silences", "-o", "json"])).is_empty());
    let made = world.ask(&[&create[..], &["-o", "json"]].concat()).json();
    let id = made["id"].as_str().unwrap();
    let extended = world.ask(&["silences", "extend", id, "--for", "1h"]);
    assert!(extended.out.contains("ends at"), "{extended:?}");
}

#[test]
fn a_silence_that_cannot_be_meant_is_wrong_usage() {
    let world = World::serving();
    let create = |more: &[&str]| {
        let arguments = [&["silences", "create", "--reason", "x"], more].concat();
        world.ask(&arguments)
    };
    for (more, says) in [
        (&["--for", "2h"][..], "--match"),
        (&["--match", "key=q"], "--for"),
        (
            &[
                "--match",
                "key=q",
                "--for",
                "2h",
                "--ends",
                "2030-01-01T00:00:00Z",
            ],
            "--ends",
        ),
        (&["--match", "queue=q", "--for", "2h"], "source, rule, key"),
        (&["--match", "rule=queue-wiat", "--for", "2h"], "queue-wait"),
        (&["--match", "key=q", "--for", "soon"], "no duration"),
    ] {
        let ran = create(more);
        assert_eq!(ran.code, 2, "{more:?}: {ran:?}");
        assert!(ran.err.contains(says), "{more:?}: {}", ran.err);
    }
    assert_eq!(world.ask(&["silences"]).out.trim(), "No silences.");
}

#[test]
fn explain_names_the_maintenance_window_that_is_in_force() {
    let world = World::new();
    world.configure(
        "[maintenance.always]\nmatch = [\"rule=queue-wait\"]\ncron = \"* * * * *\"\nduration = \"10m\"\n",
    );
    let ran = world.run_on(&["explain", "-"], GUIDE);
    assert_eq!(ran.code, 0, "{ran:?}");
    let says = "silenced by maintenance window always until ";
    assert!(ran.out.contains(says), "{}", ran.out);
    let ran = world.run_on(&["explain", "-", "--output", "json"], GUIDE);
    let silenced = &ran.json()[0]["rules"][0]["silenced"];
    assert_eq!(silenced["by"], "maintenance window always");
}

#[test]
fn windows_of_the_configuration_are_listed_marked_and_cannot_be_expired() {
    let world = World::serving_with(
        "[maintenance.always]\nmatch = [\"rule=queue-wait\"]\ncron = \"* * * * *\"\n\
         duration = \"10m\"\nreason = \"the carrier's\"\n\
         [maintenance.sundays]\nmatch = [\"key=q1\"]\ncron = \"0 2 * * SUN\"\nduration = \"1m\"\n",
    );
    let listed = world.ask(&["silences", "list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    for part in [
        "maintenance:always",
        "maintenance:sundays",
        "active",
        "configuration",
    ] {
        assert!(listed.out.contains(part), "{part}\n{}", listed.out);
    }
    let shown = world.ask(&["silences", "show", "maintenance:always"]);
    assert!(shown.out.contains("read_only: true"), "{}", shown.out);
    let ended = world.ask(&["silences", "expire", "maintenance:always"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let says = "change [maintenance.always] and restart";
    assert!(ended.err.contains(says), "{}", ended.err);
}
