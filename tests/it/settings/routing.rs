//! `targets` by expression and in order of preference: what is accepted, and what is refused.

use std::time::Duration;

use ringdown::domain::identity::TargetName;
use ringdown::settings::Settings;

use crate::settings::refusals::assert_refused;
use crate::settings::world::{World, shown};

const SECOND: &str = r#"
[targets.emea]
kind = "servicenow"
base_url = "https://example.service-now.com"
[targets.emea.auth]
flow = "basic"
username = "ringdown"
password = { env = "CRM_SECRET" }
[targets.emea.create]
short_description = "{{ queue_name }} waits too long"
"#;

fn with_targets(targets: &str) -> String {
    format!("[rules.queue-wait]\ntargets = {targets}\n{SECOND}")
}

fn settings_of(text: &str) -> Settings {
    World::base().with_file("more.toml", text).loaded().settings
}

fn refused(targets: &str, path: &str, reason: &str, suggestion: Option<&str>) {
    let path = format!("rules.queue-wait.targets{path}");
    assert_refused(&with_targets(targets), &path, reason, suggestion);
}

#[test]
fn names_alone_are_one_list_in_order_of_preference() {
    let settings = settings_of(&with_targets(r#"["emea", "salesforce"]"#));
    let routing = &settings.rules[0].targets;
    assert!(routing.routes.is_empty());
    assert_eq!(
        *routing.otherwise,
        ["emea", "salesforce"].map(TargetName::new)
    );
    assert!(settings.fails_over());
    assert!(!World::base().loaded().settings.fails_over());
}

#[test]
fn an_entry_with_when_has_a_list_of_its_own_and_plain_names_are_the_fallback() {
    let targets = r#"[{ when = "division == 'EMEA' || labels.site == 'FRA'", to = ["emea", "salesforce"] }, "salesforce"]"#;
    let world = World::base().with_file("more.toml", &with_targets(targets));
    let loaded = world.loaded();
    let routing = &loaded.settings.rules[0].targets;
    assert_eq!(
        *routing.routes[0].to,
        ["emea", "salesforce"].map(TargetName::new)
    );
    assert_eq!(*routing.otherwise, ["salesforce"].map(TargetName::new));
    assert!(loaded.settings.fails_over());
    assert_eq!(
        shown(&loaded, "rules.queue-wait.targets[0].to").0,
        r#"["emea", "salesforce"]"#
    );
}

#[test]
fn a_variable_can_set_all_of_it() {
    let list = r#"[{ when = "status == 'DOWN'", to = ["emea"] }, "salesforce"]"#;
    let loaded = World::base()
        .with_file("more.toml", SECOND)
        .with_variable("RINGDOWN__RULES__QUEUE_WAIT__TARGETS", list)
        .loaded();
    assert_eq!(loaded.settings.rules[0].targets.routes.len(), 1);
}

#[test]
fn a_target_waits_two_minutes_before_it_is_left_unless_told_otherwise() {
    let settings = settings_of(&format!(
        "[targets.salesforce]\nfailover_after = \"0s\"\n{SECOND}"
    ));
    assert_eq!(
        settings.targets["salesforce"].failover_after,
        Duration::ZERO
    );
    assert_eq!(
        settings.targets["emea"].failover_after,
        Duration::from_secs(120)
    );
    let bare = "[targets.salesforce]\nfailover_after = 30\n";
    let path = "targets.salesforce.failover_after";
    assert_refused(bare, path, "30 has no unit", Some("\"30s\""));
}

#[test]
fn a_list_without_a_target_or_with_an_unknown_one_is_refused() {
    refused("[]", "", "must have at least one entry", None);
    refused(
        r#"["salesforce", "emae"]"#,
        "",
        "entry 2: there is no target `emae`",
        Some("emea"),
    );
    let empty = r#"[{ when = "status == 'DOWN'", to = [] }, "salesforce"]"#;
    refused(empty, "[0].to", "must have at least one entry", None);
    let unknown = r#"[{ when = "status == 'DOWN'", to = ["emae"] }, "salesforce"]"#;
    refused(unknown, "[0].to", "there is no target `emae`", Some("emea"));
    let fallback = r#"[{ when = "status == 'DOWN'", to = ["emea"] }, "salesfroce"]"#;
    refused(
        fallback,
        "[1]",
        "there is no target `salesfroce`",
        Some("salesforce"),
    );
}

#[test]
fn a_target_that_would_fail_over_to_itself_is_refused() {
    let reason = "names `emea` twice";
    refused(r#"["emea", "salesforce", "emea"]"#, "", reason, None);
    let entry = r#"[{ when = "status == 'DOWN'", to = ["emea", "emea"] }, "salesforce"]"#;
    refused(entry, "[0].to", reason, None);
    let fallback = r#"[{ when = "status == 'DOWN'", to = ["emea"] }, "emea", "emea"]"#;
    refused(fallback, "", reason, None);
}

#[test]
fn entries_without_a_fallback_are_refused_and_it_is_said_what_to_add() {
    let reason = "add the name of one at the end";
    refused(
        r#"[{ when = "status == 'DOWN'", to = ["emea"] }]"#,
        "",
        reason,
        None,
    );
    let late = r#"["salesforce", { when = "status == 'DOWN'", to = ["emea"] }]"#;
    refused(
        late,
        "[1]",
        "plain names are the fallback and stand last",
        None,
    );
}

#[test]
fn an_entry_is_held_to_the_same_as_any_expression() {
    let unknown = r#"[{ when = "divisoin == 'EMEA'", to = ["emea"] }, "salesforce"]"#;
    refused(
        unknown,
        "[0].when",
        "unknown name `divisoin`",
        Some("division"),
    );
    let bad = r#"[{ when = "status ==", to = ["emea"] }, "salesforce"]"#;
    refused(bad, "[0].when", "not a valid expression", None);
    let missing = r#"[{ to = ["emea"] }, "salesforce"]"#;
    refused(missing, "[0].when", "required, but not set", None);
    let key = r#"[{ when = "status == 'DOWN'", to = ["emea"], then = 1 }, "salesforce"]"#;
    refused(
        key,
        "[0].then",
        "unknown key; known here: to, when",
        Some("when"),
    );
}

#[test]
fn an_outages_targets_are_read_the_same_way() {
    let outage = |targets: &str| {
        format!(
            "{SECOND}[outages.site]\ngroup_by = \"{{{{ labels.site }}}}\"\nrules = [\"queue-wait\"]\n\
             at_least = 3\nwithin = \"1m\"\ntargets = {targets}\n"
        )
    };
    let list = r#"[{ when = "labels.site == 'FRA'", to = ["emea"] }, "salesforce", "emea"]"#;
    let settings = settings_of(&outage(list));
    assert_eq!(
        *settings.outages["site"].targets.otherwise,
        ["salesforce", "emea"].map(TargetName::new)
    );
    let bad = outage(r#"["emea", "emea"]"#);
    assert_refused(&bad, "outages.site.targets", "names `emea` twice", None);
}
