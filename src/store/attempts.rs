//! What an attempt on a delivery adds to the history of its incident.
//!
//! Attempts that count are few, and each is told. Those that do not, because the whole target
//! waits, can be many: of them only the first of a kind is.

use super::StoreError;
use super::database::{Tx, on};
use super::history::{HistoryEntry, Reference};
use super::outbox::ClaimedDelivery;
use super::settlement::Settlement;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// The kind of the failure that the delivery met last.
pub(super) async fn last_error_kind(tx: &mut Tx, id: i64) -> Result<Option<String>, StoreError> {
    let row: Option<(Option<String>,)> = on!(tx, connection => {
        sqlx::query_as("select error_kind from deliveries where id = $1")
            .bind(id)
            .fetch_optional(connection)
            .await?
    });
    Ok(row.and_then(|(kind,)| kind))
}

/// The entry that tells of the attempt, if any does. `last_kind` is the kind of the failure
/// before it.
pub(super) fn entry_of(
    delivery: &ClaimedDelivery,
    settlement: &Settlement,
    last_kind: Option<&str>,
    now: Timestamp,
) -> Option<HistoryEntry> {
    let (operation, attempt) = (delivery.operation, delivery.attempts + 1);
    let event = match settlement {
        Settlement::Done(ticket) => IncidentEvent::Delivered {
            operation,
            ticket_id: ticket.as_ref().map(|ticket| ticket.id.clone()),
            attempt,
            // A resolution is repeated without looking.
            looked_up: delivery.in_doubt && operation != Operation::Resolve,
        },
        Settlement::Dead { failure } => IncidentEvent::DeadLettered {
            operation,
            attempt,
            failure: failure.to_string(),
        },
        Settlement::Again {
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
