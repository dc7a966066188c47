//! When a reading was taken, by the sender's clock as far as it is believed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// The time of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// The sender's time lay in the future and was not believed: `at` is a guess, and whatever
    /// comes later is newer.
    #[serde(rename = "g", default, skip_serializing_if = "is_false")]
    pub guessed: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Stamp {
    /// Whether a reading of this time takes the place of one of the time `known`, which came
    /// before. A late message never overwrites a newer one.
    pub fn replaces(self, known: Self) -> bool {
        known.guessed || self.guessed || self.at >= known.at
    }

    /// How far it lies from `now`, before or behind.
    pub fn distance(self, now: Timestamp) -> Duration {
        now.since(self.at) + self.at.since(now)
    }
}
