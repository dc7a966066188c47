//! The shipped example: what its rules make of events as their senders send them.

use serde_json::Value;

use crate::cli::checking::sound;
use crate::cli::world::ringdown_with;

macro_rules! event {
    ($name:literal) => {
        include_str!(concat!(
            "../../../src/normalise/catalogue/samples/",
            $name,
            ".json"
        ))
    };
}

/// What `explain` says of `events`, in this order, with the example.
fn explained(events: &[&str]) -> Vec<Value> {
    let names: Vec<String> = (0..events.len()).map(|at| format!("{at}.json")).collect();
    let example = sound();
    let mut files = vec![("my.toml", example.as_str())];
    files.extend(names.iter().map(String::as_str).zip(events.iter().copied()));
    let mut arguments = vec!["explain", "--offline", "-o", "json", "--config", "my.toml"];
    arguments.extend(names.iter().map(String::as_str));
    let ran = ringdown_with(&files, &arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json().as_array().unwrap().clone()
}

/// What `rule` found in the last of `events`.
fn finding(events: &[&str], rule: &str) -> Value {
    let explained = explained(events);
    let last = explained.last().unwrap();
    let rules = last["rules"].as_array().unwrap();
    let found = rules.iter().rfind(|one| one["rule"] == rule);
    found.unwrap_or_else(|| panic!("{rule}: {last:#}")).clone()
}

/// The verdict of `rule` on `event`.
fn verdict(event: &str, rule: &str) -> Value {
    finding(&[event], rule)["verdict"].clone()
}

/// Asserts that the last of `events` breaches `rule`, and that its ticket has these parts.
#[track_caller]
fn assert_ticket(events: &[&str], rule: &str, parts: &[&str]) {
    let found = finding(events, rule);
    assert_eq!(found["verdict"], "breach", "{found:#}");
    let fields = &found["ticket"]["fields"];
    let text = fields.to_string();
    for part in parts {
        assert!(text.contains(part), "{part} is not in {fields:#}");
    }
}

#[test]
fn a_queue_that_waits_too_long_has_a_ticket_with_its_name() {
    let guide = event!("guide-queue-waiting");
    assert_ticket(
        &[guide],
        "queue-wait",
        &[
            "Average wait in seconds: ",
            "queue-wait on Support_Voice_DE",
        ],
    );
    let long = event!("queue-interval");
    let found = finding(&[long], "queue-wait");
    assert!(
        found["verdict"].is_string(),
        "it reads the real topic: {found:#}"
    );
}

#[test]
fn calls_that_wait_while_nobody_is_there_have_a_ticket() {
    let waiting = event!("queue-observation");
    let agents = event!("queue-agents");
    assert_eq!(
        finding(&[waiting, agents], "nobody-there")["verdict"],
        "clear"
    );
    let nobody = regex::Regex::new("\"count\": \\d+").unwrap();
    let nobody = nobody.replace_all(agents, "\"count\": 0");
    assert_ticket(&[waiting, &nobody], "nobody-there", &["nobody-there on "]);
}

#[test]
fn a_trunk_that_is_down_shows_its_status_detail_and_error_code() {
    let parts = [
        "trunk-down on ",
        "Status: DOWN",
        "Detail: 203.0.113.17:5061: No response to OPTIONS",
        "Error code: ",
    ];
    assert_ticket(&[event!("trunk-down")], "trunk-down", &parts);
    assert_eq!(verdict(event!("trunk-degraded"), "trunk-down"), "breach");
    assert_eq!(verdict(event!("trunk-up"), "trunk-down"), "clear");
    let named = ["trunk-down on Carrier A BYOC Trunk"];
    assert_ticket(&[event!("guide-trunk-down")], "trunk-down", &named);
    assert_eq!(
        verdict(event!("guide-trunk-in-service"), "trunk-down"),
        "clear"
    );
}

#[test]
fn an_edge_that_is_offline_has_a_ticket() {
    // The topic contains no name.
    let parts = ["edge-offline on 581f0c3d-", "Status: OFFLINE"];
    assert_ticket(&[event!("edge-offline")], "edge-offline", &parts);
    assert_eq!(verdict(event!("edge-online"), "edge-offline"), "clear");
}

#[test]
fn an_alert_of_genesys_has_a_ticket_with_its_rule() {
    let parts = [
        "Alert: Support voice - average wait above 5 min",
        "Status: ALERTING",
    ];
    assert_ticket(&[event!("alert-create")], "genesys-alert", &parts);
    assert_eq!(verdict(event!("alert-close"), "genesys-alert"), "clear");
}

#[test]
fn repeated_errors_of_a_data_action_have_a_ticket_with_its_name_and_error() {
    let error = event!("operational-data-action-error");
    let parts = [
        "Look up customer",
        "Error code: gateway.timeout",
        "What: Integration action error",
    ];
    assert_ticket(&[error], "data-action-errors", &parts);
    let found = finding(&[error], "data-action-errors");
    assert_eq!(found["counted"]["at_least"], 5);
}
