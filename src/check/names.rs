//! Event types, metrics and statistics that no sender of the rule is known to use.

use std::collections::BTreeSet;

use super::kinds::{Carried, Kinds, Sort};
use super::known::UNTYPED;
use super::place::Place;
use crate::normalise::catalogue;
use crate::rules::{Operand, nearest, span_of};
use crate::settings::{Mark, Problem, RuleSettings};

/// Other words for statistics.
const STATISTICS: &[(&str, &str)] = &[
    ("average", "avg"),
    ("mean", "avg"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("total", "sum"),
    ("number", "count"),
    ("value", "count"),
];

/// Fields that the Platform API adds to events, each with the field by which it finds them.
const FROM_PLATFORM_API: &[(&str, &str)] = &[
    ("division", "queue_id"),
    ("trunk_name", "trunk_id"),
    ("edge_name", "edge_id"),
];

/// Warns of event types of the rule that are not known, or have no effect.
pub(super) fn check_events(rule: &RuleSettings, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    let at = |event_type: &str, reason: String| {
        let entry = rule.events.iter().position(|one| one == event_type);
        Problem {
            mark: entry.map_or(Mark::Value, Mark::Entry),
            ..Problem::warning(format!("rules.{}.events", rule.name), reason)
        }
    };
    for (index, event_type) in rule.events.iter().enumerate() {
        if rule.events.iter().take(index).any(|one| one == event_type) {
            let reason = format!("`{event_type}` is named twice");
            let problem = at(event_type, reason).with_help("remove one of them");
            found.push(Problem {
                mark: Mark::Entry(index),
                ..problem
            });
        }
    }
    for event_type in &kinds.unset {
        let reason = format!(
            "`{event_type}` comes only with `enrichment.status_page`, and only to a rule without `sources`"
        );
        let help = "set `enrichment.status_page`, and remove `sources` from this rule";
        found.push(at(event_type, reason).with_help(help));
    }
    for event_type in &kinds.unknown {
        let reason = format!("no source of this rule is known to send `{event_type}`");
        let problem = at(event_type, reason);
        let meant = similar_event(event_type);
        let is_custom = nearest(event_type, [UNTYPED]).is_some();
        found.push(match meant.or(is_custom.then_some(UNTYPED)) {
            Some(meant) => problem.suggesting(Some(meant)),
            None => problem.with_help("docs/events.md lists the event types"),
        });
    }
    for topic in &kinds.idle {
        let reason = format!(
            "`{}` has no effect on incidents: {}",
            topic.event_type, topic.meaning
        );
        found.push(at(topic.event_type, reason));
    }
    // Any type of a family is read, but a usual one was more likely meant.
    for kind in kinds.certain() {
        let Sort::Topic(topic) = kind.sort else {
            continue;
        };
        if topic.event_type == kind.event_type
            || topic.family.is_none()
            || rule.events.iter().all(|one| *one != kind.event_type)
        {
            continue;
        }
        let mut usual = catalogue::topics().map(|topic| topic.event_type);
        if let Some(meant) = usual.find(|usual| is_slip_of(&kind.event_type, usual)) {
            let reason = format!("`{}` is no usual event type", kind.event_type);
            found.push(at(&kind.event_type, reason).suggesting(Some(meant)));
        }
    }
}

/// Whether `event_type` is `usual` with a slip in its last part. A sender may have events of its own:
/// `abandoned` is another word than `waiting`.
fn is_slip_of(event_type: &str, usual: &str) -> bool {
    const MOST: usize = 2;
    let last = |name: &'_ str| name.rsplit_once('.').map(|(_, last)| last.to_lowercase());
    let (Some(given), Some(wanted)) = (last(event_type), last(usual)) else {
        return false;
    };
    let is_short = given.len().min(wanted.len()) > MOST && wanted.starts_with(&given);
    let distance = strsim::damerau_levenshtein(event_type, usual);
    distance <= MOST
        || (is_short && event_type.len() < usual.len() && nearest(event_type, [usual]).is_some())
}

/// The event type that was most likely meant.
fn similar_event(event_type: &str) -> Option<&'static str> {
    let fits = |template: &str| {
        let (mut wanted, mut given) = (template.split('.'), event_type.split('.'));
        let is_same = wanted
            .by_ref()
            .zip(given.by_ref())
            .all(|(wanted, given)| wanted == given || wanted == "{id}");
        is_same && template.split('.').count() == event_type.split('.').count()
    };
    let known = || catalogue::topics().map(|topic| topic.event_type);
    let exact = known().find(|template| fits(template));
    exact.or_else(|| nearest(event_type, known())).or_else(|| {
        let lower = event_type.to_lowercase();
        known().find(|template| template.to_lowercase() == lower)
    })
}

/// Warns of what the expression reads and none of the events can contain.
pub(super) fn check_names(place: &Place<'_>, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    let source = place.expression.source();
    for operand in &place.comparisons.operands {
        let carried = kinds.carry(operand);
        let warn = |reason: String, part: &str| {
            Problem::warning(&place.path, reason).within(span_of(source, part))
        };
        match operand {
            Operand::Reading(metric, statistic) => {
                found.extend(check_reading(metric, statistic, carried, kinds, &warn));
            }
            Operand::Name(name) if carried == Carried::No => {
                let problem = warn(format!("no event of this rule contains `{name}`"), name);
                let has_id = |id: &str| {
                    let mut kinds = kinds.certain();
                    kinds.any(|kind| kind.samples.whole.fields.contains_key(id))
                };
                let mut added = FROM_PLATFORM_API.iter();
                let help = match added.any(|(added, id)| added == name && has_id(id)) {
                    true => "[enrichment] adds it".to_owned(),
                    false => format!("they contain {}", fields(kinds)),
                };
                found.push(problem.with_help(help));
            }
            Operand::Label(label) if carried == Carried::No => {
                let reason = format!("no source of this rule maps the label `{label}`");
                let help = "add it to `map.labels` of a source of the format custom";
                found.push(warn(reason, label).with_help(help));
            }
            Operand::Name(_) | Operand::Label(_) => {}
        }
    }
}

