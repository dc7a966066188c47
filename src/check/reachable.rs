//! Levels of `severity` and entries of `targets` that no breach ever reaches: of several expressions
//! the first that holds counts.

use super::expressions::is_explained;
use super::kinds::Kinds;
use super::place::Place;
use super::values::variants;
use crate::domain::signal::Signal;
use crate::rules::{Comparisons, Expression};
use crate::settings::{Problem, RuleSettings};

/// How often an expression was met by a breach.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    /// It holds.
    holds: bool,
    /// It holds, and none before it does.
    first: bool,
}

/// Warns of expressions that have no effect because of those before them, or because of `when`.
pub(super) fn check(
    rule: &RuleSettings,
    places: &[Place<'_>],
    kinds: &Kinds<'_>,
    found: &mut Vec<Problem>,
) {
    if places.iter().any(|place| is_explained(&place.path, found)) {
        return;
    }
    let levels = rule.severity.levels.iter();
    let levels: Vec<(String, &Expression)> = levels
        .map(|(level, expression)| (format!("severity.{level}"), expression))
        .collect();
    let routes = rule.targets.routes.iter().enumerate();
    let routes: Vec<(String, &Expression)> = routes
        .map(|(at, route)| (format!("targets[{at}].when"), &route.when))
        .collect();
    for list in [levels, routes] {
        found.extend(unreachable(rule, &list, kinds));
    }
}

fn unreachable(
    rule: &RuleSettings,
    list: &[(String, &Expression)],
    kinds: &Kinds<'_>,
) -> Option<Problem> {
    if list.is_empty() || !kinds.unknown.is_empty() || kinds.all.is_empty() {
        return None;
    }
    let mut compared: Vec<Comparisons> = vec![rule.when.comparisons()];
    compared.extend(list.iter().map(|(_, expression)| expression.comparisons()));
    let compared: Vec<&Comparisons> = compared.iter().collect();
    let mut met = vec![Met::default(); list.len()];
    let mut is_any_left = false;
    for kind in &kinds.all {
        let variants = variants(&compared, kind);
        if !variants.are_all {
            return None;
        }
        for signal in &variants.signals {
            if rule.when.holds(signal, kind.source) == Ok(Some(true)) {
                is_any_left |= !note(&mut met, list, signal, kind.source);
            }
        }
    }
    let path = |key: &str| format!("rules.{}.{key}", rule.name);
    let places = list.iter().zip(&met).enumerate();
    let mut idle = places.filter(|(_, (_, met))| !met.first);
    if let Some((at, ((key, _), met))) = idle.next() {
        let before = list.get(..at).unwrap_or_default();
        let before: Vec<String> = before.iter().map(|(key, _)| format!("`{key}`")).collect();
        let (reason, help) = match met.holds {
            true => (
                format!(
                    "is never reached: wherever it holds, {} holds too and is asked first",
                    before.join(" or ")
                ),
                "make the expression before it stricter, or remove this one",
            ),
            false => (
                "holds for no breach: `when` never holds together with it".to_owned(),
                "compare it with what `when` asks for, or remove it",
            ),
        };
        return Some(Problem::warning(path(key), reason).with_help(help));
    }
    let ((key, _), _) = list.iter().zip(&met).next_back()?;
    (!is_any_left && list.len() == 1).then(|| {
        let reason = "holds for every breach: what stands after it has no effect";
        let help = "compare it with more than `when` asks for, or write its value alone";
        Problem::warning(path(key), reason).with_help(help)
    })
}

/// Notes which expressions hold for a breach; `false`: none.
fn note(met: &mut [Met], list: &[(String, &Expression)], signal: &Signal, source: &str) -> bool {
    let mut is_decided = false;
    for (met, (_, expression)) in met.iter_mut().zip(list) {
        if expression.holds(signal, source) == Ok(Some(true)) {
            met.holds = true;
            met.first |= !is_decided;
            is_decided = true;
        }
    }
    is_decided
}
