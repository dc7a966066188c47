//! Runs the expressions of a rule over the values that its events can have.

use super::kinds::{Kind, Kinds};
use super::place::Place;
use super::values::{Variants, variants};
use crate::domain::signal::Signal;
use crate::rules::{Comparisons, Expression, span_of, unsatisfiable};
use crate::settings::{Level, Problem, RuleSettings};

/// Whether the verdicts of a rule can be reached.
#[derive(Debug, Default)]
struct Reached {
    breach: bool,
    clear: bool,
    /// Whether every value was tried that could make a difference.
    is_certain: bool,
}

/// Refuses an expression that fails.
pub(super) fn check_failures(
    rule: &RuleSettings,
    places: &[Place<'_>],
    kinds: &Kinds<'_>,
    found: &mut Vec<Problem>,
) {
    for place in places {
        // What compares a number with a text is refused already, in better words.
        if !has_error(&place.path, found) {
            found.extend(failure(rule, place, kinds));
        }
    }
}

fn has_error(path: &str, found: &[Problem]) -> bool {
    let mut at_path = found.iter().filter(|problem| problem.path == path);
    at_path.any(|problem| problem.level == Level::Error)
}

/// Warns of a rule that never breaches or never clears.
pub(super) fn check_verdicts(
    rule: &RuleSettings,
    places: &[Place<'_>],
    kinds: &Kinds<'_>,
    found: &mut Vec<Problem>,
) {
    // What can never hold by itself is said at the load already.
    let has_failed = places.iter().any(|place| has_error(&place.path, found));
    if has_failed || unsatisfiable(&rule.when, rule.clear.as_ref()).is_some() {
        return;
    }
    let reached = reached(rule, places, kinds);
    if !reached.is_certain {
        return;
    }
    let path = |key: &str| format!("rules.{}.{key}", rule.name);
    let can_clear = rule.clear.is_some() || rule.at_least == 1;
    let problem = if !reached.breach {
        let reason = "never holds for the events of this rule, so it opens no incident";
        Problem::warning(path("when"), reason)
            .with_help("`ringdown explain FILE` shows what it sees of an event")
    } else if !reached.clear && can_clear {
        let key = if rule.clear.is_some() {
            "clear"
        } else {
            "when"
        };
        let reason = "no event of this rule is a recovery: its incidents end only by quiet_after";
        Problem::warning(path(key), reason).with_help("write a `clear` that such events meet")
    } else {
        return;
    };
    // A name that no event carries is the reason, and has its own warning.
    if !is_explained(&problem.path, found) {
        found.push(problem);
    }
}

/// Whether something is said at `path` already.
pub(super) fn is_explained(path: &str, found: &[Problem]) -> bool {
    found.iter().any(|problem| problem.path == path)
}

/// The first failure of an expression. Of alternatives it fails on all that contain what it reads.
fn failure(rule: &RuleSettings, place: &Place<'_>, kinds: &Kinds<'_>) -> Option<Problem> {
    kinds.alternatives().into_iter().find_map(|alternatives| {
        let only = alternatives.len() == 1;
        let able = alternatives
            .into_iter()
            .filter(|kind| only || kind.carries_all(&place.comparisons));
        let failures: Option<Vec<Problem>> =
            able.map(|kind| failure_on(rule, place, kind)).collect();
        failures?.into_iter().next()
    })
}

fn failure_on(rule: &RuleSettings, place: &Place<'_>, kind: &Kind<'_>) -> Option<Problem> {
    let Variants { signals, .. } = variants(&[&place.comparisons], kind);
    let error = signals
        .iter()
        .find_map(|signal| place.expression.holds(signal, kind.source).err())?;
    let event_type = &kind.event_type;
    let reason = format!(
        "fails on events of the type `{event_type}`: {}",
        error.problem
    );
    let help = error.help.unwrap_or_else(|| {
        format!(
            "such an event would not be decided by `{}`, and become a review item",
            rule.name
        )
    });
    let part = error.part.as_deref();
    let span = part.and_then(|part| span_of(place.expression.source(), part));
    let problem = Problem::error(&place.path, reason).with_help(help);
    Some(problem.within(span))
}

fn reached(rule: &RuleSettings, places: &[Place<'_>], kinds: &Kinds<'_>) -> Reached {
    let mut reached = Reached {
        is_certain: kinds.unknown.is_empty(),
        ..Reached::default()
    };
    let verdict_places = places.iter().take(1 + rule.clear.iter().len());
    let compared: Vec<&Comparisons> = verdict_places.map(|place| &place.comparisons).collect();
    for kind in &kinds.all {
        let variants = variants(&compared, kind);
        reached.is_certain &= variants.are_all;
        for signal in &variants.signals {
            let (breaches, clears) = verdict(rule, signal, kind.source);
            reached.breach |= breaches;
            reached.clear |= clears;
        }
    }
    reached
}

/// Whether the signal is a breach, and whether it is a recovery.
pub(super) fn verdict(rule: &RuleSettings, signal: &Signal, source: &str) -> (bool, bool) {
    let holds = |expression: &Expression| expression.holds(signal, source).ok().flatten();
    let breaches = holds(&rule.when);
    let clears = match &rule.clear {
        Some(clear) => holds(clear) == Some(true),
        None => breaches == Some(false),
    };
    (breaches == Some(true), breaches != Some(true) && clears)
}
