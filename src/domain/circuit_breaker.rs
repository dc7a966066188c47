//! Whether a target takes deliveries: the circuit, pauses and holds, as one state machine.
//!
//! While the circuit is open, deliveries that have been tried before continue to the end of their
//! retries, and new ones wait. A cheap probe asks from time to time whether the CRM answers again.

use std::time::Duration;

use super::failure::{Failure, FailureKind};
use super::retry::Next;
use super::time::Timestamp;

/// Network failures in a row that open the circuit.
const FAILURES_TO_OPEN: u32 = 5;
/// First wait between probes; each further wait is twice as long.
const FIRST_PROBE_WAIT: Duration = Duration::from_secs(1);
const MAX_PROBE_WAIT: Duration = Duration::from_secs(15);
/// First pause after a rate limit that names no time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(300);
/// First wait of a held target.
const FIRST_HOLD: Duration = Duration::from_secs(5);
const MAX_HOLD: Duration = Duration::from_secs(300);

/// Which deliveries may be sent to a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Everything that is due.
    All,
    /// Only deliveries that have been tried before, until the next probe is due.
    RetriesOnly {
        probe_at: Timestamp,
    },
    /// A probe; nothing else before it has succeeded.
    Probe,
    Nothing {
        until: Timestamp,
    },
}

/// Whether a target takes new deliveries, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It takes them.
    Up,
    /// The CRM asked us to wait.
    Paused,
    /// A person must correct credentials or configuration.
    Held,
    /// It does not answer.
    CircuitOpen,
}

impl BreakerState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::CircuitOpen => "circuit_open",
        }
    }
}

/// The breaker of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitBreaker {
    state: BreakerState,
    /// When the wait began.
    since: Timestamp,
    /// When the pause ends, or the next probe is due.
    until: Timestamp,
    /// How often in a row the current state was entered or confirmed.
    streak: u32,
    /// Network failures since the last answer.
    failures: u32,
    /// Since when it has been held or its circuit open. A successful probe of a held target does
    /// not reset it; only a successful delivery does.
    unreachable_since: Option<Timestamp>,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            state: BreakerState::Up,
            since: Timestamp::default(),
            until: Timestamp::default(),
            streak: 0,
            failures: 0,
            unreachable_since: None,
        }
    }
}

impl CircuitBreaker {
    /// A breaker that asks for a probe first, without knowing whether the target is unreachable.
    pub fn half_open() -> Self {
        Self {
            state: BreakerState::CircuitOpen,
            ..Self::default()
        }
    }

    /// A breaker that asks for a probe first: another replica says that the target has been
    /// unreachable since `since`.
    pub fn half_open_since(since: Timestamp) -> Self {
        Self {
            unreachable_since: Some(since),
            ..Self::half_open()
        }
    }

    pub const fn state(&self) -> BreakerState {
        self.state
    }

    /// When the pause ends or the next probe is due.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Since when the target is unreachable: held, or its circuit open.
    pub const fn unreachable_since(&self) -> Option<Timestamp> {
        match self.state {
            BreakerState::Held | BreakerState::CircuitOpen => self.unreachable_since,
            // A pause is an answer of the CRM, so the CRM is reachable.
            BreakerState::Up | BreakerState::Paused => None,
        }
    }

    /// Makes the probe of an unreachable target due: another replica has reached it.
    pub const fn probe_now(&mut self) {
        if matches!(self.state, BreakerState::Held | BreakerState::CircuitOpen) {
            self.until = Timestamp::from_millis(0);
        }
    }

    /// Corrects the state by the clock.
    pub fn on_clock(&mut self, now: Timestamp) {
        // A start in the future means that the clock was set back.
        self.unreachable_since = self.unreachable_since.map(|since| since.min(now));
        // The target counts as up after a pause, also when there is nothing to send. The streak
        // stays: the next pause is longer until a delivery succeeds.
        if self.state == BreakerState::Paused && !self.waits_at(now) {
            self.state = BreakerState::Up;
        }
    }

