//! The result of an attempt of a delivery, and its entry in the history of its incident.
//!
//! Attempts that count are few, and each has an entry. Attempts that do not count, because the
//! whole target waits, can be many: only the first of a kind has an entry.

use super::history::{HistoryEntry, Reference};
use super::outbox::ClaimedDelivery;
use crate::domain::failure::Failure;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::{OmittedField, Operation, Ticket};
use crate::domain::time::Timestamp;

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryResult {
    /// Done; a create brings its ticket, and the fields that the CRM refused.
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
}

/// What a parked delivery waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The target accepts writes again.
    Target,
    /// The CRM accepts this one: it is tried rarely.
    Ticket,
}

impl WaitsFor {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Ticket => "ticket",
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
    let (operation, attempt) = (delivery.operation, delivery.attempts + 1);
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
                retry_at: (*waits_for == WaitsFor::Ticket).then_some(*at),
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
