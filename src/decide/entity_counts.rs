//! How many entities of each source are stored, as last counted. So a sender that invents entities
//! cannot fill the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// How long a count is only added to before it is counted again.
const COUNT_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct EntityCounts(Mutex<HashMap<Arc<str>, Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    entities: u64,
    counted_at: Timestamp,
}

impl EntityCounts {
    pub(super) fn get(&self, source: &str, now: Timestamp) -> Option<u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(source)?;
        // The clock may have been set back since.
        let age = now.since(count.counted_at) + count.counted_at.since(now);
        (age < COUNT_EVERY).then_some(count.entities)
    }

    pub(super) fn set(&self, source: &Arc<str>, entities: u64, counted_at: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = Count {
            entities,
            counted_at,
        };
        counts.insert(Arc::clone(source), count);
    }

    /// Another entity of `source` was stored.
    pub(super) fn add(&self, source: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(source) {
            count.entities += 1;
        }
    }
}
