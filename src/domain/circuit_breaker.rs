//! Whether a target takes deliveries: the circuit, pauses and holds, as one state machine.
//!
//! While a target waits, nothing is sent. When the wait is over, a cheap probe asks whether the CRM
//! answers again, unless its last answer was a pause. Then one delivery goes first, the canary: a
//! read can succeed where no write does. The wait is over when a write has succeeded. Until then the
//! target counts as one that accepts no tickets, since the wait began.

use std::time::Duration;

use super::failure::{Failure, FailureScope};
use super::retry::RetryDecision;
use super::time::Timestamp;

/// Network failures in a row that open the circuit.
const FAILURES_TO_OPEN: u32 = 5;
/// First wait between probes; each further wait is twice as long.
const FIRST_PROBE_WAIT: Duration = Duration::from_secs(1);
const MAX_PROBE_WAIT: Duration = Duration::from_secs(15);
/// First pause after a rate limit that names no time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// A pause that lasts or is announced for so long is no mere limit of the rate: the target counts as
/// one that accepts no tickets.
const LONG_PAUSE: Duration = Duration::from_secs(30);
/// First wait of a held target.
const FIRST_HOLD: Duration = Duration::from_secs(5);
const MAX_HOLD: Duration = Duration::from_secs(300);
/// Longest wait where the refusals of several tickets say that it is held.
const MAX_PATTERN_HOLD: Duration = Duration::from_secs(60);
/// So many deliveries go first then: some of the tickets may be accepted. After each further wait
/// twice as many, so that a good ticket is soon found behind many bad ones.
const CANARIES_OF_A_PATTERN: usize = 4;
const MAX_CANARIES: usize = 64;
/// After so many waits all have had their turn, and few are enough: each costs a call.
const WAITS_WITH_MANY_CANARIES: u32 = 12;
/// First wait after a refused password. Five failures lock a user in many organisations.
const FIRST_LOGIN_HOLD: Duration = Duration::from_secs(120);
const MAX_LOGIN_HOLD: Duration = Duration::from_secs(900);

/// Which deliveries may be sent to a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Everything that is due.
    All,
    /// One delivery; the others wait for its result.
    Canary,
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

    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Up, Self::Paused, Self::Held, Self::CircuitOpen];
        all.into_iter().find(|state| state.as_str() == name)
    }
}

/// Whether one target takes deliveries. The circuit is one of three reasons why it does not; the
/// others are a pause that the CRM asked for, and a hold until a person has acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitBreaker {
    state: BreakerState,
    /// When the wait began.
    since: Timestamp,
    /// When the pause ends, or the next probe is due.
    until: Timestamp,
    /// How often in a row the current state was entered or confirmed. The wait doubles with it.
    streak: u32,
    /// Network failures since the last answer.
    failures: u32,
    /// When a write was first refused for the target's sake since the last one that succeeded, and when
    /// last.
    refused: Option<(Timestamp, Timestamp)>,
    /// A wait is over, and no write has succeeded since.
    is_half_open: bool,
    /// The kind of the last wait, until a write succeeds: also while it is half open.
    waited: Option<BreakerState>,
    /// Since when it has been held, paused or its circuit open. Only a successful delivery resets
    /// it: a read can succeed where every write is refused.
    unreachable_since: Option<Timestamp>,
    /// A wait is over, and there is nothing to send that could prove it: it counts as one that takes
    /// the next ticket, until that is refused.
    is_idle: bool,
    /// Its pause lasts for long, or there were several with no success between them.
    is_long_pause: bool,
    /// The last wait began because several tickets were refused.
    is_pattern: bool,
    /// How many deliveries may be refused like this before the next wait begins.
    canaries_left: usize,
    /// A read has succeeded since the wait began.
    answers_reads: bool,
    /// Something in front of the CRM asked for the pause: a read tells whether the CRM can be reached.
    wants_read: bool,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            state: BreakerState::Up,
            since: Timestamp::default(),
            until: Timestamp::default(),
            streak: 0,
            failures: 0,
            refused: None,
            is_half_open: false,
            waited: None,
            unreachable_since: None,
            is_idle: false,
            is_long_pause: false,
            is_pattern: false,
            canaries_left: 1,
            answers_reads: false,
            wants_read: false,
        }
    }
}

impl CircuitBreaker {
    /// A breaker that asks for a probe first, without knowing whether the target is unreachable.
    pub fn half_open() -> Self {
        Self {
            state: BreakerState::CircuitOpen,
            waited: Some(BreakerState::CircuitOpen),
            ..Self::default()
        }
    }