/// Warns of an expression whose readings come only in events that the rule does not name: nothing
/// then asks it.
pub(super) fn check_trigger(place: &Place<'_>, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    let operands = &place.comparisons.operands;
    let first = operands.iter().find_map(|operand| match operand {
        Operand::Reading(metric, _) if kinds.carry(operand) == Carried::Yes => Some(metric),
        _ => None,
    });
    let Some(metric) = first.filter(|_| !operands.iter().any(|one| kinds.tell(one))) else {
        return;
    };
    let has_it = |topic: &&'static catalogue::Topic| topic.metric(metric).is_some();
    let Some(topic) = catalogue::topics().find(has_it) else {
        return;
    };
    let reason = format!("`{metric}` does not come in the events that this rule names");
    let help = format!("add \"{}\" to its `events`", topic.event_type);
    let span = span_of(place.expression.source(), metric);
    found.push(
        Problem::warning(&place.path, reason)
            .with_help(help)
            .within(span),
    );
}

fn check_reading(
    metric: &str,
    statistic: &str,
    carried: Carried,
    kinds: &Kinds<'_>,
    warn: &dyn Fn(String, &str) -> Problem,
) -> Option<Problem> {
    if carried == Carried::Yes {
        let Some(row) = kinds.row_in_other_case(metric) else {
            let meant = kinds.row_like(metric)?;
            let reason = format!("`{metric}` is no usual row");
            return Some(warn(reason, metric).suggesting(Some(meant)));
        };
        let reason = format!("no row is called `{metric}`: upper and lower case differ");
        return Some(warn(reason, metric).suggesting(Some(row)));
    }
    let metrics = kinds.metrics();
    let is_known = metrics.contains(metric);
    let meant = || {
        let lower = metric.to_lowercase();
        let same = metrics
            .iter()
            .copied()
            .find(|known| known.to_lowercase() == lower);
        same.or_else(|| nearest(metric, metrics.iter().copied()))
    };
    match carried {
        Carried::Yes => None,
        // The sender may give metrics of its own, but hardly one that is spelt nearly alike.
        Carried::Perhaps if !is_known => {
            let meant = meant()?;
            let reason = format!("`{metric}` is no usual metric of these events");
            Some(warn(reason, metric).suggesting(Some(meant)))
        }
        Carried::Perhaps => unusual_statistic(metric, statistic, kinds, warn),
        Carried::No => {
            let problem = warn(
                format!("no event of this rule contains the metric `{metric}`"),
                metric,
            );
            Some(match (meant(), metrics.is_empty()) {
                (Some(meant), _) => problem.suggesting(Some(meant)),
                (None, true) => problem.with_help("these events contain no metrics"),
                (None, false) => problem.with_help(format!("they contain {}", some_of(&metrics))),
            })
        }
        Carried::WithoutStatistic => {
            let known = statistics(kinds, metric);
            let meant = other_word(statistic, &known);
            let meant = meant.or_else(|| nearest(statistic, known.iter().copied()));
            let reason = format!("`{metric}` has no statistic `{statistic}`");
            let problem = warn(reason, statistic).with_help(format!("it has {}", known.join(", ")));
            Some(problem.suggesting(meant))
        }
    }
}

/// A statistic of a metric that may have others than those that are known.
fn unusual_statistic(
    metric: &str,
    statistic: &str,
    kinds: &Kinds<'_>,
    warn: &dyn Fn(String, &str) -> Problem,
) -> Option<Problem> {
    let known = statistics(kinds, metric);
    let other_case = known
        .iter()
        .copied()
        .find(|one| one.eq_ignore_ascii_case(statistic));
    let has_words = kinds.has_qualifiers(metric);
    let like = || nearest(statistic, known.iter().copied()).filter(|_| has_words);
    let meant = other_case
        .or_else(|| other_word(statistic, &known))
        .or_else(like);
    if meant.is_none() && !has_words {
        return None;
    }
    let reason = format!("`{metric}` has no usual statistic `{statistic}`");
    let problem = warn(reason, statistic).suggesting(meant);
    Some(problem.with_help(format!("it has {}", known.join(", "))))
}

/// The statistic that is meant by another word for it.
fn other_word(statistic: &str, known: &[&str]) -> Option<&'static str> {
    let lower = statistic.to_lowercase();
    let mut words = STATISTICS.iter();
    let (_, meant) = words.find(|(word, meant)| *word == lower && known.contains(meant))?;
    (*meant != statistic && !known.contains(&statistic)).then_some(meant)
}

/// The statistics of a metric.
fn statistics<'k>(kinds: &'k Kinds<'_>, metric: &str) -> Vec<&'k str> {
    let mut names: Vec<&str> = Vec::new();
    for kind in &kinds.all {
        names.extend(kind.statistics(metric));
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// The fields that the events can contain.
pub(super) fn fields(kinds: &Kinds<'_>) -> String {
    let alternatives = kinds.alternatives().into_iter().flatten();
    let names = alternatives.flat_map(|kind| kind.samples.whole.fields.keys().copied());
    some_of(&names.collect())
}

/// Some names, in a sentence.
fn some_of(names: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
