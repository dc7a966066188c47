//! Evaluates one rule over one signal.

use std::sync::Arc;

use super::correlation_key::limit_key;
use super::finding::{Breach, Found, FoundBreach, Timeliness};
use super::outage_group::outage_key_of;
use super::signal_values::named_values;
use super::ticket_values::TicketValues;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::Verdict;
use crate::domain::signal::Signal;
use crate::settings::{RuleSettings, Settings};
use crate::store::JournalEvent;

/// The input of a rule.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) event: &'a JournalEvent,
    /// As the rule sees it.
    pub(super) signal: &'a Arc<Signal>,
    pub(super) timeliness: Timeliness,
}

/// What a rule says of a signal.
pub(super) struct RuleAnswer {
    /// `None`: the signal lacks a value that the rule reads.
    pub(super) finding: Option<Found>,
    /// Expressions that failed, without which the finding is still one: of the severity and of the
    /// targets.
    pub(super) slips: Vec<String>,
}

/// What `rule` says; `key_of` gives its correlation key for the signal. The error says what is wrong
/// with the rule.
pub(super) fn evaluate(
    settings: &Settings,
    index: usize,
    rule: &RuleSettings,
    input: Input<'_>,
    key_of: impl FnOnce() -> Result<IncidentKey, String>,
) -> Result<RuleAnswer, String> {
    let mut slips = Vec::new();
    let Input {
        event,
        signal,
        timeliness,
    } = input;
    let Some(verdict) = verdict(rule, &event.source, signal)? else {
        let finding = None;
        return Ok(RuleAnswer { finding, slips });
    };
    let key = key_of()?;
    let breach = (verdict == Verdict::Breach).then(|| {
        let severity = severity(rule, &event.source, signal, &mut slips);
        let breach = breach(rule, event, signal, &mut slips);
        let group = outage_key_of(settings, &rule.name, &breach.values);
        Box::new(FoundBreach {
            severity,
            breach,
            group,
        })
    });
    let finding = Some(Found {
        rule: index,
        key,
        verdict,
        timeliness,
        signal: Arc::clone(signal),
        breach,
    });
    Ok(RuleAnswer { finding, slips })
}

fn breach(
    rule: &RuleSettings,
    event: &JournalEvent,
    signal: &Arc<Signal>,
    slips: &mut Vec<String>,
) -> Breach {
    let (routed, failed) = rule.targets.route(signal, &event.source);
    let failed = failed.into_iter();
    slips.extend(failed.map(|error| format!("rules.{}.{error}", rule.name)));
    Breach {
        values: TicketValues::of(Arc::clone(signal), Arc::clone(&event.source)),
        routed,
    }
}

/// The correlation key of `rule` for the signal. The error says what is wrong with the template.
pub(super) fn key_of(
    rule: &RuleSettings,
    event: &JournalEvent,
    signal: &Signal,
) -> Result<Arc<str>, String> {
    let key = limit_key(&text_of_key(rule, event, signal)?);
    match key.is_empty() {
        true => Err(" gives an empty key".to_owned()),
        false => Ok(key.into()),
    }
}

/// Most keys are one field, which needs no template engine.
fn text_of_key(
    rule: &RuleSettings,
    event: &JournalEvent,
    signal: &Signal,
) -> Result<String, String> {
    let plain = rule.key.plain_name().and_then(|name| signal.text(name));
    if let Some(key) = plain {
        return Ok(key.to_owned());
    }
    let context = named_values(signal, &event.source, |name| rule.key.uses(name));
    let key = rule.key.render(&context);
    key.map_err(|error| format!(": {error}"))
}

/// The worst level whose expression holds. An expression that fails, or reads a value which the
/// signal does not carry, does not hold: it must not cost the ticket.
fn severity(rule: &RuleSettings, source: &str, signal: &Signal, slips: &mut Vec<String>) -> String {
    for (level, expression) in &rule.severity.levels {
        match expression.holds(signal, source) {
            Ok(Some(true)) => return level.as_str().to_owned(),
            Ok(_) => {}
            Err(error) => slips.push(format!("rules.{}.severity.{level}: {error}", rule.name)),
        }
    }
    rule.severity.default.clone()
}

/// The verdict of `when` and `clear`; `None` when the signal lacks a value that they read.
fn verdict(rule: &RuleSettings, source: &str, signal: &Signal) -> Result<Option<Verdict>, String> {
    let explain = |setting: &str, error: &dyn std::fmt::Display| {
        format!("rules.{}.{setting}: {error}", rule.name)
    };
    let breaches = rule
        .when
        .holds(signal, source)
        .map_err(|error| explain("when", &error))?;
    if breaches == Some(true) {
        return Ok(Some(Verdict::Breach));
    }
    // Without an expression of its own, the rule clears as soon as `when` does not hold. Where
    // several matches are needed, one signal that does not match says nothing.
    let Some(clear) = &rule.clear else {
        let clears = breaches.filter(|_| rule.at_least == 1);
        return Ok(clears.map(|_| Verdict::Clear));
    };
    let clears = clear
        .holds(signal, source)
        .map_err(|error| explain("clear", &error))?;
    Ok(match (breaches, clears) {
        (_, Some(true)) => Some(Verdict::Clear),
        (Some(false), Some(false)) => Some(Verdict::InHysteresis),
        _ => None,
    })
}
