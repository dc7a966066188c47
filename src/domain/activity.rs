//! What is counted for each hour: what came in, what was held back, what went out.

use crate::domain::decision::{SignalOutcome, Suppression};
use crate::domain::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// An event was received.
    Event,
    /// A rule found a breach in it.
    Breach,
    /// A breach is written to a ticket, by one rule.
    Written,
    /// A breach wrote nothing to the CRM, by one rule.
    Suppressed(Suppression),
    /// A ticket was created.
    Ticket,
    /// An attempt of a delivery failed.
    Failure,
}

impl Activity {
    /// Its name in the database. A suppressed breach has the name of its reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Breach => "breach",
            Self::Written => "written",
            Self::Suppressed(reason) => reason.as_str(),
            Self::Ticket => "ticket",
            Self::Failure => "failure",
        }
    }

    /// Of its name in the database; `None` for one that only another version knows.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Event,
            Self::Breach,
            Self::Written,
            Self::Ticket,
            Self::Failure,
        ]
        .into_iter()
        .find(|one| one.as_str() == name)
        .or_else(|| match SignalOutcome::from_name(name) {
            Some(SignalOutcome::Suppressed(reason)) => Some(Self::Suppressed(reason)),
            _ => None,
        })
    }
}

const HOUR_MS: i64 = 3_600_000;

/// The hour in which `at` lies, counted from the epoch.
pub const fn hour_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(HOUR_MS)
}

/// When the hour begins.
pub const fn begin_of(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour * HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for one in [
            Activity::Event,
            Activity::Breach,
            Activity::Written,
            Activity::Suppressed(Suppression::BurstLock),
            Activity::Suppressed(Suppression::Stale),
            Activity::Ticket,
            Activity::Failure,
        ] {
            assert_eq!(Activity::from_name(one.as_str()), Some(one));
        }
        assert_eq!(Activity::from_name("opened"), None);
    }

    #[test]
    fn an_hour_begins_at_its_first_millisecond() {
        let at = Timestamp::from_millis(2 * HOUR_MS - 1);
        assert_eq!(hour_of(at), 1);
        assert_eq!(begin_of(1).as_millis(), HOUR_MS);
    }
}