    /// A breaker that asks for a probe first: another replica says that the target has been
    /// unreachable since `since`.
    pub fn half_open_since(since: Timestamp, now: Timestamp) -> Self {
        Self {
            since: now,
            until: now,
            unreachable_since: Some(since),
            ..Self::half_open()
        }
    }

    /// A breaker that sends one delivery first: another replica says that the target has accepted
    /// none since `since`, and asks to wait.
    pub fn paused_since(since: Timestamp, now: Timestamp) -> Self {
        Self {
            is_half_open: true,
            waited: Some(BreakerState::Paused),
            until: now,
            unreachable_since: Some(since),
            is_long_pause: true,
            ..Self::default()
        }
    }

    /// Whether it takes deliveries, for people: a wait lasts until a write has succeeded.
    pub const fn state(&self) -> BreakerState {
        match self.unreachable() {
            Some((state, _)) => state,
            None => self.state,
        }
    }

    /// What it does at the moment: `Up` too while one delivery goes first after a wait.
    pub const fn phase(&self) -> BreakerState {
        self.state
    }

    /// Since when it has not been `Up`.
    pub const fn since(&self) -> Option<Timestamp> {
        match self.state() {
            BreakerState::Up => None,
            _ => self.unreachable_since,
        }
    }

    /// The wait that no write has ended yet, and that something could end now.
    pub const fn waited(&self) -> Option<BreakerState> {
        match self.is_idle {
            true => None,
            false => self.waited,
        }
    }

    /// Whether a wait is over, and there is nothing to send that could prove it.
    pub const fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// How many deliveries go first when a wait is over.
    pub const fn canaries(&self) -> usize {
        self.canaries_left
    }

    /// When the pause ends or the next probe is due.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Why and since when the target accepts no tickets: held, its circuit open, or paused for long.
    /// That lasts until a write succeeds.
    pub const fn unreachable(&self) -> Option<(BreakerState, Timestamp)> {
        use BreakerState::{CircuitOpen, Held, Paused, Up};
        let state = match (self.state, self.waited) {
            _ if self.is_idle => return None,
            (state @ (Held | CircuitOpen), _) | (Up, Some(state @ (Held | CircuitOpen))) => state,
            (Up | Paused, _) if self.is_long_pause => Paused,
            // A short pause only limits the rate.
            (Up | Paused, _) => return None,
        };
        match self.unreachable_since {
            Some(since) => Some((state, since)),
            None => None,
        }
    }

    /// Another replica says that the target, which is paused here too, has accepted none since
    /// `since`.
    pub fn merge_remote_pause(&mut self, since: Timestamp) {
        let own = self.unreachable_since.unwrap_or(since);
        self.unreachable_since = Some(own.min(since));
        self.is_long_pause = true;
    }

    /// A wait is over, and there is nothing to send that could prove it: the target takes the next
    /// ticket. If that is refused too, it has accepted none since the wait began.
    pub const fn note_idle(&mut self) {
        if matches!(self.state, BreakerState::Up) {
            self.is_idle = self.waited.is_some();
            self.is_long_pause = false;
        }
    }

    /// Every delivery that waits was tried since the last wait, and refused like the others: the next
    /// wait begins.
    pub fn end_round(&mut self, now: Timestamp) {
        let has_begun = self.canaries_left < self.canaries_after_wait();
        if !(self.is_pattern && self.is_half_open && has_begun) {
            return;
        }
        let (state, bounds) = match (self.state, self.waited) {
            (BreakerState::Up, Some(state @ BreakerState::Held)) => {
                (state, (FIRST_HOLD, MAX_PATTERN_HOLD))
            }
            (BreakerState::Up, Some(state @ BreakerState::Paused)) => {
                (state, (FIRST_PAUSE, MAX_PAUSE))
            }
            _ => return,
        };
        let wait = self.backoff(state, bounds, now);
        self.enter(state, now, wait);
    }

    /// Makes the probe of an unreachable target due: another replica has reached it.
    pub const fn probe_now(&mut self, now: Timestamp) {
        if matches!(self.state, BreakerState::Held | BreakerState::CircuitOpen) {
            self.until = now;
        }
    }

    /// A person has seen that the target works: its wait ends now. While no write succeeds, the next waits
    /// are as long as without that.
    pub const fn try_now(&mut self, now: Timestamp) {
        match self.state {
            BreakerState::Up => return,
            BreakerState::Paused => {}
            // The person has seen that the login is accepted.
            BreakerState::Held | BreakerState::CircuitOpen => {
                self.state = BreakerState::CircuitOpen;
            }
        }
        self.until = now;
    }

