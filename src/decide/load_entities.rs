//! Loads the states of the entities that a batch of events tells of.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::DecideError;
use super::evaluate::{Entities, ReadEvent};
use super::resources::Resources;
use crate::store::JournalEvent;

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
