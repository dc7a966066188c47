//! The changes of a ticket that follow from a step.

use serde::{Deserialize, Serialize};

use crate::domain::severity::Severity;

/// One change of the ticket; a delivery is enqueued for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketAction {
    /// Open the ticket.
    Create,
    /// A comment on the lasting breach.
    Progress,
    /// A comment: it breaches again.
    Relapse,
    /// A comment: it flaps, and stays open until it is stable.
    Flapping,
    /// A comment, and the fields that depend on the severity: the severity has risen.
    Raised { from: Severity },
    /// A comment with facts that were not known when the ticket was opened.
    Details,
    /// A comment: it has recovered.
    Recovered,
    /// Resolve the ticket.
    Resolve,
}
