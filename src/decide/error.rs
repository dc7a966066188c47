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

impl DecideError {
    /// Whether this process does not decide any more.
    pub(super) const fn is_lease_lost(&self) -> bool {
        matches!(self, Self::Store(StoreError::LeaseLost { .. }))
    }
}

/// Steps that do not need each other. What prevents one, such as a damaged row, does not stop those
/// after it; the first error is told when all have run.
#[derive(Debug, Default)]
pub(super) struct Steps {
    done: usize,
    failed: Option<DecideError>,
}

impl Steps {
    /// Adds the result of a step.
    ///
    /// # Errors
    ///
    /// When the lease is lost: no further step may run.
    pub(super) fn add(&mut self, step: Result<usize, DecideError>) -> Result<(), DecideError> {
        match step {
            Ok(done) => self.done += done,
            Err(error) if error.is_lease_lost() => return Err(error),
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
        Ok(())
    }

    pub(super) fn result(self) -> Result<usize, DecideError> {
        self.failed.map_or(Ok(self.done), Err)
    }
}
