//! Keeps several calls from sending a password that may be wrong: many organisations lock a user
//! after five refused ones.
//!
//! Until a call has proved the password right, calls go one by one. After a refusal none goes for a
//! while; all of them end with the refusal. That is shorter than the first wait of a target whose
//! password was refused, so the next probe sends it again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::clock::Clock;
use crate::domain::failure::Failure;
use crate::domain::time::Timestamp;

/// How long a refusal stands for further calls.
const STANDS_FOR: Duration = Duration::from_secs(60);

/// Clones share it.
#[derive(Debug, Clone)]
pub(super) struct PasswordGate {
    clock: Clock,
    proof: Arc<Mutex<Proof>>,
    /// Locked while a password that is not proved is sent.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Clone, Default)]
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
            proof: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// Waits for permission to send the password.
    ///
    /// # Errors
    ///
    /// The refusal of another call.
    pub(super) async fn enter(&self) -> Result<Turn, Failure> {
        if self.is_proved()? {
            return Ok(Turn { _alone: None });
        }
        let alone = Arc::clone(&self.turn).lock_owned().await;
        let is_proved = self.is_proved()?;
        Ok(Turn {
            _alone: (!is_proved).then_some(alone),
        })
    }

    /// For a caller that sends one at a time itself.
    ///
    /// # Errors
    ///
    /// The refusal of another call.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.is_proved().map(drop)
    }

    /// The CRM has accepted the password.
    pub(super) fn accepted(&self) {
        *self.proof() = Proof::Accepted;
    }

    /// The CRM has refused the password with `failure`.
    pub(super) fn refused(&self, failure: &Failure) {
        *self.proof() = Proof::Refused(failure.clone(), self.clock.now());
    }

    fn is_proved(&self) -> Result<bool, Failure> {
        match &*self.proof() {
            Proof::None => Ok(false),
            Proof::Accepted => Ok(true),
            Proof::Refused(failure, at) => match stands(*at, self.clock.now()) {
                true => Err(failure.clone()),
                false => Ok(false),
            },
        }
    }

    fn proof(&self) -> MutexGuard<'_, Proof> {
        // One assignment: whole whatever happened while the lock was held.
        self.proof.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        Failure::new(FailureKind::AuthFailure, class, "wrong password")
    }

    #[tokio::test]
    async fn a_refusal_ends_the_calls_that_wait_and_those_that_come_for_a_minute() {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        let gate = PasswordGate::new(clock.clone());
        let first = gate.enter().await.unwrap();
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await.map(drop) }
        });
        tokio::task::yield_now().await;
        gate.refused(&refusal());
        drop(first);
        assert_eq!(waiting.await.unwrap(), Err(refusal()));
        clock.advance(STANDS_FOR - Duration::from_millis(1));
        assert!(gate.enter().await.is_err());
        clock.advance(Duration::from_millis(1));
        assert!(gate.enter().await.is_ok());
    }

    #[tokio::test]
    async fn a_proved_password_is_sent_by_all_at_once() {
        let gate = PasswordGate::new(Clock::System);
        let first = gate.enter().await.unwrap();
        gate.accepted();
        drop(first);
        let (_one, _other) = (gate.enter().await.unwrap(), gate.enter().await.unwrap());
    }
}
