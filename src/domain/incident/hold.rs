//! What holds the ticket of a pending incident back.

use super::mute::Mute;
use super::record::Incident;
use super::suppression::Suppression;
use crate::domain::identity::IncidentId;

/// What holds a ticket back until something else ends: no time at which the ticket opens is set.
#[derive(Debug, Clone, Copy)]
pub enum Hold<'a> {
    /// The outage has the ticket.
    Outage(&'a IncidentId),
    /// A silence or maintenance window.
    Mute(&'a Mute),
    /// Only a person, an outage or a clear ends it, however often the incident breaches.
    Flood,
}

impl Hold<'_> {
    /// Its name in answers, metrics and the timeline.
    pub const fn suppression(self) -> Suppression {
        match self {
            Self::Outage(_) => Suppression::Outage,
            Self::Mute(_) => Suppression::Silenced,
            Self::Flood => Suppression::Flood,
        }
    }
}

impl Incident {
    /// Pending: what holds its ticket back, besides `opens_at`; the first that applies.
    pub const fn hold(&self) -> Option<Hold<'_>> {
        match (&self.outage_id, &self.silence) {
            (Some(outage), _) => Some(Hold::Outage(outage)),
            (None, Some(mute)) => Some(Hold::Mute(mute)),
            (None, None) if self.held_by_flood => Some(Hold::Flood),
            (None, None) => None,
        }
    }
}
