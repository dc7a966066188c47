//! The result of an attempt of a delivery, and its entry in the history of its incident.
//!
//! Attempts that count are few, and each has an entry. Attempts that do not count, because the
//! whole target waits, can be many: only the first of a kind has an entry.

use super::history::{HistoryEntry, Reference};
use super::outbox::ClaimedDelivery;
use crate::domain::doubt::Unsent;
use crate::domain::failure::Failure;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::{OmittedField, Operation, Ticket};
use crate::domain::time::Timestamp;

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryResult {
    /// Done, without the fields that the CRM refused; a create brings its ticket.
    Delivered {
        ticket: Option<Ticket>,
        omitted: Vec<OmittedField>,
    },
    /// Try again at a time. The attempt counts.
    RetryAt { at: Timestamp, failure: Failure },
    /// It waits for something, and continues by itself.
    Parked {
        waits_for: WaitsFor,
        at: Timestamp,
        failure: Failure,
        /// Whether the attempt counts: it was the last one of the retry policy.
        counted: bool,
    },
    /// A person is needed. It is tried again at `at`, in case the obstacle is gone.
    DeadLettered { at: Timestamp, failure: Failure },
    /// Fields that the CRM refused at the create were tried again. While the ticket lacks some, they
    /// are tried at `at`.
    Completed {
        completed: CompletedFields,
        left: Vec<OmittedField>,
        at: Timestamp,
    },
    /// They could not be tried. They are tried at `at`.
    PutOff { at: Timestamp, failure: Failure },
    /// Nothing was sent, and no attempt is counted.
    Unsent(Unsent),
}

/// Fields that a ticket does not lack any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompletedFields {
    pub set: Vec<String>,
    /// They have a value that somebody else put in.
    pub found: Vec<String>,
    /// They are no longer configured.
    pub dropped: Vec<String>,
}

impl CompletedFields {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.found.is_empty() && self.dropped.is_empty()
    }
}

/// What a parked delivery waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The target accepts writes again.
    Target,
    /// The CRM accepts this one: it is tried rarely.
    Ticket,
    /// The CRM accepts this operation again, of any ticket.
    Operation,
}

impl WaitsFor {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Ticket => "ticket",
            Self::Operation => "operation",
        }
    }
}

/// The entry for the attempt, if it has one. `last_kind` is the kind of the failure
/// before it.
pub(super) fn history_entry(
    delivery: &ClaimedDelivery,
    result: &DeliveryResult,
    last_kind: Option<&str>,
    now: Timestamp,
) -> Option<HistoryEntry> {
    let (operation, attempt) = (delivery.operation, delivery.tries + 1);
    let event = match result {
        DeliveryResult::Delivered { ticket, .. } => IncidentEvent::Delivered {
            operation,
            ticket_id: ticket.as_ref().map(|ticket| ticket.id.clone()),
            attempt,
            // A resolution is repeated without looking.
            looked_up: delivery.in_doubt && operation != Operation::Resolve,
        },
        DeliveryResult::DeadLettered { failure, .. } => IncidentEvent::DeadLettered {
            operation,
            attempt,
            failure: failure.to_string(),
        },
        DeliveryResult::RetryAt { at, failure } => IncidentEvent::AttemptFailed {
            operation,
            attempt,
            failure: failure.to_string(),
            outcome_unknown: failure.outcome_unknown,
            retry_at: Some(*at),
        },
        DeliveryResult::Parked {
            waits_for,
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
                retry_at: (*waits_for != WaitsFor::Target).then_some(*at),
            }
        }
        DeliveryResult::Completed { completed, .. } if completed.is_empty() => return None,
        DeliveryResult::Completed { completed, .. } => IncidentEvent::TicketCompleted {
            set: completed.set.clone(),
            found: completed.found.clone(),
            dropped: completed.dropped.clone(),
        },
        DeliveryResult::PutOff { .. } | DeliveryResult::Unsent(_) => return None,
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
