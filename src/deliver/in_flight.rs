//! The deliveries that this process is sending now. A lease ends by the database's clock, and a
//! clock can be set forward: then the worker claims a delivery that it is still sending itself.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The ids of deliveries in flight. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashSet<i64>>>);

/// A delivery in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct InFlightGuard {
    id: i64,
    all: InFlight,
}

impl InFlight {
    /// Adds the delivery `id`; `None` when it is in flight already.
    pub(super) fn begin(&self, id: i64) -> Option<InFlightGuard> {
        let is_new = self.ids().insert(id);
        is_new.then(|| InFlightGuard {
            id,
            all: self.clone(),
        })
    }

    /// The deliveries in flight now.
    pub(super) fn all(&self) -> Vec<i64> {
        self.ids().iter().copied().collect()
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<i64>> {
        // A set is whole after every insertion and removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.all.ids().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_in_flight_is_not_begun_again_before_it_has_ended() {
        let in_flight = InFlight::default();
        let first = in_flight.begin(7);
        assert!(first.is_some());
        assert!(in_flight.clone().begin(7).is_none());
        assert!(in_flight.begin(8).is_some());
        drop(first);
        assert!(in_flight.begin(7).is_some());
    }
}
