//! What one signal did.

use std::fmt;

use crate::domain::incident::Suppression;

/// What a signal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new incident gets a ticket.
    Opened,
    /// The breach belongs to a known incident, or waits; nothing is written to the CRM.
    Suppressed(Suppression),
    /// The open ticket gets a comment.
    Commented,
    /// The severity has risen: the open ticket is updated at once.
    Raised,
    /// A recovered incident breaches again.
    Relapsed,
    /// A recovered incident breaches again, and flaps: it stays open until it is stable.
    Flapping,
    /// Clear, but the incident flaps and stays open.
    FlappingHeld,
    /// A part of the incident has cleared.
    Clearing,
    /// The incident has recovered.
    Recovered,
    /// Inside the hysteresis: nothing changes.
    Between,
    /// A newer signal about the same part is known.
    OutOfOrder,
    /// From a source that has not breached: it does not concern the incident.
    OtherSource,
    /// Clear, and there is no incident.
    AllWell,
}

impl Outcome {
    /// Stored with the decision and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Suppressed(reason) => reason.as_str(),
            Self::Commented => "commented",
            Self::Raised => "raised",
            Self::Relapsed => "relapsed",
            Self::Flapping => "flapping",
            Self::FlappingHeld => "flapping_held",
            Self::Clearing => "clearing",
            Self::Recovered => "recovered",
            Self::Between => "between",
            Self::OutOfOrder => "out_of_order",
            Self::OtherSource => "other_source",
            Self::AllWell => "all_well",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
