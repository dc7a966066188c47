//! Applies a decision: its history, its burst lock, and its deliveries to the ticket.

use super::changes::Changes;
use super::create::{Create, add_known_standing};
use super::inputs::Inputs;
use super::key_state::{ActiveIncident, KeyState};
use crate::decide::ticket_text::payload::change_payload;
use crate::decide::ticket_text::with_incident;
use crate::domain::activity::Activity;
use crate::domain::decision::{Decision, SignalOutcome, Suppression};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{IncidentState, TicketAction};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::{DecisionRecord, JournalEvent, NewDelivery};

/// The event that a decision comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) event_id: &'a str,
    pub(super) received_at: Timestamp,
    pub(super) source: &'a str,
}

/// Applies `decision`, made at `now`, to the key. `create` is the create that it asks for, or the
/// reason why that cannot be written.
pub(super) fn apply(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    decision: &Decision,
    create: Option<Result<Create, String>>,
    origin: Origin<'_>,
    now: Timestamp,
) {
    // These signals changed nothing, so nothing is stored of the incident.
    if decision.outcome.changes_nothing() {
        return;
    }
    let Some(active) = &mut state.active else {
        return;
    };
    if let Some(create) = create {
        enqueue_create(changes, active, create, origin, now);
    }
    for action in decision
        .actions
        .iter()
        .filter(|action| **action != TicketAction::Create)
    {
        enqueue_change(inputs, changes, active, *action, origin, now);
    }
    if let Some(lock) = &decision.lock {
        changes.lock(&active.incident, lock.clone());
    }
    for transition in &decision.transitions {
        let event = IncidentEvent::of(*transition, &active.incident);
        match event.is_by_source_event() {
            true => changes.record_by(origin.event_id, &active.incident, event, now),
            false => changes.record(&active.incident, event, now),
        }
    }
    mark_changed(changes, state);
}

/// Marks the incident of the key as changed. A closed one leaves the key free for the next.
pub(super) fn mark_changed(changes: &mut Changes, state: &mut KeyState) {
    let Some(active) = &state.active else {
        return;
    };
    if active.incident.state == IncidentState::Closed {
        changes.save_closed(active);
        state.active = None;
    } else {
        changes.save(active);
    }
}

fn enqueue_create(
    changes: &mut Changes,
    active: &mut ActiveIncident,
    create: Result<Create, String>,
    origin: Origin<'_>,
    now: Timestamp,
) {
    match create {
        Ok(create) => {
            let payload = create.assign_target(active, changes, now);
            enqueue(changes, active, (Operation::Create, payload), origin);
        }
        // The incident stays open without a ticket; its history says why.
        Err(problem) => unwritable(changes, active, problem, origin, now),
    }
}

/// Writes and enqueues everything but a create.
pub(super) fn enqueue_change(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    active: &ActiveIncident,
    action: TicketAction,
    origin: Origin<'_>,
    now: Timestamp,
) {
    let (incident, context) = (&active.incident, &active.context);
    let mut values = with_incident((*context.values).clone(), incident);
    add_known_standing(inputs, &mut values, incident, now);
    let written = inputs.target(&context.target).and_then(|target| {
        change_payload(action, target, &values, incident, inputs.settings, now)
            .map_err(|error| format!("targets.{}.{error}", context.target))
    });
    match written {
        Ok(written) => enqueue(changes, active, written, origin),
        Err(problem) => unwritable(changes, active, problem, origin, now),
    }
}

/// Enqueues a comment with the queue's standing, for a ticket that was opened without it.
pub(super) fn enqueue_standing(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    active: &ActiveIncident,
) {
    let event_id = active.context.event_id();
    let origin = Origin {
        event_id: &event_id,
        received_at: inputs.now,
        source: &active.context.source,
    };
    enqueue_change(
        inputs,
        changes,
        active,
        TicketAction::Details,
        origin,
        inputs.now,
    );
    changes.record(&active.incident, IncidentEvent::DetailsAdded, inputs.now);
}

