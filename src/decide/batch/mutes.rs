//! Mutes a key that a silence or a maintenance window matches: no ticket is opened for it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::apply::mark_changed;
use super::changes::Changes;
use super::inputs::Inputs;
use super::key_state::{KeyState, TicketContext};
use crate::domain::flood::Allowance;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::OpenDelay;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::silence::{InForce, Mute, Subject, apply_mute, longest_mute};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::Settings;

/// The maintenance window that silences a breach of `key` at `at`: one received from `source`, with
/// the values `context`.
pub(crate) fn maintenance_over(
    settings: &Settings,
    key: &IncidentKey,
    source: &str,
    context: &TemplateContext,
    at: Timestamp,
) -> Option<Mute> {
    let subject = subject_of(source, context, key);
    longest_mute(windows_in_force(settings, at), &subject)
}

/// Mutes the key of an incident, or of a breach that may begin one, for a decision on an event that
/// was received at `received_at`. An incident whose silence is over waits for `delay` once more.
pub(super) fn mute_key(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    key: &IncidentKey,
    breach: Option<&TicketContext>,
    received_at: Timestamp,
    delay: Option<OpenDelay>,
) {
    if !may_be_muted(inputs, state) {
        return;
    }
    let context = breach.or_else(|| state.active.as_ref().map(|active| &active.context));
    let mute = context.and_then(|context| {
        let subject = subject_of(&context.source, &context.values, key);
        // A breach that was received during a silence is silenced, although the decision is later.
        mute_at(inputs, &subject, inputs.now).or_else(|| mute_at(inputs, &subject, received_at))
    });
    set_mute(inputs, changes, state, mute, delay);
}

/// Mutes an outage or a flood, which has no labels, and a source only where one is given.
pub(super) fn mute_group(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    key: &IncidentKey,
    source: Option<&str>,
) {
    if !may_be_muted(inputs, state) {
        return;
    }
    let subject = Subject {
        source,
        rule: &key.rule,
        key: &key.key,
        labels: None,
    };
    let mute = mute_at(inputs, &subject, inputs.now);
    set_mute(inputs, changes, state, mute, None);
}

/// Whether silences have to be compared: they do not concern an incident that has a ticket.
fn may_be_muted(inputs: &Inputs<'_>, state: &KeyState) -> bool {
    if state.has_ticket() {
        return false;
    }
    let was_muted = state.incident().is_some_and(|one| one.silence.is_some());
    let is_any = !inputs.silences.is_empty() || !inputs.settings.maintenance.is_empty();
    was_muted || state.is_muted() || is_any
}

fn mute_at(inputs: &Inputs<'_>, subject: &Subject<'_>, at: Timestamp) -> Option<Mute> {
    let silences = inputs.silences.iter().filter_map(|one| one.in_force(at));
    longest_mute(
        silences.chain(windows_in_force(inputs.settings, at)),
        subject,
    )
}

/// The maintenance windows of `settings` that are in force at `at`.
fn windows_in_force(settings: &Settings, at: Timestamp) -> impl Iterator<Item = InForce<'_>> + '_ {
    settings
        .maintenance
        .iter()
        .filter_map(move |(name, window)| {
            Some(InForce {
                what: "maintenance window",
                name,
                matchers: &window.matchers,
                until: window.schedule.window_at(at)?,
            })
        })
}

fn set_mute(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    mute: Option<Mute>,
    delay: Option<OpenDelay>,
) {
    let before = state.incident().and_then(|one| one.silence.clone());
    let event = match (before, &mute) {
        (before, Some(by)) if before.as_ref() != Some(by) => {
            Some(IncidentEvent::Silenced { by: by.clone() })
        }
        (Some(before), None) => Some(IncidentEvent::SilenceEnded { by: before.by }),
        _ => None,
    };
    state.step(Allowance::default(), &mut None, |known| {
        apply_mute(known, mute, delay, inputs.now);
    });
    if let (Some(incident), Some(event)) = (state.incident(), event) {
        changes.record(incident, event, inputs.now);
        mark_changed(changes, state);
    }
}

fn subject_of<'a>(
    source: &'a str,
    context: &'a TemplateContext,
    key: &'a IncidentKey,
) -> Subject<'a> {
    let labels = context.get("labels").and_then(Value::as_object);
    let labels: BTreeMap<&str, &str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    Subject {
        source: Some(source),
        rule: &key.rule,
        key: &key.key,
        labels: Some(labels),
    }
}
