//! The transaction of a batch of decisions: the loaded rows stay valid until it is committed.

use super::database::Tx;
use super::fencing::{self, FencingToken};
use super::silence_matchers::CompiledMatchers;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;

/// An open batch of decisions. Dropping it leaves no trace.
pub struct DecisionTransaction {
    pub(super) tx: Tx,
    /// The last end of all silences.
    pub(super) silences_end: Option<Timestamp>,
    pub(super) matchers: CompiledMatchers,
}

impl Store {
    /// Begins deciding under `fence`.
    ///
    /// It waits for no sync: a power cut may undo a batch, which is then decided again.
    /// The deliveries of the batch have had no effect by then: a delivery is sent only after its
    /// claim, and the sync of the claim also syncs everything before it.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] when another replica decides now.
    pub async fn begin_decisions(
        &self,
        fence: &FencingToken,
    ) -> Result<DecisionTransaction, StoreError> {
        let mut tx = self.database.begin_unsynced_write().await?;
        let silences_end = fencing::check(&mut tx, fence).await?;
        Ok(DecisionTransaction {
            tx,
            silences_end,
            matchers: self.matchers.clone(),
        })
    }
}