pub(super) fn enqueue(
    changes: &mut Changes,
    active: &ActiveIncident,
    (operation, payload): (Operation, String),
    origin: Origin<'_>,
) {
    changes.enqueue(NewDelivery {
        incident_id: active.incident.id.clone(),
        target: active.context.target.clone(),
        operation,
        payload,
        event_id: origin.event_id.to_owned(),
        received_at: origin.received_at,
        parent_id: None,
    });
}

fn unwritable(
    changes: &mut Changes,
    active: &ActiveIncident,
    problem: String,
    origin: Origin<'_>,
    now: Timestamp,
) {
    tracing::error!(
        event_id = origin.event_id,
        incident_id = active.incident.id.as_str(),
        source = origin.source,
        rule = &*active.incident.rule,
        target = active.context.target.as_str(),
        kind = "schema_mismatch",
        problem,
        "a delivery to the ticket cannot be written"
    );
    let event = IncidentEvent::DeliveryUnwritable { problem };
    changes.record_by(origin.event_id, &active.incident, event, now);
}

/// Records the decision about `event` for the log, the metrics and the table of decisions.
pub(super) fn record_decision(
    changes: &mut Changes,
    event: &JournalEvent,
    key: &IncidentKey,
    state: &KeyState,
    decision: &Decision,
) {
    if decision.outcome == SignalOutcome::AllWell {
        return;
    }
    let detail = match decision.outcome {
        SignalOutcome::Suppressed(Suppression::Silenced) => silence_of(state),
        SignalOutcome::Suppressed(Suppression::Flood) => {
            Some(format!("flood from source {}", event.source))
        }
        _ => None,
    };
    let detail = detail.or_else(|| Some(format!("burst lock until {}", state.lock()?.until)));
    let is_change = !decision.actions.is_empty() || !decision.transitions.is_empty();
    record(
        changes,
        event,
        (key, state),
        decision.outcome,
        detail,
        is_change,
    );
}

/// Records that `event` has no effect on the key: for the log, the metrics and the table of
/// decisions.
pub(super) fn record_without_effect(
    changes: &mut Changes,
    event: &JournalEvent,
    key: &IncidentKey,
    state: &KeyState,
    outcome: SignalOutcome,
    detail: Option<String>,
) {
    record(changes, event, (key, state), outcome, detail, false);
}

/// The silence or maintenance window that covers the incident, for people.
fn silence_of(state: &KeyState) -> Option<String> {
    let silence = state.incident()?.silence.as_ref()?;
    Some(silence.to_string())
}

fn record(
    changes: &mut Changes,
    event: &JournalEvent,
    (key, state): (&IncidentKey, &KeyState),
    outcome: SignalOutcome,
    detail: Option<String>,
    is_change: bool,
) {
    match outcome {
        SignalOutcome::Suppressed(reason) => {
            changes.count_suppressed(&key.rule, reason.as_str());
            changes.count_activity(event.received_at, Activity::Suppressed(reason));
        }
        SignalOutcome::Opened
        | SignalOutcome::Commented
        | SignalOutcome::Raised
        | SignalOutcome::Relapsed
        | SignalOutcome::Flapping => {
            changes.count_activity(event.received_at, Activity::Written);
        }
        _ => {}
    }
    let incident_id = state.incident().map(|incident| incident.id.clone());
    let is_silenced = outcome == SignalOutcome::Suppressed(Suppression::Silenced);
    let silence = is_silenced.then(|| silence_of(state)).flatten();
    // In a storm nearly every event repeats a known breach. Lines for these would hide the others.
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                event_id = event.event_id,
                incident_id = incident_id.as_ref().map(IncidentId::as_str),
                source = event.source.as_ref(),
                rule = &*key.rule,
                key = &*key.key,
                outcome = outcome.as_str(),
                locked_until = state.lock().map(|lock| tracing::field::display(lock.until)),
                silence,
                "decided"
            )
        };
    }
    match is_change {
        true => log!(info),
        false => log!(debug),
    }
    changes.decision(DecisionRecord {
        event_seq: event.seq,
        rule: key.rule.to_string(),
        outcome: outcome.as_str(),
        incident_id,
        detail,
    });
}
