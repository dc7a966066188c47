//! What the rules say about one event. Pure.

use crate::domain::enrichment::Names;
use crate::domain::incident::{Heard, Verdict};
use crate::domain::part;
use crate::domain::signal::{Meaning, Signal};
use crate::json::PlainJson;
use crate::normalise::{Format, Outcome, normalise};
use crate::rules::TemplateContext;
use crate::settings::{Routed, RuleSettings};
use crate::store::{Content, JournalEvent};

use super::context::{named_context, signal_context};
use super::key;

/// What one rule found in one event.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule's place among the settings' rules.
    pub rule: usize,
    /// The correlation key.
    pub key: String,
    /// What an incident would hear.
    pub heard: Heard,
    /// The severity that the signal speaks of, by the contract's name.
    pub severity: String,
    /// What a breach says for its ticket; a breach alone changes what a ticket shows.
    pub breach: Option<Breach>,
    /// The outage that a breach counts for, as its active key.
    pub group: Option<String>,
}

/// What a breach says for its ticket.
#[derive(Debug, Clone)]
pub struct Breach {
    /// The values templates see.
    pub context: TemplateContext,
    /// The targets that the ticket may be opened in.
    pub routed: Routed,
}

/// What an event came to.
#[derive(Debug, Clone)]
pub enum Evaluated {
    /// What rules found, and which rules looked and found nothing.
    Findings {
        /// Breaches and clears.
        findings: Vec<Finding>,
        /// Rules that looked at the event and were silent.
        silent: Vec<usize>,
    },
    /// It says nothing by its nature: a heartbeat.
    Nothing(&'static str),
    /// It goes to a person, and why.
    Review(String),
}

/// Asks every rule about `event`, which is read as `format` unless it was understood when it
/// was received. `names` add what the event does not say.
pub fn evaluate(
    rules: &[RuleSettings],
    format: &Format,
    names: &Names,
    event: &JournalEvent,
) -> Evaluated {
    match &event.content {
        Content::InReview => Evaluated::Nothing("it waits for a person"),
        Content::Meaning(Meaning::Nothing(why)) => Evaluated::Nothing(why),
        Content::Meaning(Meaning::Signals(signals)) => ask_rules(rules, names, event, signals),
        Content::Body(body) => read(rules, format, names, event, body),
    }
}

fn read(
    rules: &[RuleSettings],
    format: &Format,
    names: &Names,
    event: &JournalEvent,
    body: &str,
) -> Evaluated {
    let item = match serde_json::from_str(body) {
        Ok(PlainJson(item)) => item,
        Err(error) => return Evaluated::Review(format!("not JSON: {error}")),
    };
    match normalise(format, &item, event.received_at).outcome {
        Outcome::Nothing(why) => Evaluated::Nothing(why),
        Outcome::Mismatch(mismatch) => Evaluated::Review(mismatch.to_string()),
        Outcome::Signals(signals) => ask_rules(rules, names, event, &signals),
    }
}

fn ask_rules(
    rules: &[RuleSettings],
    names: &Names,
    event: &JournalEvent,
    signals: &[Signal],
) -> Evaluated {
    let mut findings = Vec::new();
    let mut silent = Vec::new();
    for signal in signals {
        let signal = names.fill(signal);
        for (index, rule) in rules.iter().enumerate() {
            if !concerns(rule, &event.source, &signal) {
                continue;
            }
            match ask(rule, index, event, &signal) {
                Ok(Some(finding)) => findings.push(finding),
                Ok(None) => silent.push(index),
                Err(problem) => return Evaluated::Review(problem),
            }
        }
    }
    Evaluated::Findings { findings, silent }
}

/// Whether `rule` looks at signals of this source and type.
fn concerns(rule: &RuleSettings, source: &str, signal: &Signal) -> bool {
    (rule.sources.is_empty() || rule.sources.iter().any(|name| name == source))
        && rule
            .events
            .iter()
            .any(|wanted| wanted == "*" || *wanted == signal.event_type)
}

fn ask(
    rule: &RuleSettings,
    index: usize,
    event: &JournalEvent,
    signal: &Signal,
) -> Result<Option<Finding>, String> {
    let Some(verdict) = verdict(rule, &event.source, signal)? else {
        return Ok(None);
    };
    let key = key::kept(&key_of(rule, event, signal)?);
    if key.is_empty() {
        return Err(format!("rules.{}.key gives an empty key", rule.name));
    }
    let levels = rule.severity_levels.iter().map(|(_, level)| level);
    let expressions = [&rule.when].into_iter().chain(&rule.clear).chain(levels);
    let readings = expressions.flat_map(|one| one.readings(signal));
    let readings = readings
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let (severity, breach) = match verdict {
        Verdict::Breach => (
            severity(rule, &event.source, signal)?,
            Some(breach(rule, event, signal)?),
        ),
        Verdict::Clear | Verdict::Between => (rule.severity.clone(), None),
    };
    let heard = Heard {
        received_at: event.received_at,
        occurred_at: signal.occurred_at,
        part: match rule.sources.is_empty() {
            true => part::of_source(&event.source, &signal.part),
            false => part::of_all(&signal.part),
        },
        verdict,
        readings,
    };
    Ok(Some(Finding {
        rule: index,
        key,
        heard,
        severity,
        breach,
        group: None,
    }))
}

fn breach(rule: &RuleSettings, event: &JournalEvent, signal: &Signal) -> Result<Breach, String> {
    let routed = rule.targets.route(signal, &event.source);
    Ok(Breach {
        context: signal_context(signal, &event.source),
        routed: routed.map_err(|error| format!("rules.{}.{error}", rule.name))?,
    })
}

/// The correlation key. Most keys are one field, which needs no template engine.
fn key_of(rule: &RuleSettings, event: &JournalEvent, signal: &Signal) -> Result<String, String> {
    let plain = rule.key.plain_name().and_then(|name| signal.text(name));
    if let Some(key) = plain {
        return Ok(key.to_owned());
    }
    let context = named_context(signal, &event.source, |name| rule.key.uses(name));
    rule.key
        .render(&context)
        .map_err(|error| format!("rules.{}.key: {error}", rule.name))
}

/// The worst level whose expression holds. One that reads what the signal does not carry does
/// not hold.
fn severity(rule: &RuleSettings, source: &str, signal: &Signal) -> Result<String, String> {
    for (level, expression) in &rule.severity_levels {
        let holds = expression
            .holds(signal, source)
            .map_err(|error| format!("rules.{}.severity.{level}: {error}", rule.name))?;
        if holds == Some(true) {
            return Ok(level.as_str().to_owned());
        }
    }
    Ok(rule.severity.clone())
}

/// What `when` and `clear` say together; `None` when the signal does not carry what they read.
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
    let Some(clear) = &rule.clear else {
        return Ok(breaches.map(|_| Verdict::Clear));
    };
    let clears = clear
        .holds(signal, source)
        .map_err(|error| explain("clear", &error))?;
    Ok(match (breaches, clears) {
        (_, Some(true)) => Some(Verdict::Clear),
        (Some(false), Some(false)) => Some(Verdict::Between),
        _ => None,
    })
}
