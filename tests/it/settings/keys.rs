//! `rules.*.key`: the key of what the events of a rule are about.

use crate::settings::refusals::{assert_refused, problem_of};
use crate::settings::world::{World, shown};

/// A rule on `events` without a key.
fn rule(events: &str) -> String {
    format!(
        "[rules.r]\nevents = [{events}]\nwhen = 'status == \"DOWN\"'\ntargets = [\"salesforce\"]\n"
    )
}

#[test]
fn a_rule_without_a_key_has_that_of_its_events() {
    for (events, key) in [
        (
            "\"telephony.queue.waiting\", \"v2.analytics.queues.{id}.observations\"",
            "\"{{ queue_id or queue_name }}\"",
        ),
        (
            "\"telephony.trunk.status\", \"v2.telephony.providers.edges.trunks.{id}\"",
            "\"{{ trunk_name or trunk_id }}\"",
        ),
        (
            "\"v2.telephony.providers.edges.{id}.metrics\"",
            "\"{{ edge_id or edge_name }}\"",
        ),
        (
            "\"v2.users.{id}.alerting.alerts\"",
            "\"{{ alert_rule_id or alert_id }} {{ entity_id or '' }}\"",
        ),
        (
            "\"v2.operations.events.{id}\", \"v2.outbound.campaigns.{id}\"",
            "\"{{ entity_id or entity_name or event_name }}\"",
        ),
    ] {
        let loaded = World::base().with_file("rule.toml", &rule(events)).loaded();
        assert_eq!(shown(&loaded, "rules.r.key"), (key, "built-in"), "{events}");
    }
}

#[test]
fn a_key_of_its_own_counts() {
    let with_key = format!("{}key = \"{{{{ trunk_id }}}}\"\n", rule("\"custom\""));
    let loaded = World::base().with_file("rule.toml", &with_key).loaded();
    let (key, layer) = shown(&loaded, "rules.r.key");
    assert_eq!(key, "\"{{ trunk_id }}\"");
    assert!(layer.contains("rule.toml"), "{layer}");
}

#[test]
fn a_rule_on_events_with_different_keys_must_have_one() {
    let events = "\"telephony.trunk.status\", \"v2.telephony.providers.edges.{id}\"";
    let problem = problem_of(&rule(events));
    assert_eq!(problem.path, "rules.r.key");
    for part in [
        "required, but not set: its events have different keys",
        "`{{ trunk_name or trunk_id }}` for telephony.trunk.status",
        "`{{ edge_id or edge_name }}` for v2.telephony.providers.edges.{id}",
    ] {
        assert!(problem.reason.contains(part), "{part}: {}", problem.reason);
    }
}

#[test]
fn a_rule_on_events_that_are_not_in_the_catalogue_must_have_a_key() {
    for event in ["*", "custom", "channel.metadata"] {
        let reason = format!("events of the type `{event}` have no key of their own");
        assert_refused(&rule(&format!("\"{event}\"")), "rules.r.key", &reason, None);
    }
}

#[test]
fn a_rule_without_events_has_one_problem() {
    let text = "[rules.r]\nwhen = 'status == \"DOWN\"'\ntargets = [\"salesforce\"]\n";
    assert_refused(text, "rules.r.events", "required, but not set", None);
}