    /// Corrects the state by the clock.
    pub fn advance_clock(&mut self, now: Timestamp) {
        // A start in the future means that the clock was set back.
        self.unreachable_since = self.unreachable_since.map(|since| since.min(now));
        // The target counts as up after a pause, also when there is nothing to send. The streak
        // stays: the next pause is longer until a delivery succeeds.
        if self.state == BreakerState::Paused {
            let end = now.max(self.until);
            let lasts = self.unreachable_since.map(|since| end.since(since));
            self.is_long_pause |= lasts.is_some_and(|lasts| lasts >= LONG_PAUSE);
        }
        if self.state == BreakerState::Paused && !self.waits_at(now) {
            self.state = BreakerState::Up;
            self.is_half_open = true;
        }
    }

    /// Which deliveries may be sent at `now`.
    pub fn admission(&self, now: Timestamp) -> Admission {
        match self.state {
            BreakerState::Up if self.is_half_open && self.wants_read => Admission::Probe,
            BreakerState::Up if self.is_half_open => Admission::Canary,
            BreakerState::Up => Admission::All,
            _ if self.waits_at(now) => Admission::Nothing { until: self.until },
            BreakerState::Paused if self.wants_read => Admission::Probe,
            // A pause is an answer of the CRM, so only a write tells more.
            BreakerState::Paused => Admission::Canary,
            BreakerState::Held | BreakerState::CircuitOpen => Admission::Probe,
        }
    }

    /// The CRM answered as a CRM does, but did not accept a write.
    fn record_answer(&mut self) {
        self.failures = 0;
        // The network is well. An answer does not end a hold: it may be another refusal of our
        // login.
        if self.state == BreakerState::CircuitOpen {
            self.state = BreakerState::Up;
            self.is_half_open = true;
        }
    }

    /// A write succeeded. Returns the wait that it ends.
    pub fn record_success(&mut self, now: Timestamp) -> Option<BreakerState> {
        let ended = self.waited;
        // The CRM has asked another call in flight to pause; that stays in force.
        if self.is_in(BreakerState::Paused, now) {
            self.failures = 0;
            self.refused = None;
            self.unreachable_since = Some(now);
            self.is_long_pause = false;
            return None;
        }
        *self = Self::default();
        ended
    }

    /// A delivery failed; `next` is its next step.
    pub fn record_failure(&mut self, failure: &Failure, next: RetryDecision, now: Timestamp) {
        self.note_refusal(failure, next, now);
        if matches!(
            next,
            RetryDecision::PauseTarget(_) | RetryDecision::HoldTarget
        ) {
            let goes_on = failure.is_pattern && self.is_pattern && self.is_half_open;
            if goes_on && self.canaries_left > 1 && self.state == BreakerState::Up {
                self.canaries_left -= 1;
                return;
            }
            self.is_pattern = failure.is_pattern;
        }
        match next {
            // Calls in flight together report the same pause or hold. It must not grow for each; but of
            // the times that the CRM names the longest counts.
            RetryDecision::PauseTarget(None) if self.is_in(BreakerState::Paused, now) => {}
            RetryDecision::HoldTarget if self.is_in(BreakerState::Held, now) => {}
            RetryDecision::PauseTarget(pause) => {
                let backoff = self.backoff(BreakerState::Paused, (FIRST_PAUSE, MAX_PAUSE), now);
                let pause = pause.unwrap_or(backoff);
                self.mark_unreachable(now);
                self.enter(BreakerState::Paused, now, pause);
                self.wants_read = failure.class.scope == FailureScope::Network;
            }
            RetryDecision::HoldTarget => {
                let bounds = match (failure.may_lock_user, failure.is_pattern) {
                    (true, _) => (FIRST_LOGIN_HOLD, MAX_LOGIN_HOLD),
                    // It may be about many tickets and not about all.
                    (false, true) => (FIRST_HOLD, MAX_PATTERN_HOLD),
                    (false, false) => (FIRST_HOLD, MAX_HOLD),
                };
                let mut hold = self.backoff(BreakerState::Held, bounds, now);
                if failure.may_lock_user {
                    // Other replicas may have been refused before this one.
                    let held = self
                        .unreachable_since
                        .map_or(hold, |since| now.since(since));
                    hold = hold.max(held).min(MAX_LOGIN_HOLD);
                }
                self.mark_unreachable(now);
                self.enter(BreakerState::Held, now, hold);
            }
            RetryDecision::RetryAfter(_) | RetryDecision::Park | RetryDecision::GiveUp => {
                if failure.class.scope == FailureScope::Network {
                    self.record_network_failure(next == RetryDecision::Park, now);
                } else {
                    self.record_answer();
                }
            }
        }
    }

    /// A probe failed.
    pub fn record_failed_probe(&mut self, failure: &Failure, next: RetryDecision, now: Timestamp) {
        self.answers_reads = false;
        if matches!(
            next,
            RetryDecision::PauseTarget(_) | RetryDecision::HoldTarget
        ) {
            self.record_failure(failure, next, now);
            return;
        }
        self.open(now);
    }

