//! What each configured rule makes of one event, looked at alone: why an event opened no ticket.

use crate::decide::Evaluated;
use crate::domain::signal::Signal;
use crate::domain::situation::{RuleSight, Sight, Unmet};
use crate::settings::{RuleSettings, Settings};

/// A sight for each rule of the settings, in their order.
pub(super) fn sights(
    settings: &Settings,
    source: &str,
    signals: &[Signal],
    evaluated: &Evaluated,
) -> Vec<RuleSight> {
    let rules = settings.rules.iter().enumerate();
    rules
        .map(|(index, rule)| RuleSight {
            rule: rule.name.clone(),
            saw: sight(index, rule, source, signals, evaluated),
        })
        .collect()
}

fn sight(
    index: usize,
    rule: &RuleSettings,
    source: &str,
    signals: &[Signal],
    evaluated: &Evaluated,
) -> Sight {
    let looks_at = |signal: &&Signal| rule.looks_at(source, &signal.event_type);
    let Some(signal) = signals.iter().find(looks_at) else {
        let is_listed = |name: &String| name == source;
        return match rule.sources.is_empty() || rule.sources.iter().any(is_listed) {
            true => Sight::OtherType,
            false => Sight::OtherSource,
        };
    };
    let Evaluated::Findings {
        findings,
        without_finding,
        faults,
    } = evaluated
    else {
        return Sight::OtherType;
    };
    if let Some(fault) = faults.iter().find(|one| one.rule == index) {
        return Sight::Failed(fault.problem.clone());
    }
    let mut found = findings.iter().filter(|one| one.rule == index);
    if found.any(|one| one.is_breach()) {
        return Sight::Breach;
    }
    let without = without_finding.iter().find(|one| one.rule == index);
    if let Some(status) = without.and_then(|one| one.unknown_status.clone()) {
        return Sight::UnknownStatus(status);
    }
    match (without.is_some(), rule.when.missing(signal)) {
        (true, names) if !names.is_empty() => Sight::Missing(names),
        _ => Sight::Unmet(unmet(rule, signal, source)),
    }
}

fn unmet(rule: &RuleSettings, signal: &Signal, source: &str) -> Vec<Unmet> {
    let unmet = rule.when.unmet(signal, source).into_iter();
    unmet.map(in_seconds).collect()
}

/// A number with its unit, where it has one.
fn in_seconds(unmet: Unmet) -> Unmet {
    let is_duration = |name: &str| {
        let parts = name.rsplit_once('.');
        parts.is_some_and(|(metric, statistic)| crate::normalise::is_duration(metric, statistic))
    };
    match unmet {
        Unmet::Number {
            name,
            value,
            relation,
            bound,
            ..
        } => Unmet::Number {
            unit: if is_duration(&name) { "s" } else { "" },
            name,
            value,
            relation,
            bound,
        },
        other => other,
    }
}
