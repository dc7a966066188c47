//! The result of an attempt of a delivery, and its entry in the history of its incident.
//!
//! Attempts that count are few, and each has an entry. Attempts that do not count, because the
//! whole target waits, can be many: only the first of a kind has an entry.

use super::history::{HistoryEntry, Reference};
use super::outbox::ClaimedDelivery;
use crate::domain::failure::Failure;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::{Operation, Ticket};
use crate::domain::time::Timestamp;

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryResult {
    /// Done; a create brings its ticket.
    Delivered(Option<Ticket>),
    /// Try again at a time.
    RetryAt {
        at: Timestamp,
        failure: Failure,
        /// Whether the attempt counts.
        counted: bool,
    },
    /// Given up.
    DeadLettered { failure: Failure },
}

/// The entry for the attempt, if it has one. `last_kind` is the kind of the failure
/// before it.
pub(super) fn history_entry(
    delivery: &ClaimedDelivery,
    result: &DeliveryResult,
    last_kind: Option<&str>,
    now: Timestamp,
) -> Option<HistoryEntry> {
    let (operation, attempt) = (delivery.operation, delivery.attempts + 1);
    let event = match result {
        DeliveryResult::Delivered(ticket) => IncidentEvent::Delivered {
            operation,
            ticket_id: ticket.as_ref().map(|ticket| ticket.id.clone()),
            attempt,
            // A resolution is repeated without looking.
            looked_up: delivery.in_doubt && operation != Operation::Resolve,
        },
        DeliveryResult::DeadLettered { failure } => IncidentEvent::DeadLettered {
            operation,
            attempt,
            failure: failure.to_string(),
        },
        DeliveryResult::RetryAt {
            at,
            failure,
            counted,
        } => {
            if !counted && last_kind == Some(failure.kind.as_str()) {
                return None;
            }
            IncidentEvent::AttemptFailed {
                operation,
                attempt,
                failure: failure.to_string(),
                outcome_unknown: failure.outcome_unknown,
                retry_at: counted.then_some(*at),
            }
        }
    };
    Some(HistoryEntry {
        incident_id: delivery.incident_id.clone(),
        at: now,
        event,
        refers: Reference {
            event_id: Some(delivery.event_id.clone()),
            delivery_id: Some(delivery.id),
        },
    })
}
