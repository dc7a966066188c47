//! Why deciding on a batch failed.

use crate::store::StoreError;

/// Deciding on a batch failed; nothing of the batch was stored.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of this program.
    #[error("evaluating events panicked: {0}")]
    Panicked(String),
    #[error("a batch took longer than 30 s; the database does not answer")]
    Stuck,
}
