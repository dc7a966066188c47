//! Help, wrong usage, configuration, completions, starting and stopping.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::cli::world::{World, ringdown};
use crate::support::ports::free_port;

const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["demo"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["config", "schema"],
    &["catalogue"],
    &["health"],
    &["explain"],
    &["incidents"],
    &["incidents", "list"],
    &["incidents", "show"],
    &["incidents", "close"],
    &["incidents", "note"],
    &["incidents", "open-ticket"],
    &["incidents", "leave-outage"],
    &["incidents", "join-outage"],
    &["events"],
    &["deliveries"],
    &["audit"],
    &["locks"],
    &["targets"],
    &["targets", "pause"],
    &["targets", "resume"],
    &["targets", "test"],
    &["dead-letters"],
    &["dead-letters", "list"],
    &["dead-letters", "show"],
    &["dead-letters", "replay"],
    &["dead-letters", "discard"],
    &["review"],
    &["review", "groups"],
    &["review", "list"],
    &["review", "show"],
    &["review", "reprocess"],
    &["review", "discard"],
    &["silences"],
    &["silences", "list"],
    &["silences", "show"],
    &["silences", "create"],
    &["silences", "extend"],
    &["silences", "expire"],
    &["migrate"],
    &["sim"],
    &["storm"],
    &["completions"],
];

#[test]
fn every_command_has_help_on_standard_output() {
    for command in COMMANDS {
        let arguments = [*command, &["--help"]].concat();
        let ran = ringdown(&arguments);
        assert_eq!(ran.code, 0, "{command:?}: {}", ran.err);
        let usage = ["Usage: ringdown", &command.join(" ")].join(" ");
        assert!(
            ran.out.contains(usage.trim_end()),
            "{command:?}: {}",
            ran.out
        );
    }
}

#[test]
fn the_commands_are_listed_in_groups_each_once() {
    let help = ringdown(&["--help"]).out;
    for (group, command) in [
        ("Look:", "incidents"),
        ("Act:", "dead-letters"),
        ("Prepare:", "doctor"),
        ("Run:", "serve"),
    ] {
        assert!(help.contains(group), "{help}");
        let lines = help.lines();
        let line = format!("  {command} ");
        let found = lines.filter(|one| one.starts_with(&line) && !one.contains("--"));
        assert_eq!(found.count(), 1, "{command}\n{help}");
    }
    assert!(help.contains("Examples:"), "{help}");
    let version = ringdown(&["--version"]).out;
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    assert!(version.contains("commit "), "{version}");
}

