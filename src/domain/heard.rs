//! A signal as an incident hears it: what the rule says of it, and what was read. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::time::Timestamp;

/// How far ahead of ours a sender's clock may be and still be believed.
const MOST_AHEAD: Duration = Duration::from_secs(10);

/// What the rule's expressions say about a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `when` holds.
    Breach,
    /// `clear` holds.
    Clear,
    /// Neither: inside the hysteresis.
    Between,
}

/// Readings by a name such as `queue.waitTime.avg`.
pub type Readings = BTreeMap<String, f64>;

/// One signal as an incident hears it.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// When it was received, by our clock.
    pub received_at: Timestamp,
    /// When it happened, by the sender's clock.
    pub occurred_at: Timestamp,
    /// Which part of the entity it is about; see [`part`](super::part) for its name.
    pub part: String,
    /// What the rule says.
    pub verdict: Verdict,
    /// What the rule's expressions read.
    pub readings: Readings,
}

impl Heard {
    /// When it happened, as far as the sender's clock can be believed. What comes from the
    /// future counts as of now: else one such stamp would make everything that follows look
    /// late, until its time has come.
    pub fn believed_at(&self) -> Timestamp {
        if self.occurred_at > self.received_at.plus(MOST_AHEAD) {
            self.received_at
        } else {
            self.occurred_at
        }
    }
}
