//! The deliveries that this process is sending now. A lease ends by the database's clock, and a
//! clock can be set forward: then the worker claims a delivery that it is still sending itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ticket::Operation;

/// The ids of deliveries in flight, and their operations. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<i64, Operation>>>);

/// A delivery in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct InFlightGuard {
    id: i64,
    all: InFlight,
}

impl InFlight {
    /// Adds the delivery `id`; `None` when it is in flight already.
    pub(super) fn begin(&self, id: i64, operation: Operation) -> Option<InFlightGuard> {
        let before = self.ids().insert(id, operation);
        before.is_none().then(|| InFlightGuard {
            id,
            all: self.clone(),
        })
    }

    /// The deliveries in flight now.
    pub(super) fn all(&self) -> Vec<i64> {
        self.ids().keys().copied().collect()
    }

    /// Whether one of `operations` is in flight.
    pub(super) fn has(&self, operations: &[Operation]) -> bool {
        self.ids().values().any(|one| operations.contains(one))
    }

    fn ids(&self) -> MutexGuard<'_, HashMap<i64, Operation>> {
        // A map is whole after every insertion and removal.
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
        let first = in_flight.begin(7, Operation::Create);
        assert!(first.is_some());
        assert!(in_flight.clone().begin(7, Operation::Create).is_none());
        assert!(in_flight.begin(8, Operation::Update).is_some());
        drop(first);
        assert!(in_flight.begin(7, Operation::Create).is_some());
    }
}
