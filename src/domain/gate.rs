//! Whether a target takes deliveries: pauses, holds and the circuit, as one small machine.
//!
//! Pure. While the circuit is open, deliveries that are being retried go on to the end of
//! their retries and fresh ones wait; then a cheap probe asks from time to time whether the
//! CRM answers again.

use std::time::Duration;

use super::failure::{Failure, FailureKind};
use super::retry::Next;
use super::time::Timestamp;

/// Network failures in a row that open the circuit.
const FAILURES_TO_OPEN: u32 = 5;
/// First wait between probes; each further one is twice as long.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// Longest wait between probes of an open circuit.
const LONGEST_PROBE: Duration = Duration::from_secs(15);
/// First pause after a rate limit that names no time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Longest pause after a rate limit that names no time.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// First wait of a held target.
const FIRST_HOLD: Duration = Duration::from_secs(5);
/// Longest wait of a held target.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// What a target may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Everything that is due.
    All,
    /// Only what is being retried, until the next probe.
    RetriesOnly {
        /// When the next probe is due.
        probe_at: Timestamp,
    },
    /// A probe, and nothing else before it has succeeded.
    Probe,
    /// Nothing.
    Nothing {
        /// Until when.
        until: Timestamp,
    },
}

/// Why a target takes no fresh deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// It does take them.
    Up,
    /// The CRM asked us to wait.
    Paused,
    /// Credentials or configuration need a person.
    Held,
    /// It does not answer.
    CircuitOpen,
}

impl GateState {
    /// A stable name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::CircuitOpen => "circuit_open",
        }
    }
}

/// One target's gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    state: GateState,
    /// When the wait began.
    since: Timestamp,
    /// When the pause ends, or the next probe is due.
    until: Timestamp,
    /// How often in a row the current state was entered or confirmed.
    streak: u32,
    /// Network failures since the last answer.
    failures: u32,
    /// Since when it has been held or its circuit open, as far as that was shown. It outlasts
    /// a probe that lets a held target be tried again, until a delivery succeeds.
    away_since: Option<Timestamp>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            state: GateState::Up,
            since: Timestamp::default(),
            until: Timestamp::default(),
            streak: 0,
            failures: 0,
            away_since: None,
        }
    }
}

impl Gate {
    /// A gate that asks for a probe first: there are dead letters from before a restart.
    pub fn doubtful() -> Self {
        Self {
            state: GateState::CircuitOpen,
            ..Self::default()
        }
    }

    /// A gate that asks for a probe first: the target is said to have been away since `since`.
    pub fn said_to_be_away(since: Timestamp) -> Self {
        Self {
            away_since: Some(since),
            ..Self::doubtful()
        }
    }

    /// Why it takes no fresh deliveries, if so.
    pub const fn state(&self) -> GateState {
        self.state
    }

    /// When the pause ends or the next probe is due.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Since when the target cannot be reached: held, or its circuit open. A pause that the CRM
    /// asked for is an answer, and doubt is no knowledge.
    pub const fn away_since(&self) -> Option<Timestamp> {
        match self.state {
            GateState::Held | GateState::CircuitOpen => self.away_since,
            GateState::Up | GateState::Paused => None,
        }
    }

    /// Asks for a probe at once, if the target is away: somebody else has reached it.
    pub const fn hurry(&mut self) {
        if matches!(self.state, GateState::Held | GateState::CircuitOpen) {
            self.until = Timestamp::from_millis(0);
        }
    }

    /// Takes in what the clock says: what began in its future began now, as it was set back;
    /// and a pause that is over is over, though nothing be sent. The next one is longer all
    /// the same, until a delivery succeeds.
    pub fn see_clock(&mut self, now: Timestamp) {
        self.away_since = self.away_since.map(|since| since.min(now));
        if self.state == GateState::Paused && !self.waits_at(now) {
            self.state = GateState::Up;
        }
    }

    /// What may be sent at `now`.
    pub fn admission(&self, now: Timestamp) -> Admission {
        match self.state {
            GateState::Up => Admission::All,
            GateState::Paused if !self.waits_at(now) => Admission::All,
            GateState::Paused => Admission::Nothing { until: self.until },
            GateState::Held | GateState::CircuitOpen if !self.waits_at(now) => Admission::Probe,
            GateState::Held => Admission::Nothing { until: self.until },
            GateState::CircuitOpen => Admission::RetriesOnly {
                probe_at: self.until,
            },
        }
    }

    /// The CRM did what it was asked, or at least answered as a CRM does. Returns whether it
    /// had been away.
    pub fn note_answer(&mut self) -> bool {
        let was_away = self.state == GateState::CircuitOpen;
        self.failures = 0;
        if self.state != GateState::Held {
            self.state = GateState::Up;
            self.streak = 0;
            self.away_since = None;
        }
        was_away
    }

    /// A delivery succeeded. Returns whether the target had been away or held. A pause that
    /// another call was just told of stays in force.
    pub fn note_success(&mut self, now: Timestamp) -> bool {
        let was_away = matches!(self.state, GateState::CircuitOpen | GateState::Held);
        if self.is_in(GateState::Paused, now) {
            self.failures = 0;
            return false;
        }
        *self = Self::default();
        was_away
    }

