//! Outages that never form, because no two of their members share a group.

use super::key::{CHANGED_BY_RECOVERY, NEW_EACH_TIME};
use super::kinds::{Kind, Kinds};
use super::known::Known;
use crate::decide::signal_values;
use crate::domain::signal::{Field, Signal};
use crate::rules::Template;
use crate::settings::{OutageSettings, Problem, RuleSettings, Settings};

const IN_COMMON: &str =
    "write what the members have in common, such as {{ labels.site }}, or one text for all of them";

pub(super) fn check(settings: &Settings, found: &mut Vec<Problem>) {
    let known = Known::of(settings);
    for (name, outage) in &settings.outages {
        let path = format!("outages.{name}.group_by");
        // What cannot be filled is told already.
        if found.iter().any(|problem| problem.path == path) {
            continue;
        }
        let problem = changing(outage, &path).or_else(|| {
            let rules = settings.rules.iter();
            let rules: Vec<_> = rules
                .filter(|rule| outage.rules.contains(&rule.name))
                .map(|rule| (rule, known.kinds_of(rule)))
                .collect();
            lonely(outage, name, &rules)
        });
        found.extend(problem);
    }
}

/// A group by a value that says nothing about where a thing belongs.
fn changing(outage: &OutageSettings, path: &str) -> Option<Problem> {
    let template = &outage.group_by;
    let uses = |names: &[&'static str]| names.iter().copied().find(|name| template.uses(name));
    let (name, reason) = match (uses(NEW_EACH_TIME), uses(CHANGED_BY_RECOVERY)) {
        (Some(name), _) => (
            name,
            "differs in every event, so no two breaches share a group",
        ),
        (None, Some(name)) => (
            name,
            "says how a thing is, and not what it has in common with others",
        ),
        (None, None) => return None,
    };
    let problem = Problem::warning(path, format!("`{name}` {reason}"));
    Some(problem.with_help(IN_COMMON).within(template.span_of(name)))
}

/// An outage whose rules can have one incident each in a group, and these are too few.
fn lonely(
    outage: &OutageSettings,
    name: &str,
    rules: &[(&RuleSettings, Kinds<'_>)],
) -> Option<Problem> {
    let most = rules.len();
    let are_enough = most >= outage.at_least as usize || (!outage.causes.is_empty() && most > 1);
    if are_enough {
        return None;
    }
    let at_least = outage.at_least;
    let most = match most {
        1 => "one incident".to_owned(),
        several => format!("{several} incidents"),
    };
    if rules.iter().all(|(rule, _)| rule.key.is_constant()) {
        let path = format!("outages.{name}.at_least");
        let reason = format!(
            "is never reached: the keys of its rules are fixed texts, so they have {most} at most"
        );
        let help = "give its rules a key that names the thing";
        return Some(Problem::warning(path, reason).with_help(help));
    }
    let is_lonely = |(rule, kinds): &(&RuleSettings, Kinds<'_>)| {
        rule.key.is_constant() || follows_key(&outage.group_by, rule, kinds)
    };
    if !rules.iter().all(is_lonely) {
        return None;
    }
    let reason = format!(
        "is another text for each incident of a rule, so a group has {most} at most, and never {at_least}"
    );
    let path = format!("outages.{name}.group_by");
    Some(Problem::warning(path, reason).with_help(IN_COMMON))
}

/// Whether two incidents of `rule` are always in different groups.
fn follows_key(group_by: &Template, rule: &RuleSettings, kinds: &Kinds<'_>) -> bool {
    let mut certain = kinds.certain().peekable();
    kinds.unknown.is_empty()
        && certain.peek().is_some()
        && certain.all(|kind| follows_key_in(group_by, rule, kind))
}

fn follows_key_in(group_by: &Template, rule: &RuleSettings, kind: &Kind<'_>) -> bool {
    let whole = &kind.samples.whole;
    let texts = |signal: &Signal| {
        let values = signal_values(signal, kind.source);
        Some((
            rule.key.render(&values).ok()?,
            group_by.render(&values).ok()?,
        ))
    };
    let Some((key, group)) = texts(whole) else {
        return false;
    };
    let others = others(whole).filter_map(|other| texts(&other));
    let mut of_other_keys = others.filter(|(other, _)| *other != key).peekable();
    of_other_keys.peek().is_some() && of_other_keys.all(|(_, other)| other != group)
}

/// `whole` with another text in one place, for each of them.
fn others(whole: &Signal) -> impl Iterator<Item = Signal> {
    const OTHER: &str = "another thing";
    let texts = whole
        .fields
        .iter()
        .filter(|(_, field)| field.as_text().is_some());
    let fields = texts.map(|(name, _)| {
        let mut other = whole.clone();
        other.fields.insert(name, Field::from(OTHER));
        other
    });
    let labels = whole.labels.keys().map(|name| {
        let mut other = whole.clone();
        other.labels.insert(name.clone(), OTHER.to_owned());
        other
    });
    fields.chain(labels)
}
