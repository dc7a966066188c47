//! Evaluates events: every rule that looks at an event gives a finding or is silent.
//!
//! Pure. May import: `domain`, `normalise`, `rules`, `settings`, and the event types of `store`.

mod correlation_key;
mod finding;
mod outage_group;
mod rule;
mod signal_values;

use crate::domain::enrichment::Names;
use crate::domain::signal::{Meaning, Signal};
use crate::domain::trouble::OWN_SOURCE;
use crate::normalise::{self, Format, Outcome, normalise};
use crate::settings::Settings;
use crate::store::{Content, JournalEvent};

pub(crate) use finding::{Breach, Evaluated, Finding};
pub(super) use signal_values::signal_in;

/// Evaluates the rules over `event`. `names` fill in names that the event lacks.
pub(crate) fn evaluate(settings: &Settings, names: &Names, event: &JournalEvent) -> Evaluated {
    match (&event.content, format_of(settings, &event.source)) {
        (Content::InReview, _) => Evaluated::Nothing("it waits for a person"),
        (_, None) => Evaluated::Review(format!("source {} is no longer configured", event.source)),
        // It was normalised when it was received, and is not read again.
        (Content::Meaning(Meaning::Nothing(why)), _) => Evaluated::Nothing(why),
        (Content::Meaning(Meaning::Signals(signals)), _) => {
            evaluate_rules(settings, names, event, signals)
        }
        (Content::Body(body), Some(format)) => read(settings, format, names, event, body),
    }
}

fn format_of<'a>(settings: &'a Settings, source: &str) -> Option<&'a Format> {
    let configured = settings.sources.get(source).map(|source| &source.format);
    let own = settings.own_trouble.as_ref();
    let own = own.filter(|_| source == OWN_SOURCE).map(|own| &own.format);
    configured.or(own)
}

fn read(
    settings: &Settings,
    format: &Format,
    names: &Names,
    event: &JournalEvent,
    body: &str,
) -> Evaluated {
    let item = match normalise::parse(body) {
        Ok(item) => item,
        Err(error) => return Evaluated::Review(format!("not JSON: {error}")),
    };
    match normalise(format, &item, event.received_at).outcome {
        Outcome::Nothing(why) => Evaluated::Nothing(why),
        Outcome::Mismatch(mismatch) => Evaluated::Review(mismatch.to_string()),
        Outcome::Signals(signals) => evaluate_rules(settings, names, event, &signals),
    }
}

fn evaluate_rules(
    settings: &Settings,
    names: &Names,
    event: &JournalEvent,
    signals: &[Signal],
) -> Evaluated {
    let mut findings = Vec::new();
    let mut silent = Vec::new();
    for signal in signals {
        let signal = names.fill(signal);
        for (index, rule) in settings.rules.iter().enumerate() {
            if !rule::concerns(rule, &event.source, &signal) {
                continue;
            }
            let input = rule::Input {
                event,
                signal: &signal,
            };
            match rule::evaluate(settings, index, rule, input) {
                Ok(Some(finding)) => findings.push(finding),
                Ok(None) => silent.push(index),
                Err(problem) => return Evaluated::Review(problem),
            }
        }
    }
    Evaluated::Findings { findings, silent }
}
