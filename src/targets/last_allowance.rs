//! What the newest answer of a CRM said about its limit of calls.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::allowance::Allowance;

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct LastAllowance(Arc<Mutex<Option<Allowance>>>);

impl LastAllowance {
    /// Stores what an answer said; an answer that says nothing changes nothing.
    pub(super) fn note(&self, said: Option<Allowance>) {
        if said.is_some() {
            // One assignment: whole whatever happened while the lock was held.
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = said;
        }
    }

    pub(super) fn get(&self) -> Option<Allowance> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