    /// A probe succeeded: the canary is sent.
    pub fn record_probe(&mut self) {
        // The streak stays: a read proves less than a write, so the next wait is longer until a
        // write succeeds.
        self.state = BreakerState::Up;
        self.is_half_open = true;
        self.wants_read = false;
        self.failures = 0;
        self.answers_reads = true;
    }

    /// Whether it answers reads while it accepts no writes, as its last probe says.
    pub const fn answers_reads(&self) -> bool {
        self.answers_reads
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

    /// Notes when the target was first refused, from which its wait counts if one follows.
    fn note_refusal(&mut self, failure: &Failure, next: RetryDecision, now: Timestamp) {
        let waits = matches!(
            next,
            RetryDecision::PauseTarget(_) | RetryDecision::HoldTarget
        );
        if !waits && failure.class.scope != FailureScope::Network {
            return;
        }
        // Long after the last refusal it says nothing any more.
        let before = self
            .refused
            .filter(|(_, last)| now.since(*last) < MAX_LOGIN_HOLD)
            .map(|(first, _)| first);
        let first = before.unwrap_or(now).min(now);
        let of_pattern = Duration::from_secs(failure.pattern_seconds.into());
        let first = first.min(now.minus(of_pattern));
        self.refused = Some((first, now));
    }

    fn record_network_failure(&mut self, used_up: bool, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        // A delivery that is parked has failed through all its retries, and a canary stands for all
        // others: one of them is enough.
        let opens = used_up || self.is_half_open || self.failures >= FAILURES_TO_OPEN;
        if opens && self.state != BreakerState::CircuitOpen {
            self.open(now);
        }
    }

    fn open(&mut self, now: Timestamp) {
        let bounds = (FIRST_PROBE_WAIT, MAX_PROBE_WAIT);
        self.is_pattern = false;
        let wait = self.backoff(BreakerState::CircuitOpen, bounds, now);
        self.mark_unreachable(now);
        self.enter(BreakerState::CircuitOpen, now, wait);
    }

    fn mark_unreachable(&mut self, now: Timestamp) {
        // Long after the end of a wait its trouble says nothing any more.
        if self.state == BreakerState::Up && now.since(self.until) >= MAX_LOGIN_HOLD {
            self.unreachable_since = None;
            self.is_long_pause = false;
        }
        let first = self.refused.map_or(now, |(first, _)| first);
        self.unreachable_since.get_or_insert(first);
    }

    fn enter(&mut self, state: BreakerState, now: Timestamp, wait: Duration) {
        self.streak = match self.is_repeated(state, now) {
            // A call in flight reports the wait that is in force.
            true if self.is_in(state, now) => self.streak,
            true => self.streak.saturating_add(1),
            false => 1,
        };
        // It has accepted no tickets for longer than this pause.
        let lasts_on = self.unreachable().is_some();
        self.is_long_pause |= lasts_on && state == BreakerState::Paused;
        self.is_idle = false;
        self.wants_read = false;
        let until = now.plus(wait);
        // The CRM may ask calls in flight for different pauses: the longest counts.
        if !(self.is_in(state, now) && self.until > until) {
            self.since = now;
            self.until = until;
        }
        self.state = state;
        self.waited = Some(state);
        self.canaries_left = self.canaries_after_wait();
    }

    /// How many deliveries go first after the present wait.
    fn canaries_after_wait(&self) -> usize {
        if !self.is_pattern {
            return 1;
        }
        if self.streak > WAITS_WITH_MANY_CANARIES {
            return CANARIES_OF_A_PATTERN;
        }
        let doublings = self.streak.saturating_sub(1).min(8);
        MAX_CANARIES.min(CANARIES_OF_A_PATTERN << doublings)
    }

    /// `first`, doubled for each time in a row, at most `max`.
    fn backoff(
        &self,
        state: BreakerState,
        (first, max): (Duration, Duration),
        now: Timestamp,
    ) -> Duration {
        let doublings = match self.is_repeated(state, now) {
            true => self.streak.min(16),
            false => 0,
        };
        first.saturating_mul(1 << doublings).min(max)
    }

    /// Whether a wait that begins now as `state` continues the one before it. A target that has
    /// been half open for long had nothing to send; the earlier trouble says nothing any more.
    fn is_repeated(&self, state: BreakerState, now: Timestamp) -> bool {
        let recently = now.since(self.until) < MAX_LOGIN_HOLD;
        self.state == state || (self.is_half_open && recently)
    }
}

#[cfg(test)]
#[path = "circuit_breaker_tests.rs"]
mod tests;
