//! Tickets with which the CRM has answered creates, and that it does not show.

use super::worker::TargetWorker;
use crate::domain::failure::{Failure, FailureScope};
use crate::domain::ticket::Operation;
use crate::store::ClaimedDelivery;
use crate::targets::Crm;

impl TargetWorker {
    /// Whether the change that met `failure` was sent to a ticket that its incident does not have any
    /// more: nothing was ever read of it, and the CRM does not show it. Its create is in doubt then, and
    /// the change waits for that.
    pub(super) async fn has_doubted_ticket(
        &self,
        crm: &dyn Crm,
        delivery: &ClaimedDelivery,
        failure: &Failure,
    ) -> bool {
        let is_refusal = failure.class.scope == FailureScope::Ticket
            && !failure.outcome_unknown
            && !failure.is_internal;
        let Some(ticket_id) = &delivery.ticket_id else {
            return false;
        };
        if delivery.operation == Operation::Create || !is_refusal {
            return false;
        }
        let is_unread = self.store.is_unread(&self.name, ticket_id).await;
        if is_unread.unwrap_or(false) && self.is_missing(crm, ticket_id).await {
            self.doubt_unread(std::slice::from_ref(ticket_id)).await;
        }
        let incident_id = &delivery.incident_id;
        let is_its_own = self.store.has_ticket(incident_id, ticket_id).await;
        !is_its_own.unwrap_or(true)
    }

    /// Whether the CRM does not show the ticket. Where it would accept a second record, it must show
    /// others. What cannot be read now, the poll finds later.
    async fn is_missing(&self, crm: &dyn Crm, ticket_id: &str) -> bool {
        let mut ids = vec![ticket_id.to_owned()];
        let needs_others = !crm.runs_for().create.is_zero();
        if needs_others {
            let others = self.store.witness_tickets(&self.name).await;
            ids.extend(others.unwrap_or_default());
        }
        let Ok(look) = crm.fetch_snapshots(&ids).await else {
            return false;
        };
        let shows_enough = !needs_others || !look.seen.is_empty();
        shows_enough && look.missing.iter().any(|id| id == ticket_id)
    }

    /// Puts the creates in doubt that the CRM has answered with these tickets, of which nothing was ever
    /// read, and that it does not show.
    pub(super) async fn doubt_unread(&self, missing: &[String]) {
        let (runs_for, now) = (self.crm.runs_for().create, self.clock.now());
        let doubted = self.store.doubt_unread(&self.name, missing, runs_for, now);
        match doubted.await {
            Ok(doubted) if doubted.is_empty() => {}
            Ok(tickets) => tracing::warn!(
                target = self.name.as_str(),
                ?tickets,
                "the CRM does not show tickets with which it has answered creates; they are looked up \
                 by our key"
            ),
            // The poll finds them again.
            Err(error) => tracing::warn!(
                target = self.name.as_str(), %error,
                "it cannot be stored that the CRM does not show new tickets"
            ),
        }
    }
}

/// The failure of a change that waits until it is known what came of the create of its ticket.
pub(super) fn waiting_for_create(mut failure: Failure) -> Failure {
    failure.message +=
        "; nothing was ever read of it: this waits until its create is looked up by our key";
    failure
}