    /// A delivery failed, and `next` was decided for it.
    pub fn note_failure(&mut self, failure: &Failure, next: Next, now: Timestamp) {
        match next {
            Next::PauseTarget(None) if self.is_in(GateState::Paused, now) => {}
            Next::HoldTarget if self.is_in(GateState::Held, now) => {}
            Next::PauseTarget(pause) => {
                let pause = pause
                    .unwrap_or_else(|| self.grown(GateState::Paused, FIRST_PAUSE, LONGEST_PAUSE));
                self.away_since = None;
                self.enter(GateState::Paused, now, pause);
            }
            Next::HoldTarget => {
                let hold = self.grown(GateState::Held, FIRST_HOLD, LONGEST_HOLD);
                self.note_away(now);
                self.enter(GateState::Held, now, hold);
            }
            Next::RetryAfter(_) | Next::GiveUp => {
                if failure.kind == FailureKind::NetworkFailure {
                    self.note_network_failure(next == Next::GiveUp, now);
                } else {
                    self.note_answer();
                }
            }
        }
    }

    /// A probe failed.
    pub fn note_failed_probe(&mut self, failure: &Failure, next: Next, now: Timestamp) {
        if matches!(next, Next::PauseTarget(_) | Next::HoldTarget) {
            self.note_failure(failure, next, now);
            return;
        }
        let wait = self.grown(GateState::CircuitOpen, FIRST_PROBE, LONGEST_PROBE);
        self.note_away(now);
        self.enter(GateState::CircuitOpen, now, wait);
    }

    /// A probe succeeded: fresh deliveries flow again. A held target stays suspicious: its
    /// next hold is longer, until a delivery succeeds.
    pub fn note_probe(&mut self) {
        if self.state == GateState::CircuitOpen {
            self.streak = 0;
            self.away_since = None;
        }
        self.state = GateState::Up;
        self.failures = 0;
    }

    /// Whether `state` is in force: calls that were under way together report the same thing,
    /// which is one occasion, not several.
    fn is_in(&self, state: GateState, now: Timestamp) -> bool {
        self.state == state && self.waits_at(now)
    }

    /// Whether the wait is not over at `now`. One from the future (the clock was set back) lasts
    /// no longer than it would have: otherwise an hour's jump would stop the target for an hour.
    fn waits_at(&self, now: Timestamp) -> bool {
        let length = self.until.since(self.since);
        now < self.until && now.plus(length) >= self.since
    }

    fn note_network_failure(&mut self, gave_up: bool, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        let opens = gave_up || self.failures >= FAILURES_TO_OPEN;
        if opens && self.state != GateState::CircuitOpen {
            self.streak = 0;
            self.note_away(now);
            self.enter(GateState::CircuitOpen, now, FIRST_PROBE);
        }
    }

    fn note_away(&mut self, now: Timestamp) {
        self.away_since.get_or_insert(now);
    }

    fn enter(&mut self, state: GateState, now: Timestamp, wait: Duration) {
        let until = now.plus(wait);
        // Of several pauses that calls under way together are told, the longest counts.
        if !(self.is_in(state, now) && self.until > until) {
            self.since = now;
            self.until = until;
        }
        self.state = state;
        self.streak = self.streak.saturating_add(1);
    }

    /// `first`, doubled for each time in a row, up to `longest`.
    fn grown(&self, state: GateState, first: Duration, longest: Duration) -> Duration {
        let doublings = if self.state == state || self.state == GateState::Up {
            self.streak.min(16)
        } else {
            0
        };
        first.saturating_mul(1 << doublings).min(longest)
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
        let mut gate = Gate::default();
        for _ in 0..4 {
            gate.note_failure(&no_answer(), RETRY, at(0));
        }
        assert_eq!(gate.admission(at(0)), Admission::All);
        gate.note_failure(&no_answer(), RETRY, at(0));
        assert_eq!(
            gate.admission(at(0)),
            Admission::RetriesOnly { probe_at: at(1) }
        );
        assert_eq!(gate.admission(at(1)), Admission::Probe);
        gate.note_failed_probe(&no_answer(), RETRY, at(1));
        assert!(matches!(
            gate.admission(at(1)),
            Admission::RetriesOnly { .. }
        ));
        gate.note_probe();
        assert_eq!(gate.admission(at(2)), Admission::All);
    }

    #[test]
    fn one_delivery_given_up_for_want_of_an_answer_opens_the_circuit() {
        let mut gate = Gate::default();
        gate.note_failure(&no_answer(), Next::GiveUp, at(0));
        assert_eq!(gate.state(), GateState::CircuitOpen);
    }

    #[test]
    fn a_pause_that_is_over_is_over_though_nothing_is_sent_and_the_next_one_is_longer() {
        let mut gate = Gate::default();
        let limited = Failure::new(
            FailureKind::RateLimited,
            Remedy::PauseTarget(None),
            "too fast",
        );
        gate.note_failure(&limited, Next::PauseTarget(None), at(0));
        gate.see_clock(at(1));
        assert_eq!(gate.state(), GateState::Paused);
        gate.see_clock(at(2));
        assert_eq!(gate.state(), GateState::Up);
        gate.note_failure(&limited, Next::PauseTarget(None), at(2));
        assert_eq!(gate.until(), at(6));
    }

