//! The form in which problems are shown: file, line and column, the line with a caret, and help.

use crate::cli::checking::sound;
use crate::cli::world::{ringdown_given, ringdown_with};
use crate::support::ports::free_port;

fn check(text: &str, more: &[&str]) -> crate::cli::world::Ran {
    let arguments = [&["config", "check", "--config", "my.toml"], more].concat();
    ringdown_with(&[("my.toml", text)], &arguments)
}

#[test]
fn a_problem_is_shown_with_its_line_a_caret_and_help() {
    let text = sound().replace("'status == \"OFFLINE\"'", "'status = \"OFFLINE\"'");
    let ran = check(&text, &["--offline"]);
    let line = 1 + text
        .lines()
        .position(|line| line.contains("'status = "))
        .unwrap();
    let expected = format!(
        "error: rules.edge-offline.when: not a valid expression: `=` is no comparison\n  \
         --> my.toml:{line}:16\n   |\n{line} | when = 'status = \"OFFLINE\"'\n   |                ^\n   \
         = help: use `==`\n"
    );
    assert!(ran.out.contains(&expected), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "no colour but on a terminal");
    let daemon = ringdown_with(&[("my.toml", &text)], &["serve", "--config", "my.toml"]);
    assert_eq!(daemon.code, 2);
    assert!(daemon.err.contains(&expected), "{}", daemon.err);
}

#[test]
fn lines_fit_a_terminal_of_80_columns() {
    let text = sound().replace(
        "avg > 300",
        "avg > 300 AND status == \\\"a long text of many words in one line\\\"",
    );
    let ran = check(&text, &["--offline"]);
    assert!(ran.out.contains("AND"), "{}", ran.out);
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_secret_is_in_no_line_that_is_shown() {
    let text = sound().replace(
        "{ type = \"bearer\", secret = { env = \"GENESYS_WEBHOOK_TOKEN\" } }",
        "{ type = \"bearer\", secert = \"hunter-2-hunter-2\" }",
    );
    let ran = check(&text, &["--offline"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("[secret]") && !ran.out.contains("hunter"),
        "{}",
        ran.out
    );
}

#[test]
fn without_the_secrets_everything_is_checked_offline_and_they_are_named() {
    let text = sound();
    let online = check(&text, &[]);
    assert_eq!(online.code, 2);
    assert!(
        online.out.contains("GENESYS_WEBHOOK_TOKEN is not set"),
        "{}",
        online.out
    );
    let offline = check(&text, &["--offline"]);
    assert_eq!(offline.code, 0, "{offline:?}");
    for name in [
        "GENESYS_WEBHOOK_TOKEN",
        "SALESFORCE_CLIENT_SECRET",
        "SERVICENOW_CLIENT_SECRET",
    ] {
        assert!(offline.out.contains(name), "{}", offline.out);
    }
    let shown = ringdown_with(
        &[("my.toml", &text)],
        &["config", "show", "--offline", "--config", "my.toml"],
    );
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(
        shown
            .out
            .contains("[secret from env SALESFORCE_CLIENT_SECRET]"),
        "{}",
        shown.out
    );
    let guide = include_str!("../../fixtures/guide-queue-waiting.json");
    let files = [("my.toml", text.as_str()), ("event.json", guide)];
    let explained = ringdown_with(
        &files,
        &["explain", "event.json", "--offline", "--config", "my.toml"],
    );
    assert_eq!(explained.code, 0, "{explained:?}");
    assert!(
        explained.out.contains("queue-wait: breach"),
        "{}",
        explained.out
    );
}

#[test]
fn a_file_beside_you_or_named_by_a_variable_is_read_without_a_flag() {
    let text = sound();
    let beside = ringdown_with(
        &[("ringdown.toml", &text)],
        &["config", "show", "--offline"],
    );
    assert!(beside.out.contains("rules.queue-wait.when"), "{beside:?}");
    let other = "[server]\nmax_in_flight = 7\n";
    let files = [("ringdown.toml", text.as_str()), ("other.toml", other)];
    let show = ["config", "show", "--offline"];
    let variable = [("RINGDOWN_CONFIG", "other.toml")];
    let named = ringdown_given(&files, &variable, &show);
    assert_eq!(named.code, 2, "the file beside is not read then: {named:?}");
    let both = [&show[..], &["--config", "ringdown.toml"]].concat();
    let flagged = ringdown_given(&files, &variable, &both);
    assert!(!flagged.out.contains("max_in_flight = 7"), "{flagged:?}");
}

#[test]
fn commands_find_the_daemon_by_the_same_file_without_its_secrets() {
    let port = free_port();
    let text = format!("{}\n[admin]\nlisten = \"127.0.0.1:{port}\"\n", sound());
    for command in ["status", "incidents", "silences", "health"] {
        let ran = ringdown_with(&[("ringdown.toml", &text)], &[command]);
        assert_eq!(ran.code, 1, "{command}: {ran:?}");
        let address = format!("127.0.0.1:{port}");
        assert!(ran.err.contains(&address), "{command}: {}", ran.err);
    }
}

#[test]
fn three_hundred_rules_are_checked_in_a_moment() {
    let rule = |number: usize| {
        format!(
            "[rules.extra-{number}]\nevents = [\"telephony.queue.waiting\", \"v2.analytics.queues.{{id}}.observations\"]\n\
             when = \"metrics[queue.waitTime].avg > {number} && metrics[oWaiting].count >= 3\"\n\
             clear = \"metrics[queue.waitTime].avg < {number}\"\nkey = \"{{{{ queue_id or queue_name }}}}\"\n\
             severity = {{ critical = \"metrics[queue.waitTime].avg > 900\" }}\ntargets = [\"salesforce\", \"servicenow\"]\n"
        )
    };
    let rules: String = (0..300).map(|number| rule(number + 100)).collect();
    let text = format!("{}\n{rules}", sound());
    let started = std::time::Instant::now();
    let ran = check(&text, &["--offline"]);
    let took = started.elapsed();
    assert_eq!(ran.code, 0, "{}", ran.out);
    // 300 ms where it is optimised; this build is not.
    assert!(took < std::time::Duration::from_secs(20), "{took:?}");
    eprintln!("306 rules in {took:?}");
}
