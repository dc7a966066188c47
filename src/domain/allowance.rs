//! The calls that a CRM still allows, as its answers say, and what follows when few are left.
//!
//! Three steps follow from the share that is left. Nothing is remembered from one answer to the
//! next, so everything recovers with the first answer that shows more calls.

use std::time::Duration;

use super::ticket::Operation;
use super::time::Timestamp;

/// A limit of an hour is the longest whose end a CRM names.
const MAX_VALIDITY: Duration = Duration::from_secs(3600 + 300);

/// What an answer says about a limit of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Calls that are left.
    pub left: u64,
    /// Calls in the whole span, such as a day.
    pub limit: u64,
    /// From then on the answer says nothing any more.
    pub valid_until: Timestamp,
}

/// How few calls are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Shortage {
    #[default]
    None,
    /// Fewer than 20 of 100.
    Low,
    /// Fewer than 10 of 100: updates and links wait.
    Reserve,
    /// Fewer than 5 of 100: only creates go.
    LastReserve,
}

impl Allowance {
    /// How few calls are left at `now`.
    pub fn shortage(self, now: Timestamp) -> Shortage {
        // No answer is valid for so long: the clock was set back.
        let is_stale = self.valid_until.since(now) > MAX_VALIDITY;
        if now >= self.valid_until || is_stale || self.limit == 0 {
            return Shortage::None;
        }
        match u128::from(self.left) * 100 / u128::from(self.limit) {
            20.. => Shortage::None,
            10..=19 => Shortage::Low,
            5..=9 => Shortage::Reserve,
            _ => Shortage::LastReserve,
        }
    }
}

impl Shortage {
    /// By how much the rate is divided: it halves with each step.
    pub const fn divisor(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Low => 2,
            Self::Reserve => 4,
            Self::LastReserve => 8,
        }
    }

    /// Whether `operation` may use one of the calls that are left. A new ticket is worth more than
    /// the end of an old one, and that is worth more than a comment.
    pub const fn admits(self, operation: Operation) -> bool {
        match self {
            Self::None | Self::Low => true,
            Self::Reserve => matches!(operation, Operation::Create | Operation::Resolve),
            Self::LastReserve => matches!(operation, Operation::Create),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn shortage(left: u64, limit: u64) -> Shortage {
        let valid_until = Timestamp::from_millis(2_000);
        let allowance = Allowance {
            left,
            limit,
            valid_until,
        };
        allowance.shortage(NOW)
    }

    #[test]
    fn the_rate_halves_with_each_step_and_recovers_with_the_first_answer_that_shows_more() {
        let divisors = [100, 20, 19, 10, 9, 5, 4, 0].map(|left| shortage(left, 100).divisor());
        assert_eq!(divisors, [1, 1, 2, 2, 4, 4, 8, 8]);
        assert_eq!(shortage(u64::MAX, u64::MAX), Shortage::None);
        assert_eq!(shortage(0, 0), Shortage::None, "no limit at all");
    }

    #[test]
    fn updates_wait_first_then_resolutions_and_creates_never() {
        let going = |shortage: Shortage| Operation::ALL.map(|one| shortage.admits(one));
        assert_eq!(going(Shortage::Low), [true, true, true, true]);
        assert_eq!(going(Shortage::Reserve), [true, false, true, false]);
        assert_eq!(going(Shortage::LastReserve), [true, false, false, false]);
    }

    #[test]
    fn an_old_answer_says_nothing() {
        let allowance = Allowance {
            left: 0,
            limit: 100,
            valid_until: NOW,
        };
        assert_eq!(allowance.shortage(NOW), Shortage::None);
    }

    #[test]
    fn an_answer_from_before_the_clock_was_set_back_by_hours_says_nothing() {
        let of_then = |hours: u64| Allowance {
            left: 0,
            limit: 100,
            valid_until: NOW.plus(Duration::from_secs(hours * 3600)),
        };
        assert_eq!(of_then(1).shortage(NOW), Shortage::LastReserve);
        assert_eq!(of_then(2).shortage(NOW), Shortage::None);
    }
}
