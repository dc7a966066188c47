//! Which replica sends a password that was refused.
//!
//! Many organisations lock a user after five refused passwords, whoever sent them. So while a
//! target is held for that, one replica waits for its next probe, and the others wait for its turn to
//! end. It ends with that wait, when the target takes that replica's login, or when the replica has
//! died. Then another replica goes first: its password may be a different one.

use std::time::{Duration, Instant};

use super::shared::Shared;
use super::worker::TargetWorker;
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// After a replica has died, others wait so long.
const TURN: Duration = Duration::from_secs(30);
/// How often the turn is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// A replica whose password was refused leaves the next turn to others for so long after its wait.
const OTHERS_FIRST: Duration = Duration::from_secs(45);

impl TargetWorker {
    /// Takes or keeps the turn while this replica waits after a refused password.
    pub(super) async fn keep_login_turn(&self, now: Timestamp) -> Result<(), StoreError> {
        if !self.takes_turns() {
            return Ok(());
        }
        {
            let mut shared = self.shared();
            if !is_refused(&shared) || now >= shared.breaker.until() {
                shared.turn_renewed_at = None;
                return Ok(());
            }
            let renewed = shared.turn_renewed_at;
            if renewed.is_some_and(|at| at.elapsed() < RENEW_EVERY) {
                return Ok(());
            }
            shared.turn_renewed_at = Some(Instant::now());
        }
        self.take_login_turn().await.map(drop)
    }

    /// Whether this replica may probe now.
    pub(super) async fn has_login_turn(&self, now: Timestamp) -> Result<bool, StoreError> {
        if !self.takes_turns() || !self.may_be_refused() {
            return Ok(true);
        }
        if self.leaves_turn_to_others(now) {
            return Ok(false);
        }
        self.take_login_turn().await
    }

    fn leaves_turn_to_others(&self, now: Timestamp) -> bool {
        let shared = self.shared();
        let until = shared.breaker.until();
        is_refused(&shared) && now >= until && now < until.plus(OTHERS_FIRST)
    }

    /// Whether the target is held here for a refused password, or by another replica.
    fn may_be_refused(&self) -> bool {
        let shared = self.shared();
        let stored = shared.health.stored.as_ref();
        let unreachable = stored.and_then(|health| health.unreachable.as_ref());
        let is_held_elsewhere = unreachable.is_some_and(|one| one.state == BreakerState::Held);
        is_held_elsewhere || is_refused(&shared)
    }

    fn takes_turns(&self) -> bool {
        self.sends_password && self.store.is_shared()
    }

    async fn take_login_turn(&self) -> Result<bool, StoreError> {
        let lease = format!("login {}", self.name);
        let taken = self.store.acquire_lease(&lease, &self.owner, TURN).await?;
        Ok(taken.is_some())
    }
}

/// Whether the target is held because it refused this replica's password.
pub(super) fn is_refused(shared: &Shared) -> bool {
    let last = shared.last_error.as_ref();
    shared.breaker.phase() == BreakerState::Held
        && last.is_some_and(|(failure, _)| failure.may_lock_user)
}
