//! The context that the ticket of a key is written from, and whether a ticket can be written from
//! it.

use std::sync::Arc;

use super::create::{Create, check, write_or_check};
use super::inputs::Inputs;
use super::key_state::{KeyState, TicketContext};
use crate::decide::evaluate::{Breach, Finding, TicketValues};
use crate::domain::decision::Decision;
use crate::domain::failover::TicketRoute;
use crate::domain::identity::IncidentId;
use crate::domain::incident::{Incident, TicketAction};
use crate::domain::time::Timestamp;
use crate::settings::RuleSettings;
use crate::store::JournalEvent;

/// What a breach gives its ticket.
#[derive(Default)]
pub(super) struct BreachContext {
    /// Of a key without a ticket: a new incident takes it, and one that waits when a ticket can be
    /// written from it.
    pub(super) candidate: Option<TicketContext>,
    /// Of a key with a ticket: the source of the breach, and its values.
    of_ticket: Option<(String, TicketValues)>,
}

/// What `breach` gives the ticket of the key. Whether it is taken is known after the decision. The target
/// of a ticket that is there does not change any more.
pub(super) fn context_of_breach(
    inputs: &Inputs<'_>,
    state: &KeyState,
    event: &JournalEvent,
    rule: &RuleSettings,
    breach: Option<Breach>,
) -> Result<BreachContext, String> {
    let Some(Breach { values, routed }) = breach else {
        return Ok(BreachContext::default());
    };
    if state.has_ticket() {
        return Ok(BreachContext {
            candidate: None,
            of_ticket: Some((event.source.to_string(), values)),
        });
    }
    let Some(first) = routed.to.first() else {
        return Err(format!("rules.{}.targets is empty", rule.name));
    };
    inputs.target(first)?;
    Ok(BreachContext {
        candidate: Some(TicketContext {
            begun_by: state.begun_by(&event.source),
            source: event.source.to_string(),
            target: first.clone(),
            route: TicketRoute::through(Arc::clone(&routed.to)),
            values,
        }),
        of_ticket: None,
    })
}

impl BreachContext {
    /// After `decision`: the ticket that was there is written from this breach from now on. A breach that
    /// changed nothing leaves no trace in what is written later.
    pub(super) fn settle(&mut self, state: &mut KeyState, decision: &Decision) {
        if decision.outcome.changes_nothing() {
            *self = Self::default();
        }
        if let Some((source, values)) = self.of_ticket.take()
            && let Some(active) = &mut state.active
        {
            active.context.source = source;
            active.context.values = values;
        }
    }
}

/// Writes the create that `decision` asks for, and checks a context from which no create is written
/// yet. `candidate` is the context of a breach that did not begin the incident; an incident that waits
/// takes it when a ticket can be written from it. The error refuses a new incident.
pub(super) fn render_create(
    inputs: &Inputs<'_>,
    state: &mut KeyState,
    decision: &Decision,
    candidate: &mut Option<TicketContext>,
    (finding, is_new): (&Finding, bool),
) -> Result<Option<Result<Create, String>>, String> {
    let received_at = finding.evaluation.received_at;
    let is_due = decision.actions.contains(&TicketAction::Create);
    let Some(active) = &mut state.active else {
        if let Some(candidate) = candidate {
            // The breach is only counted. The flood's ticket may be written from it.
            check(inputs, &incident_of(finding, received_at), candidate)?;
        }
        return Ok(None);
    };
    if is_new {
        let create = write_or_check(
            inputs,
            &active.incident,
            &active.context,
            is_due,
            received_at,
        )?;
        return Ok(create.map(Ok));
    }
    if let Some(candidate) = candidate.take()
        && let Ok(create) =
            write_or_check(inputs, &active.incident, &candidate, is_due, received_at)
    {
        active.context = candidate;
        return Ok(create.map(Ok));
    }
    // No breach, or one from which no ticket can be written: the context before it is used.
    Ok(is_due.then(|| Create::write(inputs, &active.incident, &active.context, received_at)))
}

/// The incident that the breach would have begun.
fn incident_of(finding: &Finding, received_at: Timestamp) -> Incident {
    let id = IncidentId::new(uuid::Uuid::nil().to_string());
    let (key, severity) = (finding.key.clone(), &finding.severity);
    Incident::begin(id, key, severity, &finding.evaluation, received_at)
}
