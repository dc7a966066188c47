//! Tickets with which the CRM has answered creates, and that it does not show.

use super::worker::TargetWorker;
use crate::domain::failure::{Failure, FailureScope};
use crate::domain::ticket::Operation;
use crate::store::ClaimedDelivery;
use crate::targets::Crm;

/// Tickets that are looked at to see whether our user may read any.
const WITNESSES: u32 = 5;

impl TargetWorker {
    /// After `failure` of a change: whether the ticket is one of which nothing was ever read, and that the
    /// CRM does not show. Its create is in doubt then, and the change waits for that.
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
        // What cannot be read now, the poll finds later.
        let is_unread = self.store.is_unread(&self.name, ticket_id).await;
        if !is_unread.unwrap_or(false) {
            return false;
        }
        let mut ids = vec![ticket_id.clone()];
        if !crm.runs_for().create.is_zero() {
            let others = self.store.newest_tickets(&self.name, WITNESSES).await;
            ids.extend(others.unwrap_or_default());
        }
        let Ok(look) = crm.fetch_snapshots(&ids).await else {
            return false;
        };
        // Where the CRM would accept a second record, it must show others.
        let may_doubt = crm.runs_for().create.is_zero() || !look.seen.is_empty();
        if !may_doubt || !look.missing.contains(ticket_id) {
            return false;
        }
        let doubted = self.doubt_unread(std::slice::from_ref(ticket_id)).await;
        doubted.contains(ticket_id)
    }

    /// Puts the creates in doubt that the CRM has answered with these tickets, of which nothing was ever
    /// read, and that it does not show. Answers the tickets.
    pub(super) async fn doubt_unread(&self, missing: &[String]) -> Vec<String> {
        let (runs_for, now) = (self.crm.runs_for().create, self.clock.now());
        let doubted = self.store.doubt_unread(&self.name, missing, runs_for, now);
        match doubted.await {
            Ok(doubted) => {
                if !doubted.is_empty() {
                    tracing::warn!(
                        target = self.name.as_str(),
                        tickets = ?doubted,
                        "the CRM does not show tickets with which it has answered creates; they are \
                         looked up by our key"
                    );
                }
                doubted
            }
            // The poll finds them again.
            Err(error) => {
                tracing::warn!(
                    target = self.name.as_str(), %error,
                    "it cannot be stored that the CRM does not show new tickets"
                );
                Vec::new()
            }
        }
    }
}

/// The failure of a change that waits until it is known what came of the create of its ticket.
pub(super) fn waiting_for_create(mut failure: Failure) -> Failure {
    failure.message += "; nothing was ever read of it: this waits until its create is looked up by our key";
    failure
}
