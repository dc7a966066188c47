//! What is refused at start, and what is said about it.

use ringdown::settings::{Problem, report};

use crate::settings::world::{BASE, World};

/// The one problem that `text`, laid over the base configuration, makes.
pub(crate) fn problem_of(text: &str) -> Problem {
    World::base().with_file("bad.toml", text).problem()
}

/// Asserts where the problem is, that its reason says `reason`, and what it suggests.
pub(crate) fn assert_problem(
    problem: &Problem,
    path: &str,
    reason: &str,
    suggestion: Option<&str>,
) {
    assert_eq!(problem.path, path);
    assert!(
        problem.reason.contains(reason),
        "{:?} says not {reason:?}",
        problem.reason
    );
    assert_eq!(problem.suggestion.as_deref(), suggestion);
}

pub(crate) fn assert_refused(text: &str, path: &str, reason: &str, suggestion: Option<&str>) {
    let problem = problem_of(text);
    assert_problem(&problem, path, reason, suggestion);
}

#[test]
fn all_problems_are_reported_at_once_and_each_says_where() {
    let world = World::base().with_file(
        "bad.toml",
        "[server]\nlistn = \"0.0.0.0:8080\"\nrequest_timeout = 5\n\
         [rules.queue-wait]\nwhen = \"statsu == 'DOWN'\"\ntargets = [\"salesfroce\"]\n",
    );
    let world = world.with_variable("RINGDOWN__LOG__FORMAT", "xml");
    let problems = world.problems();
    let found: Vec<(&str, Option<&str>)> = problems
        .iter()
        .map(|problem| (problem.path.as_str(), problem.suggestion.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            ("server.request_timeout", Some("\"5s\"")),
            ("server.listn", Some("listen")),
            ("log.format", None),
            ("rules.queue-wait.when", Some("status")),
            ("rules.queue-wait.targets", Some("salesforce")),
        ]
    );
    assert!(
        problems[1]
            .layer
            .as_ref()
            .unwrap()
            .ends_with("bad.toml line 2")
    );
    assert_eq!(
        problems[2].layer.as_deref(),
        Some("environment variable RINGDOWN__LOG__FORMAT")
    );
    let text = world.load().unwrap_err().to_string();
    assert!(text.starts_with("5 problems in the configuration\n"));
    assert!(
        text.contains("rules.queue-wait.when: unknown name `statsu`; did you mean `status`? (")
    );
}

#[test]
fn an_unknown_key_is_refused_wherever_it_stands() {
    let unknown = |text: &str, path: &str, suggestion: &str| {
        assert_refused(text, path, "unknown key", Some(suggestion));
    };
    unknown("[sevrer]\nlisten = \"127.0.0.1:80\"", "sevrer", "server");
    unknown(
        "[rules.queue-wait]\ncler_for = \"2m\"",
        "rules.queue-wait.cler_for",
        "clear_for",
    );
    unknown(
        "[targets.salesforce.retry]\nattempt = 3",
        "targets.salesforce.retry.attempt",
        "attempts",
    );
    unknown(
        "[targets.salesforce.auth]\nscop = \"api\"",
        "targets.salesforce.auth.scop",
        "scope",
    );
    unknown(
        "[sources.genesys]\nauth = [{ type = \"bearer\", secert = \"x\", secret = { env = \"CRM_SECRET\" } }]",
        "sources.genesys.auth[0].secert",
        "secret",
    );
    unknown(
        "[sources.genesys.rate_limit]\nper_second = 1\nbrust = 2",
        "sources.genesys.rate_limit.brust",
        "burst",
    );
}

