//! Changes of incidents that only depend on time.

use std::time::Duration;

use super::apply::{Origin, apply, mark_changed};
use super::changes::Changes;
use super::create::Create;
use super::inputs::Inputs;
use super::key_state::{KeyState, KeyStates};
use super::mutes::mute_key;
use super::source_limits::{BeforeDecision, SourceLimits};
use crate::decide::outage_key::outage_of;
use crate::decide::policy::policy_of;
use crate::domain::decision::{Decision, DecisionState, SignalOutcome, Suppression, fire_due};
use crate::domain::flood;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::OpenDelay;
use crate::domain::incident::{Incident, TicketAction};
use crate::domain::incident_event::{ClosingCause, IncidentEvent};
use crate::domain::time::Timestamp;
use crate::settings::RuleSettings;

/// How long a ticket is delayed for the outage of `group`. If the outage forms, the incident needs
/// no ticket of its own.
pub(super) fn open_delay(
    inputs: &Inputs<'_>,
    keys: &KeyStates,
    group: Option<&IncidentKey>,
    now: Timestamp,
) -> Option<OpenDelay> {
    let group = group?;
    let (_, outage) = outage_of(inputs.settings, &group.rule)?;
    let is_active = keys.get(group).is_some_and(|state| state.active.is_some());
    // An outage that exists takes the incident in at the end of this batch: until then it waits.
    let shortest = match is_active {
        true => Duration::from_millis(1),
        false => Duration::ZERO,
    };
    Some(OpenDelay {
        until: now.plus(outage.hold.max(shortest)),
        reason: Suppression::Outage,
    })
}

/// Changes the incident of `state`, which is due.
pub(super) fn advance_timers(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    limits: &mut SourceLimits,
    keys: &KeyStates,
    state: &mut KeyState,
) {
    let Some(incident) = state.incident().cloned() else {
        return;
    };
    let now = inputs.now;
    // Outages and floods are reconciled at the end of the batch, after their members.
    let key = incident.incident_key();
    if outage_of(inputs.settings, &key.rule).is_some() || flood::source_of(&key.rule).is_some() {
        return;
    }
    let delay = open_delay(inputs, keys, incident.group.as_ref(), now);
    mute_key(inputs, changes, state, &key, None, now, delay);
    // Before the limit is asked: a released incident is not held again.
    if carry_out_flood_decision(inputs, changes, state) {
        return;
    }
    // Its ticket counts for the minute in which it was due, not in which deciding came to it.
    let due = state.incident().and_then(Incident::counts_at);
    let source = state.begun_by("");
    let before = BeforeDecision::of(state, source, due.unwrap_or(now), now);
    let allowance = limits.allowance(&before);
    let rule = inputs
        .settings
        .rules
        .iter()
        .find(|rule| rule.name == *incident.rule);
    let decision = state.step(allowance, &mut None, |known| match rule {
        Some(rule) => fire_due(known, &policy_of(rule), now),
        // No event can clear the incident any more.
        None => close_orphan(known, now),
    });
    limits.record(before, state, &decision, None);
    finish(inputs, changes, state, &decision, rule);
}

fn finish(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    decision: &Decision,
    rule: Option<&RuleSettings>,
) {
    let now = inputs.now;
    let Some(active) = &state.active else {
        return;
    };
    if rule.is_none() {
        let why = ClosingCause::RuleRemoved {
            rule: active.incident.rule.to_string(),
        };
        changes.record(&active.incident, IncidentEvent::Closed { why }, now);
        mark_changed(changes, state);
        return;
    }
    let is_due = decision.actions.contains(&TicketAction::Create);
    let create = is_due.then(|| Create::write(inputs, &active.incident, &active.context, now));
    let (event_id, source) = (active.context.event_id(), active.context.begun_by.clone());
    let origin = Origin {
        event_id: &event_id,
        received_at: active.incident.last_breach_at,
        source: &source,
    };
    apply(inputs, changes, state, decision, create, origin, now);
}

/// Carries out a person's decision about an incident that a flood holds: a released one waits for
/// the flood no longer, a discarded one is closed. Returns whether it was closed.
fn carry_out_flood_decision(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
) -> bool {
    let Some(active) = &mut state.active else {
        return false;
    };
    let incident = &mut active.incident;
    let Some(decision) = inputs
        .flood_decisions
        .get(&incident.id)
        .filter(|_| incident.is_held_by_flood())
    else {
        return false;
    };
    let by = decision.by.clone();
    if decision.release {
        incident.release_from_flood();
        changes.record(
            incident,
            IncidentEvent::ReleasedFromFlood { by },
            inputs.now,
        );
        return false;
    }
    incident.close(inputs.now);
    let why = ClosingCause::DiscardedWithFlood { by };
    changes.record(incident, IncidentEvent::Closed { why }, inputs.now);
    mark_changed(changes, state);
    true
}

/// Closes an incident whose rule is no longer configured. Its ticket is left to people.
fn close_orphan(known: &mut DecisionState, now: Timestamp) -> Decision {
    if let Some(incident) = known.incident.as_mut() {
        incident.close(now);
    }
    Decision {
        outcome: SignalOutcome::Recovered,
        actions: Vec::new(),
        transitions: Vec::new(),
        lock: None,
    }
}
