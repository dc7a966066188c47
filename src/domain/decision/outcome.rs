//! The outcome of one signal. It is stored with the decision, and shown to people.

use std::fmt;

use crate::domain::incident::Suppression;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalOutcome {
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
    /// Inside the hysteresis: nothing changes. Stored as `between`.
    InHysteresis,
    /// It matches, and further matches are needed for a breach.
    Counted,
    /// A newer signal about the same part is known.
    OutOfOrder,
    /// From a source that has not breached: it does not concern the incident.
    OtherSource,
    /// Clear, and there is no incident.
    AllWell,
    /// A repetition of an event that a person has reprocessed, which the rule had decided on before.
    DecidedBefore,
}

impl SignalOutcome {
    const ALL: [Self; 21] = [
        Self::Opened,
        Self::Suppressed(Suppression::ActiveIncident),
        Self::Suppressed(Suppression::BurstLock),
        Self::Suppressed(Suppression::Silenced),
        Self::Suppressed(Suppression::Outage),
        Self::Suppressed(Suppression::Pending),
        Self::Suppressed(Suppression::Flood),
        Self::Suppressed(Suppression::Stale),
        Self::Commented,
        Self::Raised,
        Self::Relapsed,
        Self::Flapping,
        Self::FlappingHeld,
        Self::Clearing,
        Self::Recovered,
        Self::InHysteresis,
        Self::Counted,
        Self::OutOfOrder,
        Self::OtherSource,
        Self::AllWell,
        Self::DecidedBefore,
    ];

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
            Self::InHysteresis => "between",
            Self::Counted => "counted",
            Self::OutOfOrder => "out_of_order",
            Self::OtherSource => "other_source",
            Self::AllWell => "all_well",
            Self::DecidedBefore => "decided_before",
        }
    }

    /// The outcome with the name `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// Whether the signal leaves no trace in an incident.
    pub const fn changes_nothing(self) -> bool {
        matches!(
            self,
            Self::AllWell | Self::OutOfOrder | Self::OtherSource | Self::DecidedBefore
        )
    }

    /// Whether the incident's history has an entry for it.
    pub const fn changes_history(self) -> bool {
        matches!(
            self,
            Self::Opened
                | Self::Commented
                | Self::Raised
                | Self::Relapsed
                | Self::Flapping
                | Self::Recovered
        )
    }
}

impl fmt::Display for SignalOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
