//! Applies the change of a member of an outage.

use super::apply::{Origin, enqueue_change};
use super::changes::Changes;
use super::groups::replace;
use super::inputs::Inputs;
use super::key_state::KeyState;
use crate::decide::outage_key::outage_of;
use crate::decide::ticket_text::outage_report::why_member;
use crate::decide::ticket_text::payload::link_payload;
use crate::domain::identity::IncidentId;
use crate::domain::incident::{Incident, TicketAction};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::outage::MemberChange;
use crate::domain::ticket::Operation;
use crate::store::NewDelivery;

/// `incident` is the member after the change.
pub(super) fn apply_to_member(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    state: &mut KeyState,
    incident: &Incident,
    what: MemberChange,
    outage_id: &IncidentId,
) {
    let Some(active) = &mut state.active else {
        return;
    };
    let is_put_in = active.incident.put_into.as_ref() == Some(outage_id);
    active.incident.clone_from(incident);
    let event = IncidentEvent::of_member(what, outage_id);
    changes.record(incident, event, inputs.now);
    let event_id = active.context.event_id();
    match what {
        // The ticket of the member, if it has one, is not changed.
        MemberChange::Held | MemberChange::Joined | MemberChange::LetGo | MemberChange::Closed => {}
        MemberChange::Resolved => {
            let origin = Origin {
                event_id: &event_id,
                received_at: inputs.now,
                source: &active.context.source,
            };
            enqueue_change(
                inputs,
                changes,
                active,
                TicketAction::Resolve,
                origin,
                inputs.now,
            );
        }
        MemberChange::Linked => changes.enqueue(NewDelivery {
            incident_id: incident.id.clone(),
            target: active.context.target.clone(),
            operation: Operation::Link,
            payload: link_payload(
                outage_id,
                &why_linked(inputs, incident, is_put_in),
                inputs.target(&active.context.target).ok(),
            ),
            event_id,
            received_at: inputs.now,
            parent_id: Some(outage_id.clone()),
        }),
    }
    replace(changes, state, incident);
}

fn why_linked(inputs: &Inputs<'_>, incident: &Incident, is_put_in: bool) -> String {
    let group = incident.group.as_ref();
    let outage = group.and_then(|group| {
        let (name, outage) = outage_of(inputs.settings, &group.rule)?;
        Some((name, outage, &*group.key))
    });
    why_member(outage, is_put_in)
}
