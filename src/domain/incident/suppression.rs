//! Why a breach writes nothing to the CRM, and a delay before a ticket is opened.

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// Why a breach wrote nothing to the CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    /// The incident is open already.
    ActiveIncident,
    /// A ticket for the key was opened shortly before.
    BurstLock,
    /// A silence covers it.
    Silenced,
    /// It is a member of an outage, or may become one.
    Outage,
    /// It has not lasted long enough.
    Pending,
    /// Its source begins too many incidents.
    Flood,
    /// It was too old when it was received.
    Stale,
}

impl Suppression {
    /// Its name in the database, in metrics and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActiveIncident => "active_incident",
            Self::BurstLock => "burst_lock",
            Self::Silenced => "silenced",
            Self::Outage => "outage",
            Self::Pending => "pending",
            Self::Flood => "flood",
            Self::Stale => "stale",
        }
    }
}

/// A delay before the ticket of a new incident, besides the `for` of its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenDelay {
    pub until: Timestamp,
    pub reason: Suppression,
}
