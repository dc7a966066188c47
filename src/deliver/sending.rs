//! What this process is sending right now. A lease ends by the clock, and a clock can be set
//! forward: then the worker is handed what it is still sending itself.
//!
//! May import: nothing of ours.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The deliveries under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sending(Arc<Mutex<HashSet<i64>>>);

/// A delivery under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    id: i64,
    sending: Sending,
}

impl Sending {
    /// Begins with the delivery `id`; `None` while it is under way already.
    pub(super) fn begin(&self, id: i64) -> Option<UnderWay> {
        let begun = self.ids().insert(id);
        begun.then(|| UnderWay {
            id,
            sending: self.clone(),
        })
    }

    // A set is whole after every insertion and removal.
    fn ids(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.sending.ids().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_under_way_is_not_begun_again_before_it_has_ended() {
        let sending = Sending::default();
        let first = sending.begin(7);
        assert!(first.is_some());
        assert!(sending.clone().begin(7).is_none());
        assert!(sending.begin(8).is_some());
        drop(first);
        assert!(sending.begin(7).is_some());
    }
}
