//! When a reading was taken, by the sender's clock as far as it is believed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::incident::MAX_AHEAD;
use crate::domain::time::Timestamp;

/// The time of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// The sender's time lay in the future and was not believed: `at` is that of the receipt, and
    /// whatever comes later is newer.
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
    /// The time of a message, and at most that of its receipt: the reading of a clock that is a little
    /// ahead would make the truth that follows it look old. One that lies far in the future is not
    /// believed at all.
    pub(super) fn of(occurred_at: Timestamp, received_at: Timestamp) -> Self {
        let guessed = occurred_at > received_at.plus(MAX_AHEAD);
        let at = match guessed {
            true => received_at,
            false => occurred_at.min(received_at),
        };
        Self { at, guessed }
    }

    /// Whether a reading of this time takes the place of one of the time `known`, which came
    /// before. A late message never overwrites a newer one.
    pub fn replaces(self, known: Self) -> bool {
        known.guessed || self.guessed || self.at >= known.at
    }
}

/// The newest messages of some event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Heard {
    /// The newest time that was believed, and when its message was received. It tells how the
    /// sender's clock goes.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    believed: Option<(Timestamp, Timestamp)>,
    /// When the last message was received whose time was not believed.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    guessed: Option<Timestamp>,
}

impl Heard {
    pub(super) fn of(stamp: Stamp, received_at: Timestamp) -> Self {
        Self {
            believed: (!stamp.guessed).then_some((stamp.at, received_at)),
            guessed: stamp.guessed.then_some(received_at),
        }
    }

    /// The newer of both.
    pub(super) fn newest(self, other: Self) -> Self {
        let is_newer =
            |(at, _): (Timestamp, Timestamp)| self.believed.is_none_or(|(known, _)| known < at);
        Self {
            believed: other
                .believed
                .filter(|one| is_newer(*one))
                .or(self.believed),
            guessed: self.guessed.max(other.guessed),
        }
    }

    pub(super) fn last(self) -> Option<Timestamp> {
        self.believed.map(|(at, _)| at).max(self.guessed)
    }

    /// How old a reading of the time `stamp` is beside the newest message.
    pub(super) fn age(self, stamp: Stamp) -> Duration {
        let believed = self.believed.map(|(at, _)| at);
        let guessed = self.guessed.map(|received_at| self.place(received_at));
        let newest = believed.max(guessed);
        newest.map_or(Duration::ZERO, |newest| newest.since(self.time(stamp)))
    }

    /// The time `stamp`, by the sender's clock.
    pub(super) fn time(self, stamp: Stamp) -> Timestamp {
        match stamp.guessed {
            true => self.place(stamp.at),
            false => stamp.at,
        }
    }

    /// Where a receipt lies by the sender's clock. So the readings of a clock that is always ahead grow
    /// old, and one such message among those of a clock that is behind makes none of them old.
    fn place(self, received_at: Timestamp) -> Timestamp {
        let behind = self.believed.map(|(at, received_at)| received_at.since(at));
        received_at.minus(behind.unwrap_or_default())
    }
}
