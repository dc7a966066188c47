//! Correlation keys that cannot do their work: they cannot be filled, are the same for everything, or
//! change from one event to the next.

use super::Depth;
use super::expressions::verdict;
use super::kinds::{Kind, Kinds, Sort};
use super::names::fields;
use crate::decide::signal_values;
use crate::domain::signal::{FIELD_NAMES, Field, Signal};
use crate::settings::{Problem, RuleSettings};

/// Values that differ in every event.
pub(super) const NEW_EACH_TIME: &[&str] = &[
    "timestamp",
    "event_payload_id",
    "metrics",
    "wait_time_avg",
    "connected_duration",
];

/// Values that a recovery has otherwise than the trouble that it ends.
pub(super) const CHANGED_BY_RECOVERY: &[&str] = &[
    "status",
    "previous_status",
    "status_detail",
    "alert_action",
    "alert_active",
];

/// Refuses a key that no event of one of the types can fill. Of several maps of custom sources it is
/// not known which gives an event; a key that any of them fills can be meant.
pub(super) fn check(
    rule: &RuleSettings,
    kinds: &Kinds<'_>,
    depth: Depth,
    found: &mut Vec<Problem>,
) {
    let before = found.len();
    check_filled(rule, kinds, found);
    if found.len() > before || depth == Depth::Errors {
        return;
    }
    let path = format!("rules.{}.key", rule.name);
    if let Some(name) = rule.key.bare_name() {
        let reason = "is the same text for every event: all events of this rule are one incident";
        let help = format!("write {{{{ {name} }}}}");
        found.push(Problem::warning(path, reason).with_help(help));
        return;
    }
    if let Some(problem) = changes(rule, &path) {
        found.push(problem);
    } else if let Some(problem) = never_together(rule, &path, kinds) {
        found.push(problem);
    } else if let Some(problem) = shared(rule, &path, kinds) {
        found.push(problem);
    } else if let Some(problem) = lacks_in_recovery(rule, &path, kinds) {
        found.push(problem);
    }
}

fn check_filled(rule: &RuleSettings, kinds: &Kinds<'_>, found: &mut Vec<Problem>) {
    let when = rule.when.comparisons();
    for alternatives in kinds.alternatives() {
        let breaching = alternatives.iter().filter(|kind| kind.carries_all(&when));
        let mut tried: Vec<&Kind<'_>> = breaching.copied().collect();
        if tried.is_empty() {
            tried = alternatives;
        }
        let unfilled: Option<Vec<Problem>> = tried
            .into_iter()
            .map(|kind| unfilled(rule, kinds, kind))
            .collect();
        found.extend(unfilled.into_iter().flatten().take(1));
    }
}

/// Why events of `kind` cannot fill the key; `None`: they can.
fn unfilled(rule: &RuleSettings, kinds: &Kinds<'_>, kind: &Kind<'_>) -> Option<Problem> {
    let event_type = &kind.event_type;
    let context = signal_values(&kind.samples.whole, kind.source);
    let (reason, missing) = match rule.key.render(&context) {
        Ok(key) if key.trim().is_empty() => {
            let reason = format!("is empty for events of the type `{event_type}`");
            (reason, Vec::new())
        }
        Ok(_) => return None,
        Err(error) => {
            let problem = error.problem;
            let reason =
                format!("can never be filled from events of the type `{event_type}`: {problem}");
            (reason, error.missing)
        }
    };
    let span = missing.first().and_then(|name| rule.key.span_of(name));
    let help = format!(
        "every such event would become a review item; the events contain {}",
        fields(kinds)
    );
    let path = format!("rules.{}.key", rule.name);
    Some(Problem::error(&path, reason).with_help(help).within(span))
}

/// Warns of a key that is the same for different things, although it is filled from events. One
/// without any placeholder is meant so.
fn shared(rule: &RuleSettings, path: &str, kinds: &Kinds<'_>) -> Option<Problem> {
    if rule.key.is_constant() {
        return None;
    }
    let alternatives = kinds.alternatives().into_iter();
    let mut shared = alternatives.filter(|kinds| {
        let mut kinds = kinds.iter();
        kinds.all(|kind| is_shared(rule, kind))
    });
    let kind = *shared.next()?.first()?;
    let key = match kind.sort {
        Sort::Topic(topic) => topic.subject.key().map(str::to_owned),
        Sort::Custom(_) => thing_in(&kind.samples.whole).map(|name| format!("{{{{ {name} }}}}")),
    };
    let reason = format!(
        "is the same text for all events of the type `{}`: all that they are about shares one incident",
        kind.event_type
    );
    let problem = Problem::warning(path, reason);
    Some(problem.with_help(format!("name the thing, such as {}", key?)))
}