    /// Which deliveries may be sent at `now`.
    pub fn admission(&self, now: Timestamp) -> Admission {
        match self.state {
            BreakerState::Up => Admission::All,
            BreakerState::Paused if !self.waits_at(now) => Admission::All,
            BreakerState::Paused => Admission::Nothing { until: self.until },
            BreakerState::Held | BreakerState::CircuitOpen if !self.waits_at(now) => {
                Admission::Probe
            }
            BreakerState::Held => Admission::Nothing { until: self.until },
            BreakerState::CircuitOpen => Admission::RetriesOnly {
                probe_at: self.until,
            },
        }
    }

    /// The CRM answered as a CRM does.
    fn record_answer(&mut self) {
        self.failures = 0;
        // Any answer closes the circuit. Only a success ends a hold: the answer may be another
        // refusal of our login.
        if self.state != BreakerState::Held {
            self.state = BreakerState::Up;
            self.streak = 0;
            self.unreachable_since = None;
        }
    }

    /// A delivery succeeded. Returns whether the target was unreachable.
    pub fn record_success(&mut self, now: Timestamp) -> bool {
        let was_unreachable = matches!(self.state, BreakerState::CircuitOpen | BreakerState::Held);
        // The CRM has asked another call in flight to pause; that stays in force.
        if self.is_in(BreakerState::Paused, now) {
            self.failures = 0;
            return false;
        }
        *self = Self::default();
        was_unreachable
    }

    /// A delivery failed; `next` is its next step.
    pub fn record_failure(&mut self, failure: &Failure, next: Next, now: Timestamp) {
        match next {
            // Calls in flight together report the same pause or hold. It must not grow for each.
            Next::PauseTarget(None) if self.is_in(BreakerState::Paused, now) => {}
            Next::HoldTarget if self.is_in(BreakerState::Held, now) => {}
            Next::PauseTarget(pause) => {
                let pause = pause
                    .unwrap_or_else(|| self.backoff(BreakerState::Paused, FIRST_PAUSE, MAX_PAUSE));
                self.unreachable_since = None;
                self.enter(BreakerState::Paused, now, pause);
            }
            Next::HoldTarget => {
                let hold = self.backoff(BreakerState::Held, FIRST_HOLD, MAX_HOLD);
                self.mark_unreachable(now);
                self.enter(BreakerState::Held, now, hold);
            }
            Next::RetryAfter(_) | Next::GiveUp => {
                if failure.kind == FailureKind::NetworkFailure {
                    self.record_network_failure(next == Next::GiveUp, now);
                } else {
                    self.record_answer();
                }
            }
        }
    }

    /// A probe failed.
    pub fn record_failed_probe(&mut self, failure: &Failure, next: Next, now: Timestamp) {
        if matches!(next, Next::PauseTarget(_) | Next::HoldTarget) {
            self.record_failure(failure, next, now);
            return;
        }
        let wait = self.backoff(BreakerState::CircuitOpen, FIRST_PROBE_WAIT, MAX_PROBE_WAIT);
        self.mark_unreachable(now);
        self.enter(BreakerState::CircuitOpen, now, wait);
    }

    /// A probe succeeded: new deliveries are sent again.
    pub fn record_probe(&mut self) {
        // A held target keeps its streak: a probe proves less than a delivery, so the next hold is
        // longer until a delivery succeeds.
        if self.state == BreakerState::CircuitOpen {
            self.streak = 0;
            self.unreachable_since = None;
        }
        self.state = BreakerState::Up;
        self.failures = 0;
    }

    /// Whether `state` is in force and its wait is not over.
    fn is_in(&self, state: BreakerState, now: Timestamp) -> bool {
        self.state == state && self.waits_at(now)
    }

    fn waits_at(&self, now: Timestamp) -> bool {
        // After the clock was set back the wait lies in the future. It then lasts at most its own
        // length: otherwise a jump of an hour would stop the target for an hour.
        let length = self.until.since(self.since);
        now < self.until && now.plus(length) >= self.since
    }

