//! What tickets are told: which values a ticket is written from, and what is owed to it,
//! rendered when it is decided.

use std::sync::Arc;

use uuid::Uuid;

use super::batch::Batch;
use super::evaluate::Breach;
use super::evaluate::signal_values::with_incident;
use super::known::{Kept, KnownKey, Origin};
use super::ticket_text::payload;
use crate::domain::failover::TicketRoute;
use crate::domain::incident::{Heard, Incident, IncidentState, Owed, Readings, Verdict};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{RuleSettings, TargetSettings};
use crate::store::{HistoryEntry, JournalEvent, NewDelivery, Reference};

impl<'a> Batch<'a> {
    /// Makes `breach` the one that the key's ticket is written from, if the ticket can be
    /// written from it. `named` is the key and the severity. A breach from which no ticket can
    /// be written goes to review, unless its incident has a ticket or an earlier, sound context
    /// already. Where the ticket goes is settled once it is owed.
    pub(super) fn take_breach(
        &self,
        entry: &mut KnownKey,
        event: &JournalEvent,
        rule: &RuleSettings,
        named: (&str, &str),
        breach: Breach,
    ) -> Result<(), String> {
        let Breach { context, routed } = breach;
        let owner = entry.known.incident.as_ref();
        let owns_ticket = owner.is_some_and(|one| one.state != IncidentState::Pending);
        if let Some(kept) = entry.kept.as_mut().filter(|_| owns_ticket) {
            kept.source = event.source.to_string();
            kept.context = context;
            return Ok(());
        }
        let Some(first) = routed.to.first() else {
            return Err(format!("rules.{}.targets is empty", rule.name));
        };
        let target = self.target(first)?;
        let trial = trial_context(context.clone(), entry, rule, named, event.received_at);
        if let Err(error) = payload::create_fields(target, &trial) {
            return match entry.known.incident {
                Some(_) => Ok(()),
                None => Err(format!("targets.{first}.{error}")),
            };
        }
        let known = entry.kept.take().filter(|_| entry.known.incident.is_some());
        entry.kept = Some(Kept {
            begun_by: known.map_or_else(|| event.source.to_string(), |kept| kept.begun_by),
            source: event.source.to_string(),
            target: first.clone(),
            route: TicketRoute::through(Arc::clone(&routed.to)),
            failover_note: None,
            context,
        });
        Ok(())
    }

    pub(super) fn target(&self, name: &str) -> Result<&'a TargetSettings, String> {
        self.settings
            .targets
            .get(name)
            .ok_or_else(|| format!("target {name} is no longer configured"))
    }

    pub(super) fn owe(
        &mut self,
        owed: Owed,
        incident: &Incident,
        kept: &Kept,
        origin: Origin<'_>,
        now: Timestamp,
    ) {
        let mut context = with_incident(kept.context.clone(), incident);
        self.add_standing(&mut context, owed, incident, now);
        if let Some(note) = &kept.failover_note {
            payload::add_failover(&mut context, note);
        }
        let rendered = self.target(&kept.target).and_then(|target| {
            payload::render(owed, target, &context, incident, self.settings, now)
                .map_err(|error| format!("targets.{}.{error}", kept.target))
        });
        match rendered {
            Ok((operation, payload)) => self.result.deliveries.push(NewDelivery {
                incident_id: incident.id.clone(),
                target: kept.target.clone(),
                operation,
                payload,
                event_id: origin.event_id.to_owned(),
                received_at: origin.received_at,
                parent_id: None,
            }),
            Err(problem) => {
                tracing::error!(
                    event_id = origin.event_id,
                    incident_id = incident.id,
                    source = origin.source,
                    rule = incident.rule,
                    target = kept.target,
                    kind = "schema_mismatch",
                    problem,
                    "what is owed to the ticket cannot be written"
                );
                self.result.history.push(HistoryEntry {
                    incident_id: incident.id.clone(),
                    at: now,
                    what: "a delivery could not be written".to_owned(),
                    cause: problem,
                    refers: Reference::event(Some(origin.event_id)),
                });
            }
        }
    }
}

/// A context as a create would see it, before the incident exists.
fn trial_context(
    context: TemplateContext,
    entry: &KnownKey,
    rule: &RuleSettings,
    (key, severity): (&str, &str),
    now: Timestamp,
) -> TemplateContext {
    let heard = Heard {
        received_at: now,
        occurred_at: now,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: Readings::new(),
    };
    let trial = entry.known.incident.clone().unwrap_or_else(|| {
        Incident::begin(
            Uuid::nil().to_string(),
            &rule.name,
            key,
            severity,
            &heard,
            now,
        )
    });
    with_incident(context, &trial)
}