/// Whether two different things have the same key.
fn is_shared(rule: &RuleSettings, kind: &Kind<'_>) -> bool {
    let one = &kind.samples.whole;
    let key = |signal: &Signal| rule.key.render(&signal_values(signal, kind.source)).ok();
    let Some(key_of_one) = key(one).filter(|_| thing_in(one).is_some()) else {
        return false;
    };
    // The texts of the template itself: a condition in it may hold for one of them.
    let texts = rule.key.texts().into_iter();
    let mut others = texts.chain(["another thing".to_owned()]);
    others.all(|text| {
        let mut other = one.clone();
        for field in other.fields.values_mut() {
            if field.as_text().is_some() {
                *field = Field::from(text.as_str());
            }
        }
        for label in other.labels.values_mut() {
            label.clone_from(&text);
        }
        key(&other).as_ref() == Some(&key_of_one)
    })
}

/// The field that names what a signal is about.
fn thing_in(signal: &Signal) -> Option<&'static str> {
    let is_thing = |name: &&&str| {
        name.ends_with("_id") && !matches!(**name, "organization_id" | "division_id")
    };
    let mut names = FIELD_NAMES.iter().filter(is_thing);
    names
        .find(|name| signal.fields.contains_key(**name))
        .copied()
}

/// Events that end something in a conversation, and come once for it.
const ONCE: &str = "v2.detail.events.conversation.";

/// Warns of a key of which no two signals come, where several are needed.
fn never_together(rule: &RuleSettings, path: &str, kinds: &Kinds<'_>) -> Option<Problem> {
    const NAME: &str = "conversation_id";
    let mut all = kinds.all.iter();
    if rule.at_least == 1
        || !kinds.unknown.is_empty()
        || kinds.all.is_empty()
        || !all.all(|kind| kind.event_type.starts_with(ONCE))
    {
        return None;
    }
    let kind = kinds.all.first()?;
    let mut other = kind.samples.whole.clone();
    other
        .fields
        .insert(NAME, Field::from("another conversation"));
    let key = |signal: &Signal| rule.key.render(&signal_values(signal, kind.source)).ok();
    if key(&kind.samples.whole)? == key(&other)? {
        return None;
    }
    let reason = format!(
        "is another one for each conversation, so {} signals with one key hardly ever come",
        rule.at_least
    );
    let wider = ["queue_id", "flow_id"];
    let mut wider = wider
        .iter()
        .filter(|name| other.fields.contains_key(**name));
    let help = format!(
        "name what conversations have in common, such as {{{{ {} }}}}",
        wider.next()?
    );
    let problem = Problem::warning(path, reason).with_help(help);
    Some(problem.within(rule.key.span_of(NAME)))
}

/// Warns of a key with a value that does not stay the same for one thing.
fn changes(rule: &RuleSettings, path: &str) -> Option<Problem> {
    let uses = |names: &[&'static str]| names.iter().copied().find(|name| rule.key.uses(name));
    let warn =
        |name: &str, reason: String| Problem::warning(path, reason).within(rule.key.span_of(name));
    let help = "write only what names the thing, such as {{ queue_id }}";
    if let Some(name) = uses(NEW_EACH_TIME) {
        let reason = format!("`{name}` differs in every event, so every event is a new incident");
        return Some(warn(name, reason).with_help(help));
    }
    let name = uses(CHANGED_BY_RECOVERY).filter(|_| recovers(rule))?;
    let reason = format!(
        "`{name}` is another one when the trouble is over: the recovery has another key, and ends no incident"
    );
    Some(warn(name, reason).with_help(help))
}

/// Whether any event is a recovery for the rule.
const fn recovers(rule: &RuleSettings) -> bool {
    rule.clear.is_some() || rule.at_least == 1
}

/// Warns of a key that recoveries cannot fill, as the samples show them.
fn lacks_in_recovery(rule: &RuleSettings, path: &str, kinds: &Kinds<'_>) -> Option<Problem> {
    if !recovers(rule) {
        return None;
    }
    let samples = kinds.certain().flat_map(|kind| {
        let singles = kind.samples.single.iter();
        singles.map(move |signal| (kind, signal))
    });
    for (kind, signal) in samples {
        let (_, clears) = verdict(rule, signal, kind.source);
        if !clears {
            continue;
        }
        let context = signal_values(signal, kind.source);
        let Err(error) = rule.key.render(&context) else {
            continue;
        };
        let name = error.missing.first()?;
        let reason = format!(
            "an event of the type `{}` that is a recovery may lack `{name}`: then it becomes a review item, and ends no incident",
            kind.event_type
        );
        let help = "write only what both the trouble and its end contain";
        let problem = Problem::warning(path, reason).with_help(help);
        return Some(problem.within(rule.key.span_of(name)));
    }
    None
}
