//! Commands that ask a running daemon, and change what it keeps.

use serde_json::Value;

use crate::cli::world::{Ran, TOKEN, World, ringdown_with};

fn items(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()["items"].as_array().unwrap().clone()
}

/// A daemon with an incident whose ticket could not be opened.
fn with_a_dead_letter() -> (World, String) {
    let world = World::serving();
    world.refuse_tickets();
    assert_eq!(world.storm(1, 1).code, 0);
    let dead = || items(&world.ask(&["dead-letters", "list", "--output", "json"]));
    world.until("there is a dead letter", || dead().len() == 1);
    let id = dead()[0]["id"].to_string();
    let id = id.trim_matches('"').to_owned();
    (world, id)
}

#[test]
fn health_finds_the_daemon_by_its_configuration_and_names_its_parts() {
    let world = World::serving();
    let ran = world.run(&["health"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("ready\n"), "{}", ran.out);
    assert!(ran.out.contains("store: up"), "{}", ran.out);
    assert_eq!(world.run(&["health", "--live"]).code, 0);
}

#[test]
fn a_proxy_for_the_crms_is_not_asked_for_this_machine() {
    let world = World::serving();
    let ran = world.run_behind_a_proxy(&["health"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn g12_a_dead_letter_shows_what_a_person_needs_and_can_be_replayed() {
    let (world, id) = with_a_dead_letter();
    let listed = world.ask(&["dead-letters"]);
    assert!(listed.out.contains("integration_failure"), "{}", listed.out);
    let shown = world.ask(&["dead-letters", "show", &id]);
    assert_eq!(shown.code, 0);
    for part in [
        "kind: integration_failure",
        "operation: create",
        "target: crm",
        "waits",
    ] {
        assert!(
            shown.out.contains(part),
            "{part} is missing in\n{}",
            shown.out
        );
    }
    let ran = world.ask(&["dead-letters", "replay", &id]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn one_id_that_cannot_be_done_does_not_stop_the_others() {
    let (world, id) = with_a_dead_letter();
    world.let_refusals_be_certain();
    let ran = world.ask(&["dead-letters", "discard", "999999", &id, "--output", "json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["discard"], serde_json::json!([id]));
    assert!(ran.err.contains("999999"), "{}", ran.err);
    let left = world.ask(&["dead-letters", "list", "--output", "json"]);
    assert!(items(&left).is_empty());
}

#[test]
fn a_change_in_bulk_needs_a_yes_and_keeps_to_its_filter() {
    let (world, _) = with_a_dead_letter();
    let unsure = world.ask(&["dead-letters", "discard", "--all"]);
    assert_eq!(unsure.code, 2);
    assert!(unsure.err.contains("--yes"), "{}", unsure.err);
    let other = [
        "dead-letters",
        "discard",
        "--all",
        "--yes",
        "--kind",
        "rate_limited",
    ];
    assert_eq!(world.ask(&other).code, 0);
    let list = ["dead-letters", "list", "--output", "json"];
    assert_eq!(items(&world.ask(&list)).len(), 1);
    world.let_refusals_be_certain();
    let all = world.ask(&["dead-letters", "discard", "--all", "--yes"]);
    let said: Vec<&str> = all.out.lines().collect();
    assert_eq!(said[0], "discarded: 1");
    assert!(said[1].contains("its key is released"), "{said:?}");
    assert!(items(&world.ask(&list)).is_empty());
}

#[test]
fn a_filter_that_the_daemon_does_not_know_is_wrong_usage() {
    let world = World::serving();
    let ran = world.ask(&["incidents", "list", "--state", "opened"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("pending, open, recovered, closed"),
        "{}",
        ran.err
    );
}

#[test]
fn an_item_that_is_not_there_is_status_1() {
    let world = World::serving();
    for id in ["999999", "../config", "a b?c#d"] {
        let ran = world.ask(&["review", "show", id]);
        assert_eq!(ran.code, 1, "{id}: {ran:?}");
        assert_eq!(ran.out, "", "{id}");
    }
}

#[test]
fn a_list_goes_on_past_one_page_of_the_api() {
    let world = World::serving();
    assert_eq!(world.storm(520, 520).code, 0);
    let list = |limit: &str| {
        let ran = world.ask(&["incidents", "list", "--output", "json", "--limit", limit]);
        items(&ran).len()
    };
    world.until("every queue has its incident", || list("1000") == 520);
    assert_eq!(list("510"), 510);
    let table = world.ask(&["incidents", "list", "--limit", "2"]);
    assert!(table.out.contains("there are more"), "{}", table.out);
}

#[test]
fn status_says_in_one_sentence_and_plain_lines_what_is_going_on() {
    let (world, id) = with_a_dead_letter();
    let ran = world.ask(&["status"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let first = ran.out.lines().next().unwrap();
    assert!(
        first.starts_with("1 queue in trouble, without a ticket"),
        "{first}"
    );
    assert!(
        first.ends_with("1 dead letter waits for a person."),
        "{first}"
    );
    for part in [
        format!("NO TICKET: a person is needed: dead letter {id}"),
        format!("1 × create in crm, see: ringdown dead-letters show {id}"),
    ] {
        assert!(ran.out.contains(&part), "{part} is missing in\n{}", ran.out);
    }
    let drawn = |one: char| one == '\u{1b}' || ('\u{2500}'..'\u{2580}').contains(&one);
    assert!(
        !ran.out.contains(drawn),
        "piped lines are plain: {}",
        ran.out
    );
    let json = world.ask(&["status", "-o", "json"]).json();
    assert_eq!(format!("{}.", json["sentence"].as_str().unwrap()), first);
    let wide = world.ask(&["status", "-o", "wide"]);
    assert!(wide.out.contains("target  crm"), "{}", wide.out);
}

#[test]
fn why_answers_first_and_takes_a_key_or_the_beginning_of_an_id() {
    let (world, _) = with_a_dead_letter();
    let incident = items(&world.ask(&["incidents", "-o", "json"]))[0].clone();
    let text = |name: &str| incident[name].as_str().unwrap().to_owned();
    for named in [text("key"), text("id"), text("id")[..13].to_owned()] {
        let ran = world.ask(&["why", &named]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let first = ran.out.lines().next().unwrap();
        assert!(
            first.contains("has NO TICKET: a person is needed"),
            "{first}"
        );
        assert!(
            ran.out.contains("create became a dead letter"),
            "{}",
            ran.out
        );
    }
    let nothing = world.ask(&["why", "no-such-thing"]);
    assert_eq!(nothing.code, 1, "{nothing:?}");
    assert!(nothing.out.starts_with("Nothing is known"), "{nothing:?}");
}

#[test]
fn lists_are_plain_lines_with_short_ids_and_an_incident_is_acted_on_by_one() {
    let (world, _) = with_a_dead_letter();
    let listed = world.ask(&["incidents", "--all"]);
    let lines: Vec<&str> = listed.out.lines().collect();
    assert!(lines[0].starts_with("SEVERITY"), "{listed:?}");
    assert_eq!(lines.len(), 2, "{listed:?}");
    let drawn = |one: char| one == '\u{1b}' || ('\u{2500}'..'\u{2580}').contains(&one);
    assert!(!listed.out.contains(drawn), "{listed:?}");
    let worst = world.ask(&["incidents", "--state", "open", "--since", "1h"]);
    assert!(worst.out.contains("NO TICKET"), "{worst:?}");
    let none = world.ask(&["incidents", "--severity", "info"]);
    assert_eq!(none.out.trim(), "No incidents.");

    let whole = items(&world.ask(&["incidents", "-o", "json"]))[0]["id"].clone();
    let short = &whole.as_str().unwrap()[28..];
    assert!(worst.out.contains(short), "{worst:?}");
    let why = ["--reason", "a test call"];
    let closed = world.ask(&[&["incidents", "close", short], &why[..]].concat());
    assert_eq!(closed.code, 0, "{closed:?}");
    assert!(closed.out.contains("is closed"), "{closed:?}");
    let again = world.ask(&[&["incidents", "close", short, "-o", "json"], &why[..]].concat());
    assert_eq!(again.code, 1, "{again:?}");
    let error: Value = serde_json::from_str(&again.err).unwrap();
    assert!(
        error["error"].as_str().unwrap().contains("closed already"),
        "{error}"
    );
    let shown = world.ask(&["incidents", "show", short]);
    assert!(
        shown.out.contains("by local in Ringdown: a test call"),
        "{shown:?}"
    );
    let audit = world.ask(&["audit"]);
    for part in ["incident.close", "local", "a test call"] {
        assert!(audit.out.contains(part), "{part}\n{audit:?}");
    }
    for command in ["events", "deliveries", "locks", "targets"] {
        let ran = world.ask(&[command]);
        assert_eq!(ran.code, 0, "{command}: {ran:?}");
    }
}

#[test]
fn a_replay_is_planned_and_says_what_came_of_it() {
    let (world, id) = with_a_dead_letter();
    let plan = world.ask(&["dead-letters", "replay", "--plan", &id]);
    // This CRM answers without a record, so nobody knows whether the ticket exists.
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.out.starts_with("1 of 1 would fit now."), "{plan:?}");
    assert!(plan.out.contains("looked up first"), "{plan:?}");
    let all = world.ask(&["dead-letters", "replay", "--plan", "--all", "-o", "json"]);
    assert_eq!(all.json()["count"], 1, "{all:?}");
    let replayed = world.ask(&["dead-letters", "replay", &id, "--wait"]);
    assert_eq!(replayed.code, 1, "{replayed:?}");
    assert!(replayed.out.contains("dead"), "{replayed:?}");
    assert!(
        replayed.out.contains("replayed 1, of which 0 are done"),
        "{replayed:?}"
    );
}

#[test]
fn a_target_is_paused_and_resumed_from_the_command_line() {
    let world = World::serving();
    let pause = ["targets", "pause", "crm", "--reason", "release weekend"];
    let paused = world.ask(&pause);
    assert_eq!(paused.code, 0, "{paused:?}");
    assert!(paused.out.contains("Nothing is sent to crm"), "{paused:?}");
    assert_eq!(world.ask(&pause).code, 1);
    let status = world.ask(&["status"]);
    assert!(status.out.contains("crm paused by local"), "{status:?}");
    world.until("health says it too", || {
        let health = world.run(&["health"]).out;
        health.contains("crm: paused by local") && health.contains("release weekend")
    });
    assert_eq!(world.ask(&["targets", "resume", "crm"]).code, 0);
    let unknown = world.ask(&["targets", "pause", "nosuch", "--reason", "x"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
}

#[test]
fn why_says_which_threshold_a_calm_event_is_below() {
    let world = World::serving();
    let url = world.webhooks();
    let calm = [
        "storm",
        "--url",
        &url,
        "--authorization",
        &format!("Bearer {TOKEN}"),
    ];
    let more = ["--events", "1", "--queues", "1", "--breaching", "0%"];
    let sent = world.run(&[&calm[..], &more[..]].concat());
    assert_eq!(sent.code, 0, "{sent:?}");
    let listed = || items(&world.ask(&["events", "--state", "decided", "-o", "json"]));
    world.until("the event is decided", || !listed().is_empty());
    let id = listed()[0]["event_id"].as_str().unwrap().to_owned();
    let why = world.ask(&["why", &id]);
    assert_eq!(why.code, 0, "{why:?}");
    let first = why.out.lines().next().unwrap();
    assert!(first.starts_with("No ticket: "), "{first}");
    assert!(
        first.ends_with(" s is not above 300 s (rule queue-wait)."),
        "{first}"
    );
}

#[test]
fn a_file_that_was_asked_for_and_cannot_be_used_is_wrong_usage() {
    let files = [("broken.toml", "[server\n")];
    let missing = "/nonexistent/ringdown.toml";
    for arguments in [
        &["status", "--config", missing][..],
        &["health", "--config", missing],
        &[
            "incidents",
            "--config",
            missing,
            "--url",
            "http://127.0.0.1:1",
        ],
        &["why", "x", "--config", "broken.toml"],
    ] {
        let ran = ringdown_with(&files, arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert_eq!(ran.out, "", "{arguments:?}");
        let named = [missing, "broken.toml"];
        assert!(named.iter().any(|name| ran.err.contains(name)), "{ran:?}");
    }
}

#[test]
fn where_there_is_no_file_that_is_said_first() {
    let note = "note: there is no ./ringdown.toml here";
    let check = ringdown_with(&[], &["config", "check"]);
    assert_eq!(check.code, 2, "{check:?}");
    assert!(check.out.starts_with(note), "{check:?}");
    let serve = ringdown_with(&[], &["serve"]);
    assert_eq!(serve.code, 2, "{serve:?}");
    assert!(serve.err.starts_with(note), "{serve:?}");
}

#[test]
fn every_list_takes_its_filters_without_the_word_list_and_refuses_what_it_does_not_know() {
    let (world, id) = with_a_dead_letter();
    for arguments in [
        &[
            "dead-letters",
            "--target",
            "crm",
            "--since",
            "1h",
            "--limit",
            "3",
        ][..],
        &["dead-letters", "--kind", "rate_limited"],
        &[
            "silences", "--state", "active", "--since", "1h", "--limit", "3",
        ],
        &["review", "--source", "genesys"],
        &["review", "--since", "1h", "--limit", "2"],
        &["review", "--limit", "2"],
    ] {
        let ran = world.ask(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    }
    let found = world.ask(&["dead-letters", "--target", "crm", "-o", "json"]);
    assert_eq!(items(&found).len(), 1);
    let none = world.ask(&["dead-letters", "--kind", "rate_limited", "-o", "json"]);
    assert!(items(&none).is_empty());
    for arguments in [
        &["incidents", "--target", "nosuch"][..],
        &["deliveries", "--target", "nosuch"],
        &["events", "--source", "nosuch"],
    ] {
        let ran = world.ask(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(
            ran.err.contains("nosuch") && ran.err.contains("there are"),
            "{ran:?}"
        );
    }
    // A filter in front of a command would not hold for what the command does.
    let before = [
        "dead-letters",
        "--kind",
        "rate_limited",
        "discard",
        "--all",
        "--yes",
    ];
    let ran = world.ask(&before);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("behind the command"), "{ran:?}");
    let left = world.ask(&["dead-letters", "-o", "json"]);
    assert_eq!(items(&left)[0]["id"], Value::String(id));
}