    fn record_network_failure(&mut self, gave_up: bool, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        // A delivery that is given up has failed through all its retries: that is enough.
        let opens = gave_up || self.failures >= FAILURES_TO_OPEN;
        if opens && self.state != BreakerState::CircuitOpen {
            self.streak = 0;
            self.mark_unreachable(now);
            self.enter(BreakerState::CircuitOpen, now, FIRST_PROBE_WAIT);
        }
    }

    fn mark_unreachable(&mut self, now: Timestamp) {
        self.unreachable_since.get_or_insert(now);
    }

    fn enter(&mut self, state: BreakerState, now: Timestamp, wait: Duration) {
        let until = now.plus(wait);
        // The CRM may ask calls in flight for different pauses: the longest counts.
        if !(self.is_in(state, now) && self.until > until) {
            self.since = now;
            self.until = until;
        }
        self.state = state;
        self.streak = self.streak.saturating_add(1);
    }

    /// `first`, doubled for each time in a row, at most `max`.
    fn backoff(&self, state: BreakerState, first: Duration, max: Duration) -> Duration {
        let doublings = if self.state == state || self.state == BreakerState::Up {
            self.streak.min(16)
        } else {
            0
        };
        first.saturating_mul(1 << doublings).min(max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::Remedy;

    const RETRY: Next = Next::RetryAfter(Duration::from_secs(1));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn no_answer() -> Failure {
        Failure::new(FailureKind::NetworkFailure, Remedy::Retry, "no answer")
    }

    #[test]
    fn a_crm_that_does_not_answer_is_probed_and_fresh_deliveries_wait() {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..4 {
            breaker.record_failure(&no_answer(), RETRY, at(0));
        }
        assert_eq!(breaker.admission(at(0)), Admission::All);
        breaker.record_failure(&no_answer(), RETRY, at(0));
        assert_eq!(
            breaker.admission(at(0)),
            Admission::RetriesOnly { probe_at: at(1) }
        );
        assert_eq!(breaker.admission(at(1)), Admission::Probe);
        breaker.record_failed_probe(&no_answer(), RETRY, at(1));
        assert!(matches!(
            breaker.admission(at(1)),
            Admission::RetriesOnly { .. }
        ));
        breaker.record_probe();
        assert_eq!(breaker.admission(at(2)), Admission::All);
    }

    #[test]
    fn one_delivery_given_up_for_want_of_an_answer_opens_the_circuit() {
        let mut breaker = CircuitBreaker::default();
        breaker.record_failure(&no_answer(), Next::GiveUp, at(0));
        assert_eq!(breaker.state(), BreakerState::CircuitOpen);
    }

    #[test]
    fn a_pause_that_is_over_is_over_though_nothing_is_sent_and_the_next_one_is_longer() {
        let mut breaker = CircuitBreaker::default();
        let limited = Failure::new(
            FailureKind::RateLimited,
            Remedy::PauseTarget(None),
            "too fast",
        );
        breaker.record_failure(&limited, Next::PauseTarget(None), at(0));
        breaker.on_clock(at(1));
        assert_eq!(breaker.state(), BreakerState::Paused);
        breaker.on_clock(at(2));
        assert_eq!(breaker.state(), BreakerState::Up);
        breaker.record_failure(&limited, Next::PauseTarget(None), at(2));
        assert_eq!(breaker.until(), at(6));
    }

    #[test]
    fn it_is_away_from_the_first_moment_until_it_answers() {
        let mut breaker = CircuitBreaker::half_open();
        assert_eq!(breaker.unreachable_since(), None, "doubt is no knowledge");
        breaker.record_failed_probe(&no_answer(), RETRY, at(5));
        breaker.record_failed_probe(&no_answer(), RETRY, at(9));
        assert_eq!(breaker.unreachable_since(), Some(at(5)));
        breaker.on_clock(at(2));
        assert_eq!(
            breaker.unreachable_since(),
            Some(at(2)),
            "the clock was set back"
        );
        breaker.record_probe();
        assert_eq!(breaker.unreachable_since(), None);
        breaker.record_failure(&no_answer(), Next::GiveUp, at(20));
        assert_eq!(breaker.unreachable_since(), Some(at(20)));
    }

    #[test]
    fn a_held_target_that_lets_itself_be_probed_is_away_again_since_it_was_first_held() {
        let mut breaker = CircuitBreaker::default();
        let refused = Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, "no");
        breaker.record_failure(&refused, Next::HoldTarget, at(0));
        breaker.record_probe();
        assert_eq!(breaker.unreachable_since(), None, "it is worth a try");
        breaker.record_failure(&refused, Next::HoldTarget, at(6));
        assert_eq!(breaker.unreachable_since(), Some(at(0)));
        breaker.record_success(at(7));
        breaker.record_failure(&refused, Next::HoldTarget, at(8));
        assert_eq!(breaker.unreachable_since(), Some(at(8)));
    }

    #[test]
    fn a_pause_that_the_crm_asked_for_is_not_being_away() {
        let mut breaker = CircuitBreaker::default();
        let limited = Failure::new(FailureKind::RateLimited, Remedy::Retry, "slow down");
        breaker.record_failure(&limited, Next::PauseTarget(None), at(0));
        assert_eq!(breaker.unreachable_since(), None);
    }

    #[test]
    fn a_refusal_is_an_answer_and_closes_the_circuit() {
        let mut breaker = CircuitBreaker::default();
        breaker.record_failure(&no_answer(), Next::GiveUp, at(0));
        let refused = Failure::new(FailureKind::IntegrationFailure, Remedy::GiveUp, "no");
        breaker.record_failure(&refused, Next::GiveUp, at(1));
        assert_eq!(breaker.admission(at(1)), Admission::All);
    }

    #[test]
    fn g18_a_rate_limit_stops_the_whole_target_for_the_time_it_names() {
        let mut breaker = CircuitBreaker::default();
        let limited = Failure::new(FailureKind::RateLimited, Remedy::Retry, "slow down");
        let pause = Next::PauseTarget(Some(Duration::from_secs(30)));
        breaker.record_failure(&limited, pause, at(0));
        breaker.record_failure(
            &limited,
            Next::PauseTarget(Some(Duration::from_secs(3))),
            at(0),
        );
        breaker.record_success(at(1));
        assert_eq!(
            breaker.admission(at(29)),
            Admission::Nothing { until: at(30) }
        );
        assert_eq!(breaker.admission(at(30)), Admission::All);
    }

    #[test]
    fn a_wait_from_the_future_lasts_no_longer_than_it_would_have() {
        let limited = Failure::new(FailureKind::RateLimited, Remedy::Retry, "slow down");
        let refused = Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, "no");
        let pause = Next::PauseTarget(Some(Duration::from_secs(30)));
        let mut paused = CircuitBreaker::default();
        paused.record_failure(&limited, pause, at(7200));
        let mut held = CircuitBreaker::default();
        held.record_failure(&refused, Next::HoldTarget, at(7200));
        let mut open = CircuitBreaker::default();
        open.record_failure(&no_answer(), Next::GiveUp, at(7200));

        let small_step_back = paused.admission(at(7190));
        assert_eq!(small_step_back, Admission::Nothing { until: at(7230) });
        assert_eq!(paused.admission(at(3600)), Admission::All);
        assert_eq!(held.admission(at(3600)), Admission::Probe);
        assert_eq!(open.admission(at(3600)), Admission::Probe);

        paused.record_failure(&limited, pause, at(3600));
        assert_eq!(paused.until(), at(3630), "a new pause begins now");
    }

    #[test]
    fn g21_refused_credentials_hold_the_target_and_are_tried_ever_more_slowly() {
        let mut breaker = CircuitBreaker::default();
        let refused = Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, "no");
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            breaker.record_failure(&refused, Next::HoldTarget, now);
            assert_eq!(
                breaker.admission(now),
                Admission::Nothing {
                    until: breaker.until()
                }
            );
            waits.push(breaker.until().since(now).as_secs());
            now = breaker.until();
            assert_eq!(breaker.admission(now), Admission::Probe);
            breaker.record_probe();
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert!(
            !breaker.record_success(now),
            "the probe had opened it already"
        );
        breaker.record_failure(&refused, Next::HoldTarget, now);
        assert_eq!(breaker.until().since(now).as_secs(), 5);
    }
}
