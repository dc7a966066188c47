//! How many entities of each source are stored, as last counted. So a sender that invents entities
//! cannot fill the store.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::error::DecideError;
use super::evaluate::{Entities, ReadEvent};
use super::resources::Resources;
use crate::domain::time::Timestamp;
use crate::store::JournalEvent;

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
    fn get(&self, source: &str, now: Timestamp) -> Option<u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(source)?;
        // The clock may have been set back since.
        let age = now.since(count.counted_at) + count.counted_at.since(now);
        (age < COUNT_EVERY).then_some(count.entities)
    }

    fn set(&self, source: &Arc<str>, entities: u64, counted_at: Timestamp) {
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

/// The stored states of the entities that `events` tell of, and the room for further ones.
pub(super) async fn load_entities(
    resources: &Resources,
    events: &[(JournalEvent, ReadEvent)],
) -> Result<Entities, DecideError> {
    let keys: BTreeSet<&str> = events
        .iter()
        .flat_map(|(_, read)| read.entities())
        .map(String::as_str)
        .collect();
    if keys.is_empty() {
        return Ok(Entities::default());
    }
    let keys: Vec<&str> = keys.into_iter().collect();
    let mut entities = Entities::of(resources.store.load_entities(&keys).await?);
    let with_new = events
        .iter()
        .filter(|(_, read)| read.entities().any(|key| !entities.contains(key)));
    let sources: BTreeSet<Arc<str>> = with_new
        .map(|(event, _)| Arc::clone(&event.source))
        .collect();
    for source in sources {
        let most = u64::from(resources.settings.entities.max_per_source);
        let now = resources.clock.now();
        let count = match resources.entity_counts.get(&source, now) {
            Some(count) => count,
            None => {
                let count = resources.store.count_entities(&source, most).await?;
                resources.entity_counts.set(&source, count, now);
                count
            }
        };
        entities.limit(&source, most.saturating_sub(count));
    }
    Ok(entities)
}
