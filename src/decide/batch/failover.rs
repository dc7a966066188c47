//! Moves a ticket that does not exist yet from a target that cannot be reached to the next one.
//! `domain::failover` decides when; a ticket never goes to a target for which it cannot be written.

use std::sync::Arc;

use super::changes::history_entry;
use super::key_state::values_of;
use super::moved::Moved;
use super::unreachable::UnreachableTargets;
use crate::decide::ticket_text::FieldError;
use crate::decide::ticket_text::payload::{
    carry_standing, completion_payload, create_payload, failover_note, moved_payload,
};
use crate::decide::ticket_text::with_incident;
use crate::domain::failover::TicketRoute;
use crate::domain::failure::Failure;
use crate::domain::identity::TargetName;
use crate::domain::incident::Incident;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::{Completion, Operation};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{Settings, TargetSettings};
use crate::store::{
    DecisionBatch, IncidentRecord, IncidentWithoutTicket, NewDelivery, PendingDelivery,
};

/// A ticket written for another target.
pub(super) struct RewrittenTicket<T> {
    /// The target that is left.
    pub(super) from: TargetName,
    /// Why, as people read it.
    pub(super) note: String,
    pub(super) reason: Failure,
    pub(super) content: T,
}

/// Sends the ticket of `route`, which would be opened in `target`, to the next target, when that
/// is due and `write` can write it there. A target for which it cannot be written is removed from
/// the candidates, and `problems` says why.
pub(super) fn rewrite_for_next_target<T>(
    (settings, unreachable, now): (&Settings, &UnreachableTargets, Timestamp),
    (route, target): (&mut TicketRoute, &mut TargetName),
    problems: &mut Vec<String>,
    write: impl Fn(&TargetSettings, &str) -> Result<T, FieldError>,
) -> Option<RewrittenTicket<T>> {
    loop {
        let candidates = Arc::clone(&route.candidates);
        let failover = unreachable.fail_over(settings, &candidates, target, now)?;
        let note = failover.note();
        // The field names differ between targets, so the ticket is written again.
        match write(settings.targets.get(failover.to)?, &note) {
            Ok(content) => {
                let from = std::mem::replace(target, failover.to.clone());
                let first = candidates.first().filter(|first| *first != target);
                route.failed_over_from = first.cloned();
                let reason = failover.reason();
                return Some(RewrittenTicket {
                    from,
                    note,
                    reason,
                    content,
                });
            }
            // Another candidate may be able to take it: the next round leaves this one out.
            Err(error) => {
                problems.push(format!("targets.{}.{error}", failover.to));
                let others = candidates.iter().filter(|name| *name != failover.to);
                route.candidates = others.cloned().collect();
            }
        }
    }
}

/// The history of a ticket that moved, or that a target could not take.
pub(super) fn events(problems: Vec<String>, note: Option<&str>) -> Vec<IncidentEvent> {
    let unwritable = problems
        .into_iter()
        .map(|problem| IncidentEvent::CannotFailOver { problem });
    let moved = note.map(|note| IncidentEvent::FailedOver {
        note: note.to_owned(),
    });
    unwritable.chain(moved).collect()
}

/// Moves the deliveries that wait for a ticket which does not exist yet to the next target. `rows`
/// gets the changes; nothing changes when no target can take the ticket.
pub(in crate::decide) fn move_waiting(
    unopened: IncidentWithoutTicket,
    (settings, unreachable): (&Settings, &UnreachableTargets),
    rows: &mut DecisionBatch,
) -> Option<Moved> {
    let now = rows.decided_at;
    let IncidentWithoutTicket {
        mut record,
        deliveries,
    } = unopened;
    let incident = record.incident.clone();
    let context = context_of(&record, &deliveries);
    let mut problems = Vec::new();
    let moved = rewrite_for_next_target(
        (settings, unreachable, now),
        (&mut record.route, &mut record.target),
        &mut problems,
        |target, note| {
            let contents = deliveries.iter().map(|one| match one.operation {
                Operation::Create => create_payload(target, &context, Some(note))
                    .map(|payload| (Operation::Create, payload)),
                later => moved_payload((later, &one.payload), target, &context),
            });
            contents.collect::<Result<Vec<_>, _>>()
        },
    );
    if moved.is_none() && problems.is_empty() {
        return None;
    }
    let note = moved.as_ref().map(|moved| moved.note.as_str());
    let events = events(problems, note).into_iter();
    rows.history
        .extend(events.map(|event| history_entry(&incident, event, now)));
    let moved = moved.map(|moved| replace_deliveries(rows, deliveries, &record, &incident, moved));
    rows.incidents.push(record);
    moved
}

/// The content of `delivery` from the incident and the present `settings`.
pub(crate) fn render_again(
    settings: &Settings,
    record: &IncidentRecord,
    delivery: &PendingDelivery,
) -> Result<(Operation, String), String> {
    let target = &record.target;
    let Some(target_settings) = settings.targets.get(target) else {
        return Err(format!("targets.{target} is not configured any more"));
    };
    let context = context_of(record, std::slice::from_ref(delivery));
    let written = match delivery.operation {
        Operation::Create => {
            let note = failover_note(&delivery.payload);
            create_payload(target_settings, &context, note.as_deref())
                .map(|payload| (Operation::Create, payload))
        }
        later => match Completion::in_payload(&delivery.payload) {
            Some(completion) => completion_payload(completion, target_settings, &context)
                .map(|payload| (later, payload)),
            None => moved_payload((later, &delivery.payload), target_settings, &context),
        },
    };
    written.map_err(|error| format!("targets.{target}.{error}"))
}

fn replace_deliveries(
    rows: &mut DecisionBatch,
    deliveries: Vec<PendingDelivery>,
    record: &IncidentRecord,
    incident: &Incident,
    moved: RewrittenTicket<Vec<(Operation, String)>>,
) -> Moved {
    for (one, (operation, payload)) in deliveries.into_iter().zip(moved.content) {
        rows.moved.push((one.id, moved.reason.clone()));
        rows.deliveries.push(NewDelivery {
            incident_id: incident.id.clone(),
            target: record.target.clone(),
            operation,
            payload,
            event_id: one.event_id,
            received_at: one.received_at,
            parent_id: one.parent_id,
        });
    }
    Moved::new(incident, &moved.from, &record.target, &moved.note)
}

/// The values that the create for the first target was written from.
fn context_of(record: &IncidentRecord, deliveries: &[PendingDelivery]) -> TemplateContext {
    let values = values_of(record);
    let mut context = with_incident(values, &record.incident);
    for create in deliveries
        .iter()
        .filter(|one| one.operation == Operation::Create)
    {
        carry_standing(&mut context, &create.payload);
    }
    context
}
