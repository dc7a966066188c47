//! What a person asks of an incident.

use super::apply::{Origin, apply, enqueue, mark_changed};
use super::changes::Changes;
use super::create::Create;
use super::inputs::Inputs;
use super::key_state::{ActiveIncident, KeyState};
use super::pipeline::Batch;
use crate::decide::outage_key::outage_of;
use crate::decide::policy::{outage_policy, policy_of};
use crate::decide::ticket_text::payload::person_payload;
use crate::decide::ticket_text::with_incident;
use crate::domain::decision::{Decision, SignalOutcome, open_by_person};
use crate::domain::flood::Allowance;
use crate::domain::incident::{Incident, LifePolicy, TicketAction};
use crate::domain::incident_event::{ClosingCause, IncidentEvent};
use crate::domain::incident_request::RequestedStep;
use crate::domain::outage::MemberChange;

/// Who asks, and why.
#[derive(Debug, Clone, Copy)]
pub(in crate::decide) struct PersonsWish<'a> {
    /// The name of the admin token, or `local`.
    pub(in crate::decide) by: &'a str,
    /// The reason, or the note.
    pub(in crate::decide) words: &'a str,
    pub(in crate::decide) request_id: &'a str,
    /// The outage that the incident joins.
    pub(in crate::decide) outage: Option<&'a Incident>,
}

impl Batch<'_> {
    /// Does `step` to `incident`, whose key was loaded. The error says why it cannot be done; then
    /// nothing has changed.
    pub(in crate::decide) fn carry_out(
        &mut self,
        step: RequestedStep,
        incident: &Incident,
        wish: PersonsWish<'_>,
    ) -> Result<(), String> {
        if let (RequestedStep::JoinOutage, Some(outage)) = (step, wish.outage) {
            return self.put_into_outage(incident, outage);
        }
        let key = incident.incident_key();
        let mut state = self.keys.remove(&key).unwrap_or_default();
        let is_it = state.incident().is_some_and(|one| one.id == incident.id);
        let done = match is_it {
            true => carry_out(&self.inputs, &mut self.changes, &mut state, step, wish),
            false => Err("it is closed already".to_owned()),
        };
        self.keys.insert(key, state);
        done
    }

    /// Puts `incident` into `outage`; both keys were loaded. The outage takes it in when the batch is
    /// finished, like what joins by itself.
    fn put_into_outage(&mut self, incident: &Incident, outage: &Incident) -> Result<(), String> {
        let group = outage.incident_key();
        let is_it = |state: Option<&KeyState>, one: &Incident| {
            let known = state.and_then(KeyState::incident);
            known.is_some_and(|known| known.id == one.id)
        };
        if !is_it(self.keys.get(&group), outage) {
            return Err("that outage is closed".to_owned());
        }
        if outage_of(self.inputs.settings, &group.rule).is_none() {
            return Err("that outage is no longer configured".to_owned());
        }
        let member = self.keys.get_mut(&incident.incident_key());
        let active = member.and_then(|state| state.active.as_mut());
        let active = active.ok_or("it is closed already")?;
        active
            .incident
            .join_outage(outage.id.clone(), group.clone());
        self.groups.put_in(&group, incident);
        Ok(())
    }
}

fn carry_out(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    step: RequestedStep,
    wish: PersonsWish<'_>,
) -> Result<(), String> {
    match step {
        RequestedStep::Replay => Ok(()),
        RequestedStep::Close { resolves } => {
            close(inputs, changes, state, resolves, wish);
            Ok(())
        }
        RequestedStep::Note => note(inputs, changes, state, wish),
        RequestedStep::Open => open(inputs, changes, state, wish),
        RequestedStep::Create => create(inputs, changes, state, wish),
        RequestedStep::JoinOutage => Err("that outage is gone".to_owned()),
        RequestedStep::LeaveOutage => {
            leave_outage(inputs, changes, state);
            mark_changed(changes, state);
            Ok(())
        }
    }
}