#[test]
fn a_missing_required_key_is_named() {
    let without = |line: &str, path: &str| {
        assert!(BASE.contains(line));
        let problem = World::empty()
            .with_file("base.toml", &BASE.replacen(line, "", 1))
            .problem();
        assert_problem(&problem, path, "required, but not set", None);
    };
    without("format = \"genesys\"", "sources.genesys.format");
    without(
        "events = [\"telephony.queue.waiting\"]",
        "rules.queue-wait.events",
    );
    without(
        "when = \"metrics[queue.waitTime].avg > 300\"",
        "rules.queue-wait.when",
    );
    without("targets = [\"salesforce\"]", "rules.queue-wait.targets");
    without("kind = \"salesforce\"", "targets.salesforce.kind");
    without(
        "base_url = \"https://example.my.salesforce.com\"",
        "targets.salesforce.base_url",
    );
    without(
        "client_id = \"ringdown\"",
        "targets.salesforce.auth.client_id",
    );
    without(
        "client_secret = { env = \"CRM_SECRET\" }",
        "targets.salesforce.auth.client_secret",
    );
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_line() {
    let mut world = World::base();
    world.loader.files.push("/nowhere/ringdown.toml".into());
    let problem = world.problem();
    assert_problem(&problem, "/nowhere/ringdown.toml", "cannot be read", None);

    let problem = problem_of("[server]\nlisten = \n");
    assert!(problem.path.ends_with("bad.toml"));
    assert!(
        problem.reason.starts_with("is not valid TOML"),
        "{}",
        problem.reason
    );
    assert!(problem.layer.unwrap().ends_with("bad.toml line 2"));

    let problem = World::base()
        .with_variable("RINGDOWN_ENV", "staging")
        .problem();
    assert!(problem.path.ends_with("config/staging.toml"));
    let problem = World::base()
        .with_variable("RINGDOWN_ENV", "../x")
        .problem();
    assert_problem(&problem, "RINGDOWN_ENV", "is not a name", None);
}

#[test]
fn two_targets_of_one_name_are_refused_in_plain_words() {
    let problem =
        problem_of("[targets.one]\nkind = \"salesforce\"\n[targets.one]\nkind = \"servicenow\"\n");
    assert!(
        problem.reason.contains("`one` is defined twice"),
        "{}",
        problem.reason
    );
    assert!(problem.layer.unwrap().ends_with("bad.toml line 3"));
}

#[test]
fn variables_that_mean_nothing_are_refused() {
    let variable = |name: &str| World::base().with_variable(name, "5s").problem();
    let problem = variable("RINGDOWN__SERVER__DRAIN_TIMEOTU");
    assert_problem(
        &problem,
        "server.drain_timeotu",
        "unknown key",
        Some("drain_timeout"),
    );
    assert_eq!(
        problem.layer.as_deref(),
        Some("environment variable RINGDOWN__SERVER__DRAIN_TIMEOTU")
    );
    let problem = variable("RINGDOWN__TARGETS__SALESFROCE__TIMEOUT");
    assert_problem(
        &problem,
        "RINGDOWN__TARGETS__SALESFROCE__TIMEOUT",
        "there is no `targets.salesfroce`",
        Some("salesforce"),
    );
    let problem = variable("RINGDOWN__RULES__");
    assert_problem(&problem, "RINGDOWN__RULES__", "empty part", None);
}

#[test]
fn names_that_point_nowhere_are_refused() {
    assert_refused(
        "[rules.queue-wait]\ntargets = [\"salesforce\", \"servicenow\"]",
        "rules.queue-wait.targets",
        "entry 2: there is no target `servicenow`",
        None,
    );
    assert_refused(
        "[rules.queue-wait]\nsources = [\"genesis\"]",
        "rules.queue-wait.sources",
        "there is no source `genesis`",
        Some("genesys"),
    );
    assert_refused(
        "[outages.site]\ngroup_by = \"all\"\nrules = [\"queue-wiat\"]\nat_least = 2\nwithin = \"2m\"\ntargets = [\"salesforce\"]",
        "outages.site.rules",
        "there is no rule `queue-wiat`",
        Some("queue-wait"),
    );
    let outage = "[outages.site]\ngroup_by = \"all\"\nrules = [\"queue-wait\"]\nat_least = 2\n\
         within = \"2m\"\ntargets = [\"salesforce\"]\n";
    assert_refused(
        &format!("{outage}burst_lock = \"soon\""),
        "outages.site.burst_lock",
        "duration",
        None,
    );
    assert_refused(
        &format!("{outage}causes = [\"trunk-down\"]"),
        "outages.site.causes",
        "there is no rule `trunk-down`",
        None,
    );
    assert_refused(
        "[admin.tokens.\"a b\"]\nrole = \"viewer\"\nsecret = { env = \"CRM_SECRET\" }",
        "admin.tokens.\"a b\"",
        "letters, digits",
        None,
    );
}

#[test]
fn starting_with_nothing_to_do_is_refused_with_a_hint() {
    let problems = World::empty().problems();
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(paths, ["sources", "targets", "rules"]);
    assert!(
        problems
            .iter()
            .all(|problem| problem.reason.contains("config/example.toml"))
    );
}

#[test]
fn a_section_that_is_no_table_makes_one_problem() {
    assert_refused("outages = 5", "outages", "must be a table", None);
    let problem = World::base()
        .with_file("bad.toml", "[rules]\nqueue-wait = \"x\"")
        .problem();
    assert_problem(&problem, "rules.queue-wait", "must be a table", None);
}

#[test]
fn a_rule_that_cannot_resolve_its_tickets_is_warned_about() {
    let resolving = "[rules.queue-wait]\non_recovery = \"resolve\"\n";
    let loaded = World::base().with_file("more.toml", resolving).loaded();
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].path, "rules.queue-wait.on_recovery");
    assert!(loaded.warnings[0].reason.contains("comment only"));
    let able = format!("{resolving}[targets.salesforce.resolve]\nStatus = \"Closed\"\n");
    let loaded = World::base().with_file("more.toml", &able).loaded();
    assert_eq!(loaded.warnings, []);
}

#[test]
fn problems_are_told_to_people_and_to_scripts() {
    let problem = problem_of("[server]\nlistn = \"x\"");
    let text = report::problems_text(std::slice::from_ref(&problem), &[]);
    assert!(text.starts_with("error: server.listn: unknown key"));
    assert!(text.ends_with("The configuration cannot be used: 1 error, 0 warnings.\n"));
    let json = report::problems_json(&[problem], &[]);
    assert_eq!(json["ok"], false);
    assert_eq!(json["problems"][0]["path"], "server.listn");
    assert_eq!(json["problems"][0]["severity"], "error");
    assert_eq!(json["problems"][0]["suggestion"], "listen");
    assert_eq!(json["problems"][0]["help"], "did you mean `listen`?");
    assert_eq!(json["problems"][0]["line"], 2);
    assert_eq!(json["problems"][0]["column"], 1);
    assert_eq!(
        report::problems_text(&[], &[]),
        "The configuration is fine.\n"
    );
}
