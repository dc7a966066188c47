//! Notices that the machine's clock was set back. A delivery that waits for some seconds would then
//! wait for as much longer.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// Smaller steps back are ignored: clocks are corrected all the time.
const TOLERATED: Duration = Duration::from_secs(1);

/// The result of a comparison of the clock with its last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The first look. What happened while the process was not running is unknown.
    First,
    Advanced,
    SetBack,
}

/// The time of the last look; none after a start.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    last: Option<Timestamp>,
}

impl ClockWatch {
    pub(super) fn look(&self, now: Timestamp) -> Look {
        match self.last {
            None => Look::First,
            Some(last) if now.plus(TOLERATED) < last => Look::SetBack,
            Some(_) => Look::Advanced,
        }
    }

    /// Stores the time of a look, once the caller has acted on it.
    pub(super) fn set(&mut self, now: Timestamp) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_is_noticed_until_it_is_set_and_a_small_correction_is_not() {
        let at = Timestamp::from_millis;
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(at(10_000)), Look::First);
        watch.set(at(10_000));
        assert_eq!(watch.look(at(9_500)), Look::Advanced);
        assert_eq!(watch.look(at(1_000)), Look::SetBack);
        assert_eq!(watch.look(at(1_000)), Look::SetBack);
        watch.set(at(1_000));
        assert_eq!(watch.look(at(1_000)), Look::Advanced);
    }
}
