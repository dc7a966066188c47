//! Stores rotated refresh tokens for the CRM clients.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::identity::TargetName;
use crate::fault_points;
use crate::store::{FencingToken, Store};
use crate::targets::TokenVault;

/// How long one process may take to rotate a token before another takes over: longer than the
/// longest token call (20 s), shorter than the time that a waiting process waits (30 s).
const ROTATION_LEASE: Duration = Duration::from_secs(25);
/// Wait before the next try to take a lease that another process holds.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// A [`TokenVault`] on the store.
#[derive(Debug, Clone)]
pub struct StoreVault {
    store: Store,
    clock: Clock,
    owner: String,
}

impl StoreVault {
    pub fn new(store: Store, clock: Clock, owner: impl Into<String>) -> Self {
        Self {
            store,
            clock,
            owner: owner.into(),
        }
    }
}

#[async_trait]
impl TokenVault for StoreVault {
    async fn load(&self, target: &TargetName) -> Result<Option<Vec<u8>>, String> {
        self.store
            .load_sealed_token(target)
            .await
            .map_err(|error| error.to_string())
    }

    async fn save(&self, target: &TargetName, sealed: &[u8]) -> Result<(), String> {
        fault_points::reach("token-rotated");
        self.store
            .save_sealed_token(target, sealed, self.clock.now())
            .await
            .map_err(|error| error.to_string())?;
        fault_points::reach("token-kept");
        Ok(())
    }

    async fn lock(&self, target: &TargetName, patience: Duration) -> Result<Box<dyn Send>, String> {
        let name = format!("token:{target}");
        // Each turn has an owner name of its own, so that releasing one never ends the next.
        let turn = format!("{}/{}", self.owner, Uuid::new_v4());
        let give_up_at = Instant::now() + patience;
        loop {
            let taken = self
                .store
                .acquire_lease(&name, &turn, ROTATION_LEASE)
                .await
                .map_err(|error| error.to_string())?;
            if let Some(fence) = taken {
                return Ok(Box::new(RotationLease {
                    store: self.store.clone(),
                    fence,
                }));
            }
            if Instant::now() >= give_up_at {
                return Err(format!("another process is renewing the token of {target}"));
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }
}

/// Releases the lease when it is dropped.
struct RotationLease {
    store: Store,
    fence: FencingToken,
}

impl Drop for RotationLease {
    fn drop(&mut self) {
        let (store, fence) = (self.store.clone(), self.fence.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = store.release_lease(&fence).await {
                    tracing::warn!(%error, name = fence.name(), "a lease was not released; it runs out by itself");
                }
            });
        }
    }
}
