//! `[rules.NAME]` and `[outages.NAME]`: when is it an incident, and when are many one.

use std::collections::BTreeMap;

use super::section::Section;
use super::values::{
    duration, expression, known_name, list, one_of, positive_duration, some, template, text, whole,
};
use crate::settings::{OnRecovery, OutageSettings, RuleSettings};

const SEVERITIES: &[(&str, &str)] = &[
    ("critical", "critical"),
    ("high", "high"),
    ("medium", "medium"),
    ("low", "low"),
    ("info", "info"),
];
const ON_RECOVERY: &[(&str, OnRecovery)] = &[
    ("comment", OnRecovery::Comment),
    ("resolve", OnRecovery::Resolve),
    ("none", OnRecovery::None),
];

/// All rules, in the order of configuration.
pub(super) fn rules(
    root: &Section<'_>,
    sources: &[String],
    targets: &[String],
) -> Option<Vec<RuleSettings>> {
    let children = root.named_children("rules");
    if children.is_empty() {
        let reason = "no rule is configured, so nothing would be an incident; start from config/example.toml";
        root.walk.problem("rules", reason.into(), None);
        return None;
    }
    let read: Vec<_> = children
        .into_iter()
        .map(|(name, child)| rule(name, &child, sources, targets))
        .collect();
    read.into_iter().collect()
}

fn rule(
    name: String,
    section: &Section<'_>,
    sources: &[String],
    targets: &[String],
) -> Option<RuleSettings> {
    let events = section.required("events", some(text));
    let from = section.or(
        "sources",
        Vec::<String>::new(),
        list(known_name("source", sources)),
    );
    let when = section.required("when", expression);
    let clear = section.optional("clear", expression);
    let hold_for = section.or("for", "0s", duration);
    let clear_for = section.or("clear_for", "2m", duration);
    let quiet_after = section.or("quiet_after", "30m", positive_duration);
    let key = section.required("key", template);
    let burst_lock = section.or("burst_lock", "60s", duration);
    let update_every = section.or("update_every", "15m", duration);
    let severity = section.or("severity", "high", one_of(SEVERITIES));
    let on_recovery = section.or("on_recovery", "comment", one_of(ON_RECOVERY));
    let targets = section.required("targets", some(known_name("target", targets)));
    section.finish();
    Some(RuleSettings {
        name,
        events: events?,
        sources: from?,
        when: when?,
        clear: clear?,
        hold_for: hold_for?,
        clear_for: clear_for?,
        quiet_after: quiet_after?,
        key: key?,
        burst_lock: burst_lock?,
        update_every: update_every?,
        severity: severity?.to_owned(),
        on_recovery: on_recovery?,
        targets: targets?,
    })
}

/// All outages; there need be none.
pub(super) fn outages(
    root: &Section<'_>,
    rules: &[String],
    targets: &[String],
) -> Option<BTreeMap<String, OutageSettings>> {
    let read: Vec<_> = root
        .named_children("outages")
        .into_iter()
        .map(|(name, child)| Some((name, outage(&child, rules, targets)?)))
        .collect();
    read.into_iter().collect()
}

fn outage(section: &Section<'_>, rules: &[String], targets: &[String]) -> Option<OutageSettings> {
    let group_by = section.required("group_by", template);
    let rules = section.required("rules", some(known_name("rule", rules)));
    let at_least = section.required("at_least", whole(2, 1_000_000));
    let within = section.required("within", positive_duration);
    let hold = section.or("hold", "0s", duration);
    let severity = section.or("severity", "critical", one_of(SEVERITIES));
    let targets = section.required("targets", some(known_name("target", targets)));
    section.finish();
    Some(OutageSettings {
        group_by: group_by?,
        rules: rules?,
        at_least: at_least?,
        within: within?,
        hold: hold?,
        severity: severity?.to_owned(),
        targets: targets?,
    })
}
