//! Begins, continues or ends the flood of a source: its own incident and its own ticket.

use super::apply::{Origin, apply};
use super::changes::Changes;
use super::create::Create;
use super::inputs::Inputs;
use super::key_state::{ActiveIncident, KeyState, KeyStates, TicketContext};
use super::mutes::mute_group;
use super::source_limits::SourceLimit;
use crate::decide::ticket_text::flood_report::describe;
use crate::domain::decision::{Decision, NewIncident};
use crate::domain::flood::{self, Allowance, FloodObservation, FloodPolicy, reconcile};
use crate::domain::identity::IncidentId;
use crate::domain::incident::{Incident, TicketAction};

const SEVERITY: &str = "high";

/// Brings the flood of `source` in line with the changes of the source's keys in the batch.
pub(super) fn reconcile_flood(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    keys: &mut KeyStates,
    source: &str,
    limit: SourceLimit,
) {
    let key = flood::key_of(source);
    let mut state = keys.remove(&key).unwrap_or_default();
    // An outage has a ticket, so the keys that it took over need none of the flood.
    let held = still_held(keys, &limit);
    let seen = FloodObservation {
        newly_held: held.len() as u64,
        counted: limit.counted,
        held_breached: limit.held_breached,
        any_held: limit.any_held,
    };
    mute_group(inputs, changes, &mut state, &key, Some(source));
    let new = NewIncident {
        id: IncidentId::new(uuid::Uuid::now_v7().to_string()),
        key: key.clone(),
        severity: SEVERITY,
    };
    let active = state.active.as_ref().map(|active| &active.context);
    if let Some(mut context) = active.cloned().or(limit.first) {
        let mut candidate = Some(context.clone());
        let life = limit.policy.life();
        let steps = state.step(Allowance::default(), &mut candidate, |known| {
            reconcile(known, seen, &life, &new, inputs.now)
        });
        for (decision, incident) in steps {
            context = flood_context(context, source, &limit.policy, &incident, &held);
            context = apply_step(inputs, changes, &mut state, context, (decision, incident));
        }
    }
    keys.insert(key, state);
}

/// The keys that the batch held. An outage may have taken one in since.
fn still_held(keys: &KeyStates, limit: &SourceLimit) -> Vec<String> {
    limit
        .newly_held
        .iter()
        .filter_map(|key| keys.get(key)?.incident())
        .filter(|incident| incident.is_held_by_flood())
        .map(|incident| format!("{} {}", incident.rule, incident.key))
        .collect()
}

fn flood_context(
    mut context: TicketContext,
    source: &str,
    policy: &FloodPolicy,
    incident: &Incident,
    held: &[String],
) -> TicketContext {
    let mut values = (*context.values).clone();
    describe(&mut values, source, policy, incident, held);
    context.values = values.into();
    source.clone_into(&mut context.begun_by);
    context
}

/// Returns the context for the next step: a failover changed its target.
fn apply_step(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    context: TicketContext,
    (decision, incident): (Decision, Incident),
) -> TicketContext {
    let is_due = decision.actions.contains(&TicketAction::Create);
    let create = is_due.then(|| Create::write(inputs, &incident, &context, inputs.now));
    let (event_id, source) = (context.event_id(), context.source.clone());
    let origin = Origin {
        event_id: &event_id,
        received_at: incident.opened_at,
        source: &source,
    };
    let before = context.clone();
    state.active = Some(ActiveIncident { incident, context });
    apply(
        inputs, changes, state, &decision, create, origin, inputs.now,
    );
    let active = state.active.as_ref();
    active.map_or(before, |active| active.context.clone())
}
