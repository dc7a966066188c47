//! Writes the create of a ticket: once, when it is due.

use super::changes::Changes;
use super::failover::{RewrittenTicket, events, rewrite_for_next_target};
use super::inputs::Inputs;
use super::key_state::{ActiveIncident, TicketContext};
use super::moved::Moved;
use crate::decide::outage_key::outage_of;
use crate::decide::ticket_text::payload::create_payload;
use crate::decide::ticket_text::queue_standing::{add_standing, queue_of};
use crate::decide::ticket_text::{create_fields, with_incident};
use crate::domain::failover::TicketRoute;
use crate::domain::flood;
use crate::domain::identity::TargetName;
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;

/// A create that is written and not enqueued yet.
#[derive(Debug)]
pub(super) struct Create {
    payload: String,
    target: TargetName,
    route: TicketRoute,
    /// The target that is left, and why.
    left: Option<(TargetName, String)>,
    /// Why other targets cannot take the ticket.
    problems: Vec<String>,
    /// The queue whose standing the ticket does not show, because it is not known yet.
    without_standing: Option<String>,
}

impl Create {
    /// Writes the create of `incident` from `context`, for the target that can take it now. The
    /// error names the field that cannot be written.
    pub(super) fn write(
        inputs: &Inputs<'_>,
        incident: &Incident,
        context: &TicketContext,
        now: Timestamp,
    ) -> Result<Self, String> {
        let mut values = with_incident((*context.values).clone(), incident);
        let queue = add_known_standing(inputs, &mut values, incident, now);
        let (mut route, mut target) = (context.route.clone(), context.target.clone());
        let mut problems = Vec::new();
        let rewritten = rewrite_for_next_target(
            (inputs.settings, &inputs.unreachable, now),
            (&mut route, &mut target),
            &mut problems,
            |target, note| create_payload(target, &values, Some(note)),
        );
        let (payload, left) = match rewritten {
            Some(RewrittenTicket {
                content,
                from,
                note,
                ..
            }) => (content, Some((from, note))),
            None => {
                let settings = inputs.target(&target)?;
                let payload = create_payload(settings, &values, None);
                let payload = payload.map_err(|error| format!("targets.{target}.{error}"))?;
                (payload, None)
            }
        };
        Ok(Self {
            payload,
            target,
            route,
            left,
            problems,
            without_standing: queue,
        })
    }

    /// Makes its target the one of `open`, and records a failover. Returns the payload.
    pub(super) fn assign_target(
        self,
        active: &mut ActiveIncident,
        changes: &mut Changes,
        now: Timestamp,
    ) -> String {
        active.context.target = self.target;
        active.context.route = self.route;
        let incident = &active.incident;
        let note = self.left.as_ref().map(|(_, note)| note.as_str());
        for event in events(self.problems, note) {
            changes.record(incident, event, now);
        }
        if let Some((from, note)) = self.left {
            let moved = Moved::new(incident, &from, &active.context.target, &note);
            changes.effects().moved.push(moved);
        }
        if let Some(queue) = self.without_standing {
            let waiting = (queue, incident.incident_key());
            changes.effects().awaiting_standing.push(waiting);
        }
        self.payload
    }
}

/// Whether a ticket of `incident` can be written from `context`. The error names the field.
pub(super) fn check(
    inputs: &Inputs<'_>,
    incident: &Incident,
    context: &TicketContext,
) -> Result<(), String> {
    let target = inputs.target(&context.target)?;
    let values = with_incident((*context.values).clone(), incident);
    match create_fields(target, &values) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("targets.{}.{error}", context.target)),
    }
}

/// Writes the create when the ticket is due, otherwise only checks that it can be written.
pub(super) fn write_or_check(
    inputs: &Inputs<'_>,
    incident: &Incident,
    context: &TicketContext,
    is_due: bool,
    now: Timestamp,
) -> Result<Option<Create>, String> {
    match is_due {
        true => Create::write(inputs, incident, context, now).map(Some),
        false => check(inputs, incident, context).map(|()| None),
    }
}

/// Adds the queue's standing to `values`. Returns the queue when its standing is not known.
pub(super) fn add_known_standing(
    inputs: &Inputs<'_>,
    values: &mut TemplateContext,
    incident: &Incident,
    now: Timestamp,
) -> Option<String> {
    // An outage and a flood are not about one queue, although they are written from a breach of
    // one.
    let is_of_many = outage_of(inputs.settings, &incident.rule).is_some()
        || flood::source_of(&incident.rule).is_some();
    if !inputs.enrichment.is_on() || is_of_many {
        return None;
    }
    let queue = queue_of(values)?.to_owned();
    match inputs.enrichment.standing(&queue, now) {
        Some(standing) => {
            add_standing(values, standing);
            None
        }
        None => Some(queue),
    }
}
