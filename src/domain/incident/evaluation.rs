//! The evaluation of one signal by one rule.

use std::time::Duration;

use super::readings::Readings;
use crate::domain::time::Timestamp;

/// The sender's time is believed when it is at most so far ahead of our clock.
pub(in crate::domain) const MAX_AHEAD: Duration = Duration::from_secs(10);

/// The result of the rule's expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `when` holds.
    Breach,
    /// `clear` holds.
    Clear,
    /// Neither holds: the value is inside the hysteresis.
    InHysteresis,
}

/// One signal as its rule evaluated it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// By our clock.
    pub received_at: Timestamp,
    /// By the sender's clock.
    pub occurred_at: Timestamp,
    /// The part of the entity that the signal reports; see [`part`](super::part) for its name.
    pub part: String,
    pub verdict: Verdict,
    /// The values that the rule's expressions read.
    pub readings: Readings,
}

impl Evaluation {
    /// The sender's time, or the time of receipt when the sender's time is in the future. With a
    /// time in the future, every later signal would look out of order until that time has come.
    pub fn believed_at(&self) -> Timestamp {
        self.occurred_at.min(self.received_at)
    }
}
