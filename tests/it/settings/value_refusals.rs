//! Values of the wrong type, out of range, or not what they are meant to be.

use crate::settings::refusals::{assert_problem, assert_refused, problem_of};
use crate::settings::world::World;

#[test]
fn a_wrong_type_says_which_one_is_wanted() {
    assert_refused(
        "[server]\nmax_in_flight = \"many\"",
        "server.max_in_flight",
        "must be a whole number, but is text",
        None,
    );
    assert_refused(
        "[server]\nmax_in_flight = 1.5",
        "server.max_in_flight",
        "a whole number",
        None,
    );
    assert_refused(
        "[rules.queue-wait]\nevents = \"telephony.queue.waiting\"",
        "rules.queue-wait.events",
        "must be a list",
        None,
    );
    assert_refused(
        "log = \"json\"",
        "log",
        "must be a table, but is text",
        None,
    );
    assert_refused(
        "[rules.queue-wait]\nkey = 5",
        "rules.queue-wait.key",
        "must be text",
        None,
    );
    assert_refused(
        "[targets.salesforce.create]\nPriority = [\"High\"]",
        "targets.salesforce.create.Priority",
        "but is a list",
        None,
    );
}

#[test]
fn expressions_and_templates_are_compiled_at_start() {
    assert_refused(
        "[rules.queue-wait]\nwhen = \"metrics[tWait].avg >\"",
        "rules.queue-wait.when",
        "not a valid expression",
        None,
    );
    assert_refused(
        "[rules.queue-wait]\nclear = \"queue_nmae == 'x'\"",
        "rules.queue-wait.clear",
        "unknown name `queue_nmae`",
        Some("queue_name"),
    );
    assert_refused(
        "[rules.queue-wait]\nkey = \"{{ queue_id\"",
        "rules.queue-wait.key",
        "not a valid template",
        None,
    );
    assert_refused(
        "[targets.salesforce.create]\nSubject = \"{{ queue_nmae }}\"",
        "targets.salesforce.create.Subject",
        "unknown name `queue_nmae`",
        Some("queue_name"),
    );
}

#[test]
fn durations_need_a_unit_and_often_a_length() {
    assert_refused(
        "[rules.queue-wait]\nfor = 60",
        "rules.queue-wait.for",
        "60 has no unit",
        Some("\"60s\""),
    );
    assert_refused(
        "[rules.queue-wait]\nfor = \"60\"",
        "rules.queue-wait.for",
        "60 has no unit",
        Some("\"60s\""),
    );
    assert_refused(
        "[rules.queue-wait]\nfor = \"soon\"",
        "rules.queue-wait.for",
        "`soon` is not a duration",
        None,
    );
    assert_refused(
        "[rules.queue-wait]\nfor = \"-5s\"",
        "rules.queue-wait.for",
        "is not a duration",
        None,
    );
    assert_refused(
        "[store]\nretention = \"900y\"",
        "store.retention",
        "longer than ten years",
        None,
    );
    for (section, key) in [
        ("server", "request_timeout"),
        ("server", "body_timeout"),
        ("store", "retention"),
        ("rules.queue-wait", "quiet_after"),
        ("targets.salesforce", "timeout"),
        ("targets.salesforce.retry", "base"),
        ("targets.salesforce.sync", "poll_every"),
    ] {
        let problem = World::base()
            .with_file("bad.toml", &format!("[{section}]\n{key} = \"0s\""))
            .problem();
        assert_problem(
            &problem,
            &format!("{section}.{key}"),
            "longer than zero",
            None,
        );
    }
}

#[test]
fn numbers_have_their_limits() {
    for (section, key, value, reason) in [
        ("server", "max_in_flight", "0", "must be from 1"),
        ("server", "max_body_bytes", "-1", "must be from 1"),
        ("server", "max_connections", "0", "must be from 1"),
        ("server", "body_memory", "0", "must be from 1"),
        (
            "targets.salesforce.limit",
            "concurrent",
            "0",
            "must be from 1",
        ),
        (
            "targets.salesforce.limit",
            "per_second",
            "0",
            "must be from 1",
        ),
        (
            "targets.salesforce.retry",
            "factor",
            "0.5",
            "must be from 1.0",
        ),
        (
            "targets.salesforce.retry",
            "jitter",
            "1.5",
            "from 0.0 to 1.0",
        ),
        (
            "targets.salesforce.retry",
            "jitter",
            "nan",
            "must be a number",
        ),
    ] {
        let problem = problem_of(&format!("[{section}]\n{key} = {value}"));
        assert_problem(&problem, &format!("{section}.{key}"), reason, None);
    }
}

