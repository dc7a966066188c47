//! Tickets that were opened before it was known how their queue stands. They get a comment once it
//! is known. Kept in memory only: after a restart these tickets stay without.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::domain::identity::IncidentKey;
use crate::domain::time::Timestamp;
use crate::enrichment::Enrichment;

/// Queues that tickets may wait for; the tickets of further queues go without.
const MAX_QUEUES: usize = 10_000;

/// The keys of the tickets' incidents, by queue.
#[derive(Debug, Default)]
pub(super) struct AwaitingStanding(Mutex<HashMap<String, BTreeSet<IncidentKey>>>);

impl AwaitingStanding {
    /// Adds pairs of a queue and a key.
    pub(super) fn add(&self, tickets: Vec<(String, IncidentKey)>) {
        let mut awaiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (queue_id, key) in tickets {
            if awaiting.len() < MAX_QUEUES {
                awaiting.entry(queue_id).or_default().insert(key);
            }
        }
    }

    /// Removes and returns the keys whose queue's standing is known at `now`.
    pub(super) fn take_known(&self, enrichment: &Enrichment, now: Timestamp) -> Vec<IncidentKey> {
        let mut awaiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = BTreeSet::new();
        awaiting.retain(|queue_id, of_queue| {
            let is_known = enrichment.standing(queue_id, now).is_some();
            if is_known {
                keys.append(of_queue);
            }
            !is_known
        });
        keys.into_iter().collect()
    }
}
