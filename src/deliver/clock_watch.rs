//! Noticing that the machine's clock was set back: what was to wait for some seconds would wait
//! for as much longer.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// Steps back that are let pass: a clock is corrected by less all the time.
const TOLERATED: Duration = Duration::from_secs(1);

/// What a look at the clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The first one: nobody knows what happened while the process was not running.
    First,
    /// It goes on.
    GoesOn,
    /// It was set back.
    SetBack,
}

/// The time that was seen last; none after a start.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    seen: Option<Timestamp>,
}

impl ClockWatch {
    /// What the clock shows when it says `now`.
    pub(super) fn look(&self, now: Timestamp) -> Look {
        match self.seen {
            None => Look::First,
            Some(seen) if now.plus(TOLERATED) < seen => Look::SetBack,
            Some(_) => Look::GoesOn,
        }
    }

    /// Takes note of a look, once it has been acted upon.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.seen = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_is_noticed_until_it_is_noted_and_a_small_correction_is_not() {
        let at = Timestamp::from_millis;
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(at(10_000)), Look::First);
        watch.note(at(10_000));
        assert_eq!(watch.look(at(9_500)), Look::GoesOn);
        assert_eq!(watch.look(at(1_000)), Look::SetBack);
        assert_eq!(watch.look(at(1_000)), Look::SetBack);
        watch.note(at(1_000));
        assert_eq!(watch.look(at(1_000)), Look::GoesOn);
    }
}
