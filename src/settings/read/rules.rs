//! `[rules.NAME]` and `[outages.NAME]`: when is it an incident, and when are many one.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::routing::routing;
use super::section::Section;
use super::values::{
    duration, expression, known_name, list, one_of, positive_duration, some, template, text, whole,
};
use crate::domain::flapping::FlappingPolicy;
use crate::domain::severity::Severity;
use crate::rules::{Expression, Unsatisfiable, unsatisfiable};
use crate::settings::{OnRecovery, OutageSettings, RuleSettings, Settings};

/// So many beginnings of a key's trouble can be remembered.
const MOST_ONSETS: u32 = 20;
/// The default of a severity by expressions: what breaches is worth a look.
const BELOW_ALL_LEVELS: &str = "medium";
pub(super) const SEVERITIES: &[(&str, &str)] = &[
    ("critical", "critical"),
    ("high", "high"),
    ("medium", "medium"),
    ("low", "low"),
    ("info", "info"),
];
pub(super) const ON_RECOVERY: &[(&str, OnRecovery)] = &[
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
    let why = "no rule is configured, so nothing would be an incident";
    let children = root.some_children("rules", why)?;
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
    let severity = severity(section);
    let on_recovery = section.or("on_recovery", "comment", one_of(ON_RECOVERY));
    let flapping = flapping(section);
    let targets = routing(section, targets);
    section.finish();
    if let (Some(when), Some(clear)) = (&when, &clear) {
        warn_of_unsatisfiable(section, when, clear.as_ref());
    }
    let (severity, severity_levels) = severity?;
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
        severity,
        severity_levels,
        on_recovery: on_recovery?,
        flapping: flapping?,
        targets: targets?,
    })
}

/// Warns of a condition that no signal can ever meet.
fn warn_of_unsatisfiable(rule: &Section<'_>, when: &Expression, clear: Option<&Expression>) {
    let recovers = "an incident of this rule recovers only by quiet_after";
    let (key, reason) = match unsatisfiable(when, clear) {
        None => return,
        Some(Unsatisfiable::When) => (
            "when",
            "can never be true: this rule opens no incident".to_owned(),
        ),
        Some(Unsatisfiable::Clear) => ("clear", format!("can never be true: {recovers}")),
        Some(Unsatisfiable::ClearInsideWhen) => (
            "clear",
            format!(
                "can never be true after `when`: wherever it holds, `when` holds too and is asked first; {recovers}"
            ),
        ),
    };
    rule.warn(key, reason);
}

/// `flapping = false`, or a table, whose defaults are in force when it is not set.
#[expect(
    clippy::option_option,
    reason = "outer: was it understood; inner: is it in force"
)]
fn flapping(rule: &Section<'_>) -> Option<Option<FlappingPolicy>> {
    let switch = rule.entry("flapping").filter(|one| one.table().is_err());
    if let Some(switch) = switch {
        let off = |entry: &Entry<'_>| match entry.flag() {
            Ok(false) => Ok(None),
            _ => Err("must be false, or a table such as \
                      { times = 4, within = \"1h\", calm = \"15m\" }"
                .into()),
        };
        return switch.read(off);
    }
    let section = rule.child("flapping")?;
    let times = section.or("times", 4, whole(1, MOST_ONSETS));
    let within = section.or("within", "1h", positive_duration);
    let calm = section.or("calm", "15m", positive_duration);
    section.finish();
    Some(Some(FlappingPolicy {
        times: times?,
        within: within?,
        calm: calm?,
    }))
}

/// `severity = "high"`, or a table with an expression for each level.
fn severity(rule: &Section<'_>) -> Option<(String, Vec<(Severity, Expression)>)> {
    let levels = rule.entry("severity").filter(|entry| entry.table().is_ok());
    let Some(levels) = levels else {
        let fixed = rule.or("severity", "high", one_of(SEVERITIES))?;
        return Some((fixed.to_owned(), Vec::new()));
    };
    let section = levels.section()?;
    let default = section.or("default", BELOW_ALL_LEVELS, one_of(SEVERITIES));
    let read: Vec<_> = Severity::WORST_FIRST
        .into_iter()
        .filter_map(|level| Some((level, section.entry(level.as_str())?)))
        .map(|(level, entry)| Some((level, entry.read(expression)?)))
        .collect();
    section.finish();
    let names_no_level =
        |entries: Vec<(String, _)>| entries.iter().all(|(name, _)| name == "default");
    if names_no_level(section.named_entries()) {
        let reason = "names no level; write for example high = \"metrics[tWait].avg > 300\"";
        rule.fault("severity", reason);
        return None;
    }
    let levels = read.into_iter().collect::<Option<_>>();
    Some((default?.to_owned(), levels?))
}

/// All outages; there need be none.
pub(super) fn outages(
    root: &Section<'_>,
    rules: &[String],
    targets: &[String],
) -> Option<BTreeMap<String, OutageSettings>> {
    let read: Vec<_> = root
        .named_children("outages")?
        .into_iter()
        .map(|(name, child)| Some((name, outage(&child, rules, targets)?)))
        .collect();
    read.into_iter().collect()
}

fn outage(section: &Section<'_>, rules: &[String], targets: &[String]) -> Option<OutageSettings> {
    let group_by = section.required("group_by", template);
    let rules = section.required("rules", some(known_name("rule", rules)));
    let members = rules.clone().unwrap_or_default();
    let causes = section.or(
        "causes",
        Vec::<String>::new(),
        list(known_name("rule", &members)),
    );
    let at_least = section.required("at_least", whole(2, 1_000_000));
    let within = section.required("within", positive_duration);
    let hold = section.or("hold", "5s", duration);
    let burst_lock = section.or("burst_lock", "60s", duration);
    let update_every = section.or("update_every", "5m", duration);
    let on_recovery = section.or("on_recovery", "resolve", one_of(ON_RECOVERY));
    let severity = section.or("severity", "critical", one_of(SEVERITIES));
    let targets = routing(section, targets);
    section.finish();
    Some(OutageSettings {
        group_by: group_by?,
        rules: rules?,
        at_least: at_least?,
        within: within?,
        hold: hold?,
        causes: causes?,
        burst_lock: burst_lock?,
        update_every: update_every?,
        on_recovery: on_recovery?,
        severity: severity?.to_owned(),
        targets: targets?,
    })
}

/// A rule that resolves tickets needs fields that resolve them.
pub(super) fn warn_of_unresolvable(root: &Section<'_>, settings: &Settings) {
    for rule in &settings.rules {
        let unresolvable = rule.targets.names().find(|name| {
            let target = settings.targets.get(*name);
            target.is_some_and(|target| target.resolve.is_empty())
        });
        if let (OnRecovery::Resolve, Some(target)) = (rule.on_recovery, unresolvable) {
            let path = format!("rules.{}.on_recovery", rule.name);
            let reason =
                format!("targets.{target} has no `resolve` fields: its tickets get a comment only");
            root.walk.warn(&path, reason, None);
        }
    }
}