#[test]
fn wrong_usage_is_status_2_and_said_on_standard_error() {
    for arguments in [
        &["nonsense"][..],
        &[],
        &["config"],
        &["incidents", "--output", "xml"],
        &["incidents", "--url", "nonsense"],
        &["incidents", "list", "--limit", "0"],
        &["health", "--url", "localhost:9090"],
        &["dead-letters", "replay"],
        &["dead-letters", "replay", "7", "--all"],
        &["dead-letters", "replay", "7", "--target", "crm"],
        &["review", "discard", "--all"],
        &["storm", "--duplicates", "101%"],
        &["storm", "--rate", "0"],
        &["storm", "--url", "http://crm.example.com/webhooks/genesys"],
        &["explain", "no-such-file"],
        &["catalogue", "no-such-topic"],
        &["serve", "--config", "no-such-file.toml"],
    ] {
        let ran = ringdown(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert_eq!(ran.out, "", "{arguments:?}");
        assert!(!ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn config_schema_needs_no_configuration_and_describes_every_section() {
    let ran = ringdown(&["config", "schema"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let schema: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    for section in [
        "server", "admin", "store", "log", "sources", "rules", "targets", "outages",
    ] {
        assert_eq!(schema["properties"][section]["type"], "object", "{section}");
    }
}

#[test]
fn config_check_lists_every_problem_at_once() {
    let world = World::new();
    let faults = "[server]\nmax_in_flight = \"many\"\nmax_boddy_bytes = 1\n[rules.queue-wait]\nclear = \"metrics[\"\n";
    let ran = world.run_on(&["config", "check", "--config", "input"], faults.as_bytes());
    assert_eq!(ran.code, 2, "{ran:?}");
    for path in [
        "server.max_in_flight",
        "server.max_boddy_bytes",
        "rules.queue-wait.clear",
    ] {
        assert!(ran.out.contains(path), "{path} is missing in {}", ran.out);
    }
    let json = world.run_on(
        &["config", "check", "--output", "json", "--config", "input"],
        faults.as_bytes(),
    );
    assert_eq!(json.code, 2);
    assert_eq!(json.json()["problems"].as_array().unwrap().len(), 3);
}

#[test]
fn a_sound_configuration_passes_and_is_shown_without_secrets() {
    let world = World::new();
    assert_eq!(world.run(&["config", "check"]).code, 0);
    let shown = world.run(&["config", "show"]);
    assert_eq!(shown.code, 0);
    assert!(shown.out.contains("rules.queue-wait.when"), "{}", shown.out);
    for secret in [crate::cli::world::TOKEN, "nobody-asks-for-it"] {
        assert!(!shown.out.contains(secret), "{secret}");
    }
}

#[test]
fn config_check_warns_of_a_short_secret_and_refuses_a_trivial_admin_token() {
    let world = World::new();
    let short = "[sources.feed]\nformat = \"genesys\"\nauth = [{ type = \"bearer\", secret = \"short\" }]\n";
    let ran = world.run_on(&["config", "check", "--config", "input"], short.as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
    let warned = "sources.feed.auth[0].secret: the secret has fewer than 16 characters";
    assert!(ran.out.contains(warned), "{}", ran.out);
    let token = "[admin.tokens.ops]\nrole = \"operator\"\nsecret = \"a\"\n";
    for command in [
        &["config", "check", "--config", "input"][..],
        &["serve", "--config", "input"],
    ] {
        let ran = world.run_on(command, token.as_bytes());
        assert_eq!(ran.code, 2, "{ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("admin.tokens.ops.secret"), "{said}");
        assert!(said.contains("openssl rand -hex 32"), "{said}");
    }
}

#[test]
fn no_configuration_file_is_left_out_wherever_it_is_named() {
    let world = World::new();
    let one = "[server]\nmax_in_flight = 7\n";
    for arguments in [
        &["--config", "input", "config", "show"][..],
        &["config", "--config=input", "show"],
        &["config", "show", "--config", "input"],
    ] {
        let ran = world.run_on(arguments, one.as_bytes());
        let line = "server.max_in_flight = 7";
        assert!(ran.out.contains(line), "{arguments:?}: {ran:?}");
        assert!(ran.out.contains("rules.queue-wait.when"), "{arguments:?}");
    }
}

#[test]
fn serve_says_all_that_is_wrong_and_ends_with_status_2() {
    let ran = ringdown(&["serve"]);
    assert_eq!(ran.code, 2);
    for section in ["sources", "targets", "rules"] {
        assert!(ran.err.contains(section), "{}", ran.err);
    }
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let world = World::new();
    let _held = std::net::TcpListener::bind(("127.0.0.1", world.admin_port())).unwrap();
    let ran = world.run(&["serve"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("admin.listen"), "{}", ran.err);
}

#[test]
fn a_simulator_whose_port_is_taken_says_which_options_choose_another() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let ran = ringdown(&[
        "sim",
        "--servicenow",
        "127.0.0.1:0",
        "--salesforce",
        &address,
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for part in [address.as_str(), "--salesforce"] {
        assert!(ran.err.contains(part), "{}", ran.err);
    }
}

#[test]
fn the_daemon_stops_with_status_0_at_sigterm_and_at_ctrl_c() {
    for signal in ["TERM", "INT"] {
        assert_eq!(World::serving().signal(signal), Some(0), "{signal}");
    }
}

#[test]
fn health_at_a_closed_port_is_status_1_and_says_what_to_look_at() {
    let url = format!("http://127.0.0.1:{}", free_port());
    for arguments in [
        &["health", "--url", &url][..],
        &["health", "--live", "--url", &url],
    ] {
        let ran = ringdown(arguments);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.err.contains("refused") && ran.err.contains("RINGDOWN_URL"),
            "{}",
            ran.err
        );
        assert!(ran.err.lines().count() <= 2, "{}", ran.err);
    }
}

#[test]
fn migrate_makes_the_database_says_what_it_has_and_can_be_repeated() {
    let world = World::new();
    let first = world.run(&["migrate"]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.out.contains("journal incidents outbox"), "{first:?}");
    let again = world.run(&["migrate", "--output", "json"]);
    assert_eq!(again.json()["migrations"][0]["version"], 1);
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = ringdown(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.out.contains("dead-letters"), "{shell}");
    }
}

#[test]
fn names_of_the_configuration_are_completed() {
    let world = World::new();
    let named = |which: &str| world.run(&["names", which]).out.trim().to_owned();
    assert_eq!(named("targets"), "crm");
    let rule = named("rules").lines().next().unwrap().to_owned();
    let script = "ringdown() { \"$BINARY\" \"$@\"; }; eval \"$(ringdown completions bash)\"; \
        COMP_WORDS=(ringdown events --rule ''); COMP_CWORD=3; _ringdown ringdown '' --rule; \
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let completed = Command::new("bash")
        .args(["-c", script])
        .current_dir(world.folder())
        .env("BINARY", env!("CARGO_BIN_EXE_ringdown"))
        .output()
        .unwrap();
    let completed = String::from_utf8(completed.stdout).unwrap();
    assert!(
        completed.lines().any(|one| one == rule),
        "{completed:?} has no {rule}"
    );
    for shell in ["zsh", "fish"] {
        let script = ringdown(&["completions", shell]).out;
        for which in ["rules", "targets", "sources"] {
            let ask = format!("ringdown names {which}");
            assert!(script.contains(&ask), "{shell} {which}");
        }
    }
    let broken = world.folder().join("broken.toml");
    std::fs::write(&broken, "[rules").unwrap();
    let ran = ringdown(&["names", "rules", "--config", broken.to_str().unwrap()]);
    assert_eq!((ran.out.trim(), ran.err.as_str()), ("", ""));
}

#[test]
fn the_manual_page_has_every_command() {
    let page = ringdown(&["man"]).out;
    assert!(page.starts_with(".TH RINGDOWN 1"), "{page}");
    for command in [
        "ringdown serve",
        "ringdown dead\\-letters replay",
        "ringdown targets pause",
    ] {
        assert!(page.contains(&format!(".SH \"{command}\"")), "{command}");
    }
    assert!(!page.contains("ringdown names"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringdown"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said, "");
}

#[test]
fn wrong_usage_is_json_too_when_json_is_asked_for() {
    for json in [&["-o", "json"][..], &["--output=json"]] {
        let usage = Command::new(env!("CARGO_BIN_EXE_ringdown"))
            .args(["incidents", "close", "some"])
            .args(json)
            .output()
            .unwrap();
        assert_eq!(usage.status.code(), Some(2), "{usage:?}");
        let told: serde_json::Value = serde_json::from_slice(&usage.stderr).unwrap();
        let error = told["error"].as_str().unwrap();
        assert!(error.contains("--reason <REASON>"), "{error}");
    }
}
