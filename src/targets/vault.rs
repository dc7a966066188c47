//! Storage of rotated refresh tokens. The store implements it; a CRM client never touches
//! the database.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::identity::TargetName;

/// Keeps rotated refresh tokens durably, and lets replicas take turns at rotating.
///
/// What passes through is sealed by the caller: the vault never sees a secret.
#[async_trait]
pub trait TokenVault: Send + Sync {
    /// The encrypted token that was last saved for `target`.
    async fn load(&self, target: &TargetName) -> Result<Option<Vec<u8>>, String>;

    /// Saves `sealed` for `target`; durable when this returns.
    /// After an error the old token stays in force.
    async fn save(&self, target: &TargetName, sealed: &[u8]) -> Result<(), String>;

    /// Waits until no other process rotates the token of `target`, for at most `patience`.
    async fn lock(&self, target: &TargetName, patience: Duration) -> Result<Box<dyn Send>, String>;
}
