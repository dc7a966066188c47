//! Settings that can have no effect: names of fields that are not sent, windows that are over, and
//! causes that explain nothing.

use std::collections::{BTreeSet, HashMap};

use super::known::UNTYPED;
use crate::domain::silence::Name;
use crate::domain::time::Timestamp;
use crate::domain::trouble::OWN_RULE;
use crate::normalise::Format;
use crate::rules::{Expression, nearest};
use crate::settings::{Mark, Problem, RuleSettings, Settings};

pub(super) fn check(settings: &Settings, now: Timestamp, found: &mut Vec<Problem>) {
    strict_fields(settings, found);
    windows_that_are_over(settings, now, found);
    causes(settings, found);
    named_twice(settings, found);
    placeholders_in_matchers(settings, found);
    twins(settings, found);
    labels_in_matchers(settings, found);
    unheard_sources(settings, found);
}

/// Warns of strict fields that no ticket is opened with.
fn strict_fields(settings: &Settings, found: &mut Vec<Problem>) {
    for (name, target) in &settings.targets {
        let known = || target.create.iter().map(|field| field.name.as_str());
        for (entry, strict) in target.strict_fields.iter().enumerate() {
            if known().any(|field| field == strict) {
                continue;
            }
            let lower = strict.to_lowercase();
            let other_case = known().find(|field| field.to_lowercase() == lower);
            let meant = other_case.or_else(|| nearest(strict, known()));
            let reason =
                format!("`{strict}` is no field of `create`, so nothing is strict about it");
            let path = format!("targets.{name}.strict_fields");
            let problem = Problem {
                mark: Mark::Entry(entry),
                ..Problem::warning(path, reason)
            };
            found.push(match meant {
                Some(meant) => problem.suggesting(Some(meant)),
                None => {
                    let known = known().collect::<Vec<_>>().join(", ");
                    problem.with_help(format!("`create` has {known}"))
                }
            });
        }
    }
}

/// Warns of maintenance windows of which none comes any more.
fn windows_that_are_over(settings: &Settings, now: Timestamp, found: &mut Vec<Problem>) {
    for (name, window) in &settings.maintenance {
        let schedule = &window.schedule;
        if schedule.window_around(now).is_none() && schedule.next_window(now).is_none() {
            let path = format!("maintenance.{name}.rrule");
            let reason = "its last window is over: it silences nothing any more";
            let help = "write a later UNTIL or COUNT, or remove the table";
            found.push(Problem::warning(path, reason).with_help(help));
        }
    }
}

/// Warns of rules that an outage names twice.
fn named_twice(settings: &Settings, found: &mut Vec<Problem>) {
    for (name, outage) in &settings.outages {
        for (entry, rule) in outage.rules.iter().enumerate() {
            if outage.rules.iter().take(entry).any(|one| one == rule) {
                let path = format!("outages.{name}.rules");
                let problem = Problem::warning(path, format!("`{rule}` is named twice"));
                found.push(Problem {
                    mark: Mark::Entry(entry),
                    ..problem.with_help("remove one of them")
                });
            }
        }
    }
}

/// Warns of matchers with a placeholder: they compare with its text.
fn placeholders_in_matchers(settings: &Settings, found: &mut Vec<Problem>) {
    for (name, window) in &settings.maintenance {
        for (entry, matcher) in window.matchers.iter().enumerate() {
            let text = matcher.to_string();
            if text.contains("{{") || text.contains("${") {
                let path = format!("maintenance.{name}.match");
                let reason = "a matcher has no placeholders: it is compared with this text";
                let help = "write the value itself, or a pattern such as key=~Billing.*";
                found.push(Problem {
                    mark: Mark::Entry(entry),
                    ..Problem::warning(path, reason).with_help(help)
                });
            }
        }
    }
}

/// Warns of matchers that ask for a label that no event has.
fn labels_in_matchers(settings: &Settings, found: &mut Vec<Problem>) {
    let formats = settings.sources.values().map(|source| &source.format);
    let maps = formats.flat_map(|format| match format {
        Format::Custom(maps) => maps.all().collect(),
        Format::Genesys => Vec::new(),
    });
    let mut known: BTreeSet<&str> = maps
        .flat_map(|map| map.labels.keys().map(String::as_str))
        .collect();
    if settings.enrichment.is_some() {
        known.insert("site");
    }
    for (name, window) in &settings.maintenance {
        for (entry, matcher) in window.matchers.iter().enumerate() {
            let Name::Label(label) = matcher.name() else {
                continue;
            };
            if known.contains(label.as_str()) {
                continue;
            }
            let path = format!("maintenance.{name}.match");
            let problem = Problem {
                mark: Mark::Entry(entry),
                ..Problem::warning(path, format!("no source maps the label `{label}`"))
            };
            found.push(match nearest(label, known.iter().copied()) {
                Some(meant) => problem.suggesting(Some(meant)),
                None => {
                    problem.with_help("add it to `map.labels` of a source of the format custom")
                }
            });
        }
    }
}

/// Warns of sources whose events no rule looks at.
fn unheard_sources(settings: &Settings, found: &mut Vec<Problem>) {
    let rules = || settings.rules.iter().filter(|rule| rule.name != OWN_RULE);
    // A rule that names other events than its sources send is told already.
    if found
        .iter()
        .any(|problem| problem.path.ends_with(".events"))
    {
        return;
    }
    for (name, source) in &settings.sources {
        // Without a type of their own, the events of a custom source have one that is known.
        let is_untyped = match &source.format {
            Format::Custom(maps) => maps.all().all(|map| map.event_type.is_empty()),
            Format::Genesys => false,
        };
        let looks =
            |rule: &RuleSettings| rule.hears(name) && (!is_untyped || rule.looks_at_type(UNTYPED));
        if rules().next().is_none() || rules().any(looks) {
            continue;
        }
        let reason = "no rule looks at its events: they are stored, and open no ticket";
        let help = match is_untyped {
            true => "write a rule with events = [\"custom\"]".to_owned(),
            false => format!("add \"{name}\" to the `sources` of a rule, or remove this table"),
        };
        found.push(Problem::warning(format!("sources.{name}"), reason).with_help(help));
    }
}

/// Warns of rules that open the same tickets as another.
fn twins(settings: &Settings, found: &mut Vec<Problem>) {
    let mut known = HashMap::new();
    for rule in settings.rules.iter().filter(|rule| rule.name != OWN_RULE) {
        let targets: Vec<&str> = rule.targets.names().map(|name| name.as_str()).collect();
        let clear = rule.clear.as_ref().map(Expression::source);
        let same = (
            (&rule.events, &rule.sources, targets),
            (rule.when.source(), clear, rule.key.source(), rule.at_least),
        );
        if let Some(other) = known.insert(same, &rule.name) {
            let path = format!("rules.{}.when", rule.name);
            let reason = format!(
                "is the same as that of rules.{other}, as are events, key and targets: each trouble opens two tickets"
            );
            found.push(Problem::warning(path, reason).with_help("remove one of the two rules"));
        }
    }
}

/// Warns of outages of which every rule is a cause.
fn causes(settings: &Settings, found: &mut Vec<Problem>) {
    for (name, outage) in &settings.outages {
        let is_cause = |rule: &String| outage.causes.contains(rule);
        if !outage.causes.is_empty() && outage.rules.iter().all(is_cause) {
            let path = format!("outages.{name}.causes");
            let reason =
                "names every rule of this outage: none is left whose incidents they explain";
            let help = "leave out the rules whose incidents follow from those of others";
            found.push(Problem::warning(path, reason).with_help(help));
        }
    }
}
