//! What came of an attempt on a delivery, and what that adds to the history of its incident.
//!
//! Attempts that count are few, and each has an entry. Those that do not, because the whole
//! target waits, can be many: of them only the first of a kind has one.

use super::history::{HistoryEntry, Reference};
use super::outbox::ClaimedDelivery;
use crate::domain::failure::Failure;
use crate::domain::ticket::{Operation, Ticket};
use crate::domain::time::Timestamp;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Done; a create brings its ticket.
    Done(Option<Ticket>),
    /// Try again at a time.
    Again {
        at: Timestamp,
        failure: Failure,
        /// Whether the attempt counts.
        counted: bool,
    },
    /// Given up.
    Dead { failure: Failure },
}

/// The entry for the attempt, if it has one. `last_kind` is the kind of the failure
/// before it.
pub(super) fn history_entry(
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
            let parts = [ticket, success_detail(delivery)];
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

/// What is worth noting about a success: that it was not the first attempt, and that the CRM
/// was asked before anything was sent again.
fn success_detail(delivery: &ClaimedDelivery) -> Option<String> {
    let number = delivery.attempts + 1;
    if delivery.in_doubt && delivery.operation != Operation::Resolve {
        return Some(format!("attempt {number}, looked up before sending"));
    }
    (number > 1).then(|| format!("attempt {number}"))
}
