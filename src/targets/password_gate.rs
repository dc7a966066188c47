//! Keeps several calls from sending a password that may be wrong: many organisations lock a user
//! after five refused ones.
//!
//! Until a call has proved the password right, calls go one by one. After a refusal none goes for a
//! while; all of them end with the refusal. That is shorter than the first wait of a target whose
//! password was refused, so the next probe sends it again. When a call ends without an answer of the
//! CRM, those that waited for it end with its failure: one after the other, they would wait for
//! minutes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::time::Timestamp;

/// How long a refusal stands for further calls.
const STANDS_FOR: Duration = Duration::from_secs(60);

/// Clones share it.
#[derive(Debug, Clone)]
pub(super) struct PasswordGate {
    clock: Clock,
    state: Arc<Mutex<State>>,
    /// Locked while a password that is not proved is sent.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    proof: Proof,
    /// Calls that ended without an answer of the CRM, and the failure of the last one.
    unanswered: u64,
    last: Option<Failure>,
}

#[derive(Debug, Default)]
enum Proof {
    #[default]
    None,
    Accepted,
    Refused(Failure, Timestamp),
}

/// Permission to send the password, until it is dropped.
pub(super) struct Turn {
    /// `None` where many may send it at once.
    _alone: Option<OwnedMutexGuard<()>>,
}

impl PasswordGate {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Waits for permission to send the password.
    ///
    /// # Errors
    ///
    /// The refusal of another call, or the failure of the one that this call has waited for.
    pub(super) async fn enter(&self) -> Result<Turn, Failure> {
        if self.is_proved()? {
            return Ok(Turn { _alone: None });
        }
        let seen = self.state().unanswered;
        let alone = Arc::clone(&self.turn).lock_owned().await;
        if self.is_proved()? {
            return Ok(Turn { _alone: None });
        }
        let state = self.state();
        match &state.last {
            Some(failure) if state.unanswered != seen => Err(failure.clone()),
            _ => Ok(Turn {
                _alone: Some(alone),
            }),
        }
    }

    /// For a caller that sends one at a time itself.
    ///
    /// # Errors
    ///
    /// The refusal of another call.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.is_proved().map(drop)
    }

    /// What a call that sent the password came to: `None` after a success.
    pub(super) fn record(&self, failure: Option<&Failure>) {
        let now = self.clock.now();
        let mut state = self.state();
        match failure {
            Some(failure) if failure.may_lock_user => {
                state.proof = Proof::Refused(failure.clone(), now);
            }
            // It may have ended before the password was looked at.
            Some(failure) if is_unanswered(failure) => {
                state.unanswered += 1;
                state.last = Some(failure.clone());
            }
            _ => state.proof = Proof::Accepted,
        }
    }

    fn is_proved(&self) -> Result<bool, Failure> {
        match &self.state().proof {
            Proof::None => Ok(false),
            Proof::Accepted => Ok(true),
            Proof::Refused(failure, at) => match stands(*at, self.clock.now()) {
                true => Err(failure.clone()),
                false => Ok(false),
            },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain data: half a change costs one call more or less.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_unanswered(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::NetworkFailure | FailureKind::RateLimited
    )
}

/// Whether a refusal at `at` still stands `now`. A time in the future means that the clock was set
/// back.
fn stands(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < STANDS_FOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::{FailureKind, FailureScope, ResolvedBy, class};

    fn refusal() -> Failure {
        let class = class(FailureScope::User, ResolvedBy::PersonInCrm);
        let mut refusal = Failure::new(FailureKind::AuthFailure, class, "wrong password");
        refusal.may_lock_user = true;
        refusal
    }

    /// What the call that waits for a first one comes to, when that ends with `failure`.
    async fn waiting_for(failure: &Failure, gate: &PasswordGate) -> Result<(), Failure> {
        let first = gate.enter().await.unwrap();
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await.map(drop) }
        });
        tokio::task::yield_now().await;
        gate.record(Some(failure));
        drop(first);
        waiting.await.unwrap()
    }

    #[tokio::test]
    async fn a_refusal_ends_the_calls_that_wait_and_those_that_come_for_a_minute() {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let gate = PasswordGate::new(clock.clone());
        assert_eq!(waiting_for(&refusal(), &gate).await, Err(refusal()));
        clock.advance(STANDS_FOR - Duration::from_millis(1));
        assert!(gate.enter().await.is_err());
        clock.advance(Duration::from_millis(1));
        assert!(gate.enter().await.is_ok());
    }

    #[tokio::test]
    async fn without_an_answer_those_that_waited_end_and_the_next_one_tries() {
        let gate = PasswordGate::new(Clock::System);
        let class = class(FailureScope::Network, ResolvedBy::Time);
        let no_answer = Failure::new(FailureKind::NetworkFailure, class, "no answer");
        let waited = waiting_for(&no_answer, &gate).await;
        assert_eq!(waited, Err(no_answer));
        assert!(gate.enter().await.is_ok());
    }

    #[tokio::test]
    async fn a_proved_password_is_sent_by_all_at_once() {
        let gate = PasswordGate::new(Clock::System);
        let first = gate.enter().await.unwrap();
        gate.record(None);
        drop(first);
        let (_one, _other) = (gate.enter().await.unwrap(), gate.enter().await.unwrap());
    }
}
