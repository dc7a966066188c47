//! What an attempt came to.

use super::completion::Completed;
use crate::domain::doubt::Unsent;
use crate::domain::ticket::{OmittedField, Ticket};
use crate::domain::ticket_sync::TicketSnapshot;
use crate::targets::Applied;

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Achieved {
    /// The ticket as it is now, where the CRM's answers show it.
    Changed(Changed),
    Created(Created),
    Completed(Completed),
    /// Nothing was sent.
    Unsent(Unsent),
}

impl Achieved {
    /// Whether the CRM accepted a write. What was only read proves nothing about writes.
    pub(super) const fn is_write(&self) -> bool {
        match self {
            Self::Changed(changed) => changed.is_write,
            Self::Created(created) => !created.was_there,
            Self::Completed(completed) => completed.is_write,
            Self::Unsent(_) => false,
        }
    }

    pub(super) const fn take_seen(&mut self) -> Option<TicketSnapshot> {
        match self {
            Self::Changed(changed) => changed.seen.take(),
            Self::Created(_) | Self::Completed(_) | Self::Unsent(_) => None,
        }
    }
}

/// What a change of a ticket brought.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) seen: Option<TicketSnapshot>,
    /// The fields that the CRM refused. The rest of the change was sent without them.
    pub(super) omitted: Vec<OmittedField>,
    /// The CRM has accepted a write.
    pub(super) is_write: bool,
}

impl Changed {
    /// An earlier try had brought it already: this one has only read.
    pub(super) fn already() -> Self {
        Self::default()
    }

    /// The CRM accepted a write, and its answer shows nothing of the ticket.
    pub(super) fn written() -> Self {
        Self {
            is_write: true,
            ..Self::default()
        }
    }
}

impl From<Applied> for Changed {
    fn from(Applied { seen, is_write }: Applied) -> Self {
        Self {
            seen,
            is_write,
            ..Self::default()
        }
    }
}

/// What a create brought.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) ticket: Ticket,
    /// The fields that the CRM refused or did not keep.
    pub(super) omitted: Vec<OmittedField>,
    /// An earlier try had created it already: this one has only read.
    pub(super) was_there: bool,
}
