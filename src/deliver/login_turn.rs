//! Which replica sends a password that was refused.
//!
//! Many organisations lock a user after five refused passwords, whoever sent them. So while a
//! target is held for that, one replica probes, and the others wait for its turn to end. It ends
//! when the target takes that replica's login, or when the replica has died.

use std::time::{Duration, Instant};

use super::shared::Shared;
use super::worker::TargetWorker;
use crate::domain::circuit_breaker::BreakerState;
use crate::store::StoreError;

/// After a replica has died, others wait so long.
const TURN: Duration = Duration::from_secs(30);
/// How often the turn is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);

impl TargetWorker {
    /// Takes or keeps the turn while the target is held for a refused password.
    pub(super) async fn keep_login_turn(&self) -> Result<(), StoreError> {
        if !self.takes_turns() {
            return Ok(());
        }
        {
            let mut shared = self.shared();
            if !is_refused(&shared) {
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
    pub(super) async fn has_login_turn(&self) -> Result<bool, StoreError> {
        Ok(!self.takes_turns() || !self.may_be_refused() || self.take_login_turn().await?)
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

fn is_refused(shared: &Shared) -> bool {
    let last = shared.last_error.as_ref();
    shared.breaker.state() == BreakerState::Held
        && last.is_some_and(|(failure, _)| failure.may_lock_user)
}