fn close(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    resolves: bool,
    wish: PersonsWish<'_>,
) {
    let Some(active) = &mut state.active else {
        return;
    };
    active.incident.close_by_people(inputs.now);
    if resolves {
        let text = format!("Closed in Ringdown by {}: {}", wish.by, wish.words);
        // A ticket that cannot be written to is no reason to keep the incident open.
        if let Err(problem) = write(inputs, changes, active, (true, &text), wish) {
            let event = IncidentEvent::DeliveryUnwritable { problem };
            changes.record(&active.incident, event, inputs.now);
        }
    }
    let why = ClosingCause::ByPerson {
        by: wish.by.to_owned(),
        reason: wish.words.to_owned(),
    };
    changes.record(&active.incident, IncidentEvent::Closed { why }, inputs.now);
    mark_changed(changes, state);
}

fn note(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    wish: PersonsWish<'_>,
) -> Result<(), String> {
    let Some(active) = &state.active else {
        return Ok(());
    };
    let text = format!("Note by {}: {}", wish.by, wish.words);
    write(inputs, changes, active, (false, &text), wish)?;
    let event = IncidentEvent::NoteOwed {
        by: wish.by.to_owned(),
        text: wish.words.to_owned(),
    };
    changes.record(&active.incident, event, inputs.now);
    Ok(())
}

/// Enqueues a comment with `text`; with a `resolution` the ticket is resolved by it.
fn write(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    active: &ActiveIncident,
    (resolution, text): (bool, &str),
    wish: PersonsWish<'_>,
) -> Result<(), String> {
    let target = inputs.target(&active.context.target)?;
    let values = with_incident((*active.context.values).clone(), &active.incident);
    let written = person_payload((resolution, text), target, &values, wish.request_id)
        .map_err(|error| format!("targets.{}.{error}", active.context.target))?;
    let event_id = active.context.event_id();
    enqueue(changes, active, written, origin(active, &event_id, inputs));
    Ok(())
}

fn origin<'a>(active: &'a ActiveIncident, event_id: &'a str, inputs: &Inputs<'_>) -> Origin<'a> {
    Origin {
        event_id,
        received_at: inputs.now,
        source: &active.context.source,
    }
}

/// Opens a pending incident, whatever holds its ticket back.
fn open(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    wish: PersonsWish<'_>,
) -> Result<(), String> {
    let incident = state.incident().cloned();
    let policy = incident.and_then(|incident| policy(inputs, &incident));
    let policy = policy.ok_or("its rule is no longer configured")?;
    leave_outage(inputs, changes, state);
    let now = inputs.now;
    let decision = state.step(Allowance::default(), &mut None, |known| {
        open_by_person(known, &policy, now)
    });
    opened(inputs, changes, state, &decision, wish)
}

/// Gives an open incident the create that it has not.
fn create(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    wish: PersonsWish<'_>,
) -> Result<(), String> {
    let decision = Decision {
        outcome: SignalOutcome::Opened,
        actions: vec![TicketAction::Create],
        transitions: Vec::new(),
        lock: None,
    };
    opened(inputs, changes, state, &decision, wish)
}

fn opened(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    decision: &Decision,
    wish: PersonsWish<'_>,
) -> Result<(), String> {
    let Some(active) = state.active.clone() else {
        return Ok(());
    };
    let create = Create::write(inputs, &active.incident, &active.context, inputs.now)?;
    let event = IncidentEvent::TicketOrdered {
        by: wish.by.to_owned(),
        reason: wish.words.to_owned(),
    };
    changes.record(&active.incident, event, inputs.now);
    let event_id = active.context.event_id();
    let origin = origin(&active, &event_id, inputs);
    apply(
        inputs,
        changes,
        state,
        decision,
        Some(Ok(create)),
        origin,
        inputs.now,
    );
    Ok(())
}

fn leave_outage(inputs: &Inputs<'_>, changes: &mut Changes, state: &mut KeyState) {
    let Some(active) = &mut state.active else {
        return;
    };
    let Some(outage_id) = active.incident.outage_id.clone() else {
        return;
    };
    active.incident.leave_outage(inputs.now);
    let event = IncidentEvent::of_member(MemberChange::LetGo, &outage_id);
    changes.record(&active.incident, event, inputs.now);
}

fn policy(inputs: &Inputs<'_>, incident: &Incident) -> Option<LifePolicy> {
    if let Some((_, outage)) = outage_of(inputs.settings, &incident.rule) {
        return Some(outage_policy(inputs.settings, outage));
    }
    let mut rules = inputs.settings.rules.iter();
    let rule = rules.find(|rule| rule.name == *incident.rule)?;
    Some(policy_of(rule))
}
