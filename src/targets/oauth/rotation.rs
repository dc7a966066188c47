//! Refresh tokens that change with every use.
//!
//! A new one is durable before anything that came with it is used: the CRM has killed the
//! old one by then. Replicas take turns, and look again at what is kept once it is theirs,
//! so that none uses up a token that another has replaced.
//!
//! May import: `settings::Secret`, `targets::TokenVault`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::SetupError;
use super::seal::Seal;
use crate::settings::Secret;
use crate::targets::TokenVault;

/// How long to wait for another process that is renewing the same token.
const PATIENCE: Duration = Duration::from_secs(30);

/// The refresh tokens of one target.
pub(super) struct Rotation {
    target: String,
    first: Secret,
    seal: Seal,
    vault: Arc<dyn TokenVault>,
    /// The token in force, while the vault could not keep it.
    unkept: Mutex<Option<Secret>>,
}

/// The right to use the token in force, until it is dropped.
pub(super) struct Turn {
    pub(super) token: Secret,
    _lock: Box<dyn Send>,
}

impl Rotation {
    pub(super) fn new(
        target: &str,
        first: &Secret,
        vault: Arc<dyn TokenVault>,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            target: target.to_owned(),
            first: first.clone(),
            seal: Seal::new(target, first).map_err(|_| SetupError::Sealing)?,
            vault,
            unkept: Mutex::default(),
        })
    }

    /// Waits for our turn and finds the token in force.
    /// What the vault says. No token has been used then.
    pub(super) async fn turn(&self) -> Result<Turn, String> {
        let lock = self.vault.lock(&self.target, PATIENCE).await?;
        let unkept = self.unkept().clone();
        let token = match unkept {
            Some(token) => {
                self.write(&token).await?;
                *self.unkept() = None;
                token
            }
            None => self.kept().await?,
        };
        Ok(Turn { token, _lock: lock })
    }

    /// Keeps `next`, which the CRM gave for the token of `turn`, and ends the turn.
    /// What the vault says. The token stays in memory, and is kept before the next use.
    pub(super) async fn keep(&self, turn: Turn, next: &Secret) -> Result<(), String> {
        if next.expose() == turn.token.expose() {
            return Ok(());
        }
        let kept = self.write(next).await;
        if kept.is_err() {
            *self.unkept() = Some(next.clone());
        }
        kept
    }

    async fn write(&self, token: &Secret) -> Result<(), String> {
        let sealed = self
            .seal
            .seal(token)
            .map_err(|_| "the refresh token could not be sealed".to_owned())?;
        self.vault.keep(&self.target, &sealed).await
    }

    /// The kept token; the configured one when nothing is kept, or when it was kept under
    /// another configured one.
    async fn kept(&self) -> Result<Secret, String> {
        let Some(sealed) = self.vault.load(&self.target).await? else {
            return Ok(self.first.clone());
        };
        let opened = self.seal.open(&sealed);
        if opened.is_none() {
            tracing::info!(
                target = self.target,
                "the refresh token in the settings is another than before; it is used"
            );
        }
        Ok(opened.unwrap_or_else(|| self.first.clone()))
    }

    fn unkept(&self) -> std::sync::MutexGuard<'_, Option<Secret>> {
        // One assignment: whole whatever happened while the lock was held.
        self.unkept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
