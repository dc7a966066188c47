//! Whether the ticket that the answer to a create names is the incident's own.
//!
//! A cache or a proxy in front of a CRM may answer with what it answered to another create. A ticket
//! that another incident has is no success: the ticket is looked up by its key.

use std::time::Duration;

use super::achieved::{Achieved, Created};
use super::worker::TargetWorker;
use crate::domain::doubt::ENDS_WITHIN;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy, class};
use crate::domain::ticket::TicketKey;
use crate::store::ClaimedDelivery;
use crate::targets::Crm;

/// Tickets that were opened last and may not be stored yet. When there are more, all are forgotten.
const MAX_OPENED: usize = 1_000;

impl TargetWorker {
    /// The result of an attempt, whose ticket is the own one of the incident.
    pub(super) async fn with_own_ticket(
        &self,
        crm: &dyn Crm,
        delivery: &ClaimedDelivery,
        result: Result<Achieved, Failure>,
    ) -> Result<Achieved, Failure> {
        match result {
            Ok(Achieved::Created(created)) if self.is_of_another(delivery, &created).await => self
                .look_up_own(crm, delivery, created)
                .await
                .map(Achieved::Created),
            result => result,
        }
    }

    async fn is_of_another(&self, delivery: &ClaimedDelivery, created: &Created) -> bool {
        let (id, incident_id) = (&created.ticket.id, &delivery.incident_id);
        {
            let opened = &mut self.shared().opened;
            if opened.len() >= MAX_OPENED {
                opened.clear();
            }
            let first = opened
                .entry(id.clone())
                .or_insert_with(|| incident_id.clone());
            if first != incident_id {
                return true;
            }
        }
        let has = self.store.is_ticket_of_another(&self.name, id, incident_id);
        has.await.unwrap_or_else(|error| {
            tracing::warn!(
                target = self.name.as_str(), ticket = id, %error,
                "it cannot be read whether another incident has this ticket"
            );
            false
        })
    }

    async fn look_up_own(
        &self,
        crm: &dyn Crm,
        delivery: &ClaimedDelivery,
        created: Created,
    ) -> Result<Created, Failure> {
        let key = TicketKey::of_incident(&delivery.incident_id);
        let id = created.ticket.id;
        tracing::warn!(
            target = self.name.as_str(),
            incident_id = delivery.incident_id.as_str(),
            ticket = id,
            "a create was answered with the ticket of another incident; it is looked up by its key"
        );
        match crm.find(&key).await {
            Ok(Some(ticket)) => Ok(Created {
                ticket,
                omitted: created.omitted,
                was_there: true,
            }),
            Ok(None) | Err(_) => {
                let mut failure = Failure::new(
                    FailureKind::NetworkFailure,
                    class(FailureScope::Network, ResolvedBy::Time),
                    format!(
                        "the create was answered with {id}, the ticket of another incident: \
                         something in front of the CRM repeats its answers"
                    ),
                );
                // The real request may still be under way.
                failure.settle_after = match crm.runs_for().create.is_zero() {
                    true => Duration::ZERO,
                    false => ENDS_WITHIN,
                };
                Err(failure.in_doubt())
            }
        }
    }
}
