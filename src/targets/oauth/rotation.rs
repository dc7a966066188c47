//! Refresh tokens that change with every use.
//!
//! A new one is durable before anything that came with it is used: the CRM has ended the
//! old one by then. Replicas take turns, and look again at what is saved once it is theirs,
//! so that none uses up a token that another has replaced.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::encryption::TokenCipher;
use super::error::SetupError;
use crate::domain::identity::TargetName;
use crate::settings::Secret;
use crate::targets::vault::TokenVault;

/// How long to wait for another process that is renewing the same token.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The refresh tokens of one target.
pub(super) struct Rotation {
    target: TargetName,
    configured: Secret,
    cipher: TokenCipher,
    vault: Arc<dyn TokenVault>,
    /// The token in force, while the vault could not save it.
    unsaved: Mutex<Option<Secret>>,
}

/// The right to use the token in force, until it is dropped.
pub(super) struct RefreshTurn {
    pub(super) token: Secret,
    _lock: Box<dyn Send>,
}

impl Rotation {
    pub(super) fn new(
        target: &TargetName,
        configured: &Secret,
        vault: Arc<dyn TokenVault>,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            target: target.clone(),
            configured: configured.clone(),
            cipher: TokenCipher::new(target, configured).map_err(|_| SetupError::Encryption)?,
            vault,
            unsaved: Mutex::default(),
        })
    }

    /// Waits for our turn and finds the token in force. An error holds what the vault says; no
    /// token has been used then.
    pub(super) async fn lock_token(&self) -> Result<RefreshTurn, String> {
        let lock = self.vault.lock(&self.target, MAX_WAIT).await?;
        let unsaved = self.unsaved().clone();
        let token = match unsaved {
            Some(token) => {
                self.write(&token).await?;
                *self.unsaved() = None;
                token
            }
            None => self.saved().await?,
        };
        Ok(RefreshTurn { token, _lock: lock })
    }

    /// Saves `next`, which the CRM gave for the token of `turn`, and ends the turn. After an error
    /// the token stays in memory, and is saved before the next use.
    pub(super) async fn save(&self, turn: RefreshTurn, next: &Secret) -> Result<(), String> {
        if next.expose() == turn.token.expose() {
            return Ok(());
        }
        let saved = self.write(next).await;
        if saved.is_err() {
            *self.unsaved() = Some(next.clone());
        }
        saved
    }

    async fn write(&self, token: &Secret) -> Result<(), String> {
        let encrypted = self
            .cipher
            .encrypt(token)
            .map_err(|_| "the refresh token could not be sealed".to_owned())?;
        self.vault.save(&self.target, &encrypted).await
    }

    /// The saved token; the configured one when nothing is saved, or when it was saved under
    /// another configured one.
    async fn saved(&self) -> Result<Secret, String> {
        let Some(encrypted) = self.vault.load(&self.target).await? else {
            return Ok(self.configured.clone());
        };
        let decrypted = self.cipher.decrypt(&encrypted);
        if decrypted.is_none() {
            tracing::info!(
                target = self.target.as_str(),
                "the refresh token in the settings is another than before; it is used"
            );
        }
        Ok(decrypted.unwrap_or_else(|| self.configured.clone()))
    }

    fn unsaved(&self) -> std::sync::MutexGuard<'_, Option<Secret>> {
        // One assignment: whole whatever happened while the lock was held.
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