    #[test]
    fn it_is_away_from_the_first_moment_until_it_answers() {
        let mut gate = Gate::doubtful();
        assert_eq!(gate.away_since(), None, "doubt is no knowledge");
        gate.note_failed_probe(&no_answer(), RETRY, at(5));
        gate.note_failed_probe(&no_answer(), RETRY, at(9));
        assert_eq!(gate.away_since(), Some(at(5)));
        gate.see_clock(at(2));
        assert_eq!(gate.away_since(), Some(at(2)), "the clock was set back");
        gate.note_probe();
        assert_eq!(gate.away_since(), None);
        gate.note_failure(&no_answer(), Next::GiveUp, at(20));
        assert_eq!(gate.away_since(), Some(at(20)));
    }

    #[test]
    fn a_held_target_that_lets_itself_be_probed_is_away_again_since_it_was_first_held() {
        let mut gate = Gate::default();
        let refused = Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, "no");
        gate.note_failure(&refused, Next::HoldTarget, at(0));
        gate.note_probe();
        assert_eq!(gate.away_since(), None, "it is worth a try");
        gate.note_failure(&refused, Next::HoldTarget, at(6));
        assert_eq!(gate.away_since(), Some(at(0)));
        gate.note_success(at(7));
        gate.note_failure(&refused, Next::HoldTarget, at(8));
        assert_eq!(gate.away_since(), Some(at(8)));
    }

    #[test]
    fn a_pause_that_the_crm_asked_for_is_not_being_away() {
        let mut gate = Gate::default();
        let limited = Failure::new(FailureKind::RateLimited, Remedy::Retry, "slow down");
        gate.note_failure(&limited, Next::PauseTarget(None), at(0));
        assert_eq!(gate.away_since(), None);
    }

    #[test]
    fn a_refusal_is_an_answer_and_closes_the_circuit() {
        let mut gate = Gate::default();
        gate.note_failure(&no_answer(), Next::GiveUp, at(0));
        let refused = Failure::new(FailureKind::IntegrationFailure, Remedy::GiveUp, "no");
        gate.note_failure(&refused, Next::GiveUp, at(1));
        assert_eq!(gate.admission(at(1)), Admission::All);
    }

    #[test]
    fn g18_a_rate_limit_stops_the_whole_target_for_the_time_it_names() {
        let mut gate = Gate::default();
        let limited = Failure::new(FailureKind::RateLimited, Remedy::Retry, "slow down");
        let pause = Next::PauseTarget(Some(Duration::from_secs(30)));
        gate.note_failure(&limited, pause, at(0));
        gate.note_failure(
            &limited,
            Next::PauseTarget(Some(Duration::from_secs(3))),
            at(0),
        );
        gate.note_success(at(1));
        assert_eq!(gate.admission(at(29)), Admission::Nothing { until: at(30) });
        assert_eq!(gate.admission(at(30)), Admission::All);
    }

    #[test]
    fn a_wait_from_the_future_lasts_no_longer_than_it_would_have() {
        let limited = Failure::new(FailureKind::RateLimited, Remedy::Retry, "slow down");
        let refused = Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, "no");
        let pause = Next::PauseTarget(Some(Duration::from_secs(30)));
        let mut paused = Gate::default();
        paused.note_failure(&limited, pause, at(7200));
        let mut held = Gate::default();
        held.note_failure(&refused, Next::HoldTarget, at(7200));
        let mut open = Gate::default();
        open.note_failure(&no_answer(), Next::GiveUp, at(7200));

        let small_step_back = paused.admission(at(7190));
        assert_eq!(small_step_back, Admission::Nothing { until: at(7230) });
        assert_eq!(paused.admission(at(3600)), Admission::All);
        assert_eq!(held.admission(at(3600)), Admission::Probe);
        assert_eq!(open.admission(at(3600)), Admission::Probe);

        paused.note_failure(&limited, pause, at(3600));
        assert_eq!(paused.until(), at(3630), "a new pause begins now");
    }

    #[test]
    fn g21_refused_credentials_hold_the_target_and_are_tried_ever_more_slowly() {
        let mut gate = Gate::default();
        let refused = Failure::new(FailureKind::AuthFailure, Remedy::HoldTarget, "no");
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            gate.note_failure(&refused, Next::HoldTarget, now);
            assert_eq!(
                gate.admission(now),
                Admission::Nothing {
                    until: gate.until()
                }
            );
            waits.push(gate.until().since(now).as_secs());
            now = gate.until();
            assert_eq!(gate.admission(now), Admission::Probe);
            gate.note_probe();
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert!(!gate.note_success(now), "the probe had opened it already");
        gate.note_failure(&refused, Next::HoldTarget, now);
        assert_eq!(gate.until().since(now).as_secs(), 5);
    }
}