#[test]
fn flapping_is_false_or_a_table_of_sensible_values() {
    for (text, path, reason) in [
        ("flapping = true", "flapping", "must be false, or a table"),
        ("flapping = 4", "flapping", "must be false, or a table"),
        (
            "flapping.times = 0",
            "flapping.times",
            "must be from 1 to 20",
        ),
        (
            "flapping.times = 21",
            "flapping.times",
            "must be from 1 to 20",
        ),
        (
            "flapping.calm = \"0s\"",
            "flapping.calm",
            "longer than zero",
        ),
        ("flapping.within = 60", "flapping.within", "has no unit"),
        ("flapping.window = \"1h\"", "flapping.window", "unknown key"),
    ] {
        let problem = problem_of(&format!("[rules.queue-wait]\n{text}"));
        assert_eq!(problem.path, format!("rules.queue-wait.{path}"));
        assert!(problem.reason.contains(reason), "{text}: {problem:?}");
    }
    let off = World::base().with_variable("RINGDOWN__RULES__QUEUE-WAIT__FLAPPING", "false");
    assert_eq!(off.loaded().settings.rules[0].flapping, None);
    let some = World::base().with_file("some.toml", "[rules.queue-wait]\nflapping.times = 7");
    let flapping = some.loaded().settings.rules[0].flapping.unwrap();
    assert_eq!((flapping.times, flapping.quiet_period.as_secs()), (7, 900));
}

#[test]
fn words_out_of_a_list_are_refused_with_the_list() {
    assert_refused(
        "[rules.queue-wait]\nseverity = \"hihg\"",
        "rules.queue-wait.severity",
        "none of critical, high, medium, low, info",
        Some("high"),
    );
    assert_refused(
        "[rules.queue-wait]\non_recovery = \"Resolve\"",
        "rules.queue-wait.on_recovery",
        "comment, resolve, none",
        Some("resolve"),
    );
    assert_refused(
        "[log]\nlevel = \"inof\"",
        "log.level",
        "none of off, error",
        Some("info"),
    );
    assert_refused(
        "[targets.salesforce.sync]\non_ticket_closed = \"reopen\"",
        "targets.salesforce.sync.on_ticket_closed",
        "close, ignore",
        None,
    );
}

#[test]
fn a_severity_by_expressions_is_checked_level_by_level() {
    assert_refused(
        "[rules.queue-wait]\nseverity = { hihg = \"status == 'DOWN'\" }",
        "rules.queue-wait.severity.hihg",
        "unknown key",
        Some("high"),
    );
    assert_refused(
        "[rules.queue-wait]\nseverity = { high = \"statsu == 'DOWN'\" }",
        "rules.queue-wait.severity.high",
        "unknown name `statsu`",
        Some("status"),
    );
    assert_refused(
        "[rules.queue-wait]\nseverity = { high = \"status == 'DOWN'\", default = \"bad\" }",
        "rules.queue-wait.severity.default",
        "none of critical, high, medium, low, info",
        None,
    );
    assert_refused(
        "[rules.queue-wait]\nseverity = { default = \"low\" }",
        "rules.queue-wait.severity",
        "names no level",
        None,
    );
}

#[test]
fn addresses_and_networks_are_checked() {
    assert_refused(
        "[server]\nlisten = \":8080\"",
        "server.listen",
        "not an IP address with a port",
        Some("0.0.0.0:8080"),
    );
    assert_refused(
        "[server]\nlisten = \"localhost:8080\"",
        "server.listen",
        "not an IP address",
        Some("127.0.0.1:8080"),
    );
    assert_refused(
        "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]",
        "server.trusted_proxies",
        "entry 1: `10.0.0.0/33` is not a network",
        None,
    );
    assert_refused(
        "[sources.genesys]\nallow = [\"10.0.0.0/8\", \"office\"]",
        "sources.genesys.allow",
        "entry 2: `office`",
        None,
    );
    assert_refused(
        "[admin]\nlisten = \"0.0.0.0:9090\"",
        "admin.listen",
        "needs a token in admin.tokens",
        None,
    );
    assert_refused(
        "[admin]\nlisten = \"127.0.0.1:8080\"",
        "admin.listen",
        "taken by server.listen",
        None,
    );
    assert_refused(
        "[store]\nurl = \"mysql://x\"",
        "store.url",
        "sqlite: or postgres://",
        None,
    );
    assert_refused(
        "[store]\nurl = \"sqlite::memory:\"",
        "store.url",
        "loses every event",
        None,
    );
}

#[test]
fn an_admin_listener_that_others_reach_is_fine_with_a_token() {
    let loaded = World::base()
        .with_file("more.toml", "[admin]\nlisten = \"0.0.0.0:9090\"\n[admin.tokens.ops]\nrole = \"operator\"\nsecret = { env = \"CRM_SECRET\" }")
        .loaded();
    assert_eq!(loaded.settings.admin.tokens.len(), 1);
}

#[test]
fn empty_text_is_refused() {
    for (section, key) in [
        ("rules.queue-wait", "key"),
        ("rules.queue-wait", "when"),
        ("targets.salesforce.auth", "client_id"),
    ] {
        let problem = problem_of(&format!("[{section}]\n{key} = \" \""));
        assert_problem(
            &problem,
            &format!("{section}.{key}"),
            "may not be empty",
            None,
        );
    }
}
