//! What an attempt on a delivery adds to the history of its incident.
//!
//! Attempts that count are few, and each is told. Those that do not, because the whole target
//! waits, can be many: of them only the first of a kind is.

use super::StoreError;
use super::database::{Tx, on};
use super::history::{HistoryEntry, Reference};
use super::outbox::ClaimedDelivery;
use super::settlement::Settlement;
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
    let operation = delivery.operation;
    let number = delivery.attempts + 1;
    let (what, cause) = match settlement {
        Settlement::Done(ticket) => {
            let ticket = ticket
                .as_ref()
                .map(|ticket| format!("ticket {}", ticket.id));
            let parts = [ticket, told_of_success(delivery)];
            let cause: Vec<String> = parts.into_iter().flatten().collect();
            (format!("{operation} delivered"), cause.join(", "))
        }
        Settlement::Dead { failure } => (
            format!("{operation} became a dead letter"),
            format!("attempt {number}: {failure}"),
        ),
        Settlement::Again {
            at,
            failure,
            counted,
        } => {
            if !counted && last_kind == Some(failure.kind.as_str()) {
                return None;
            }
            let doubt = match failure.outcome_unknown {
                true => "; whether it took effect is not known, so it is looked up first",
                false => "",
            };
            let next = match counted {
                true => format!("tried again at {at}"),
                false => "the whole target waits".to_owned(),
            };
            (
                format!("{operation} failed"),
                format!("attempt {number}: {failure}{doubt}; {next}"),
            )
        }
    };
    Some(HistoryEntry {
        incident_id: delivery.incident_id.clone(),
        at: now,
        what,
        cause,
        refers: Reference {
            event_id: Some(delivery.event_id.clone()),
            delivery_id: Some(delivery.id),
        },
    })
}

/// What is worth telling of a success: that it was not the first attempt, and that the CRM
/// was asked before anything was sent again.
fn told_of_success(delivery: &ClaimedDelivery) -> Option<String> {
    let number = delivery.attempts + 1;
    if delivery.in_doubt && delivery.operation != Operation::Resolve {
        return Some(format!("attempt {number}, looked up before sending"));
    }
    (number > 1).then(|| format!("attempt {number}"))
}
