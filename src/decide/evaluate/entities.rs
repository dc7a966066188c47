//! How the entities of a batch stand, and what its signals tell of them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::finding::Timeliness;
use super::read::ReadSignal;
use super::rule_reads::RuleReads;
use super::view::Trigger;
use crate::domain::entity::{Applied, Entity, EntityState};
use crate::domain::signal::{Field, Signal};
use crate::domain::time::Timestamp;
use crate::settings::Settings;
use crate::store::{JournalEvent, StoredEntities};

/// The states of entities, by their keys.
#[derive(Debug, Default)]
pub(crate) struct Entities {
    loaded: HashMap<String, LoadedEntity>,
    /// How many further entities each source may have; without a limit where it is absent.
    room: HashMap<Arc<str>, u64>,
    /// Sources of which an entity was refused.
    refused: BTreeSet<Arc<str>>,
    /// Entities whose stored state cannot be read. They have their place already.
    damaged: HashSet<String>,
}

/// The state of an entity within a batch.
#[derive(Debug)]
pub(crate) struct LoadedEntity {
    pub(crate) state: EntityState,
    pub(crate) source: Arc<str>,
    /// When it was last heard of, by our clock.
    pub(crate) heard_at: Timestamp,
    /// It is not stored yet.
    pub(crate) is_new: bool,
    /// It begins anew, because its stored state cannot be read.
    pub(crate) was_damaged: bool,
    pub(crate) is_changed: bool,
}

/// A signal, and how its entity stands with it.
pub(super) struct SignalInContext<'e> {
    pub(super) signal: Arc<Signal>,
    /// `None`: the signal tells no state.
    pub(super) state: Option<Cow<'e, EntityState>>,
    pub(super) applied: Applied,
    /// Whether the state knew the entity before.
    was_known: bool,
    is_stale: bool,
}

impl SignalInContext<'_> {
    pub(super) fn media(&self) -> &str {
        Entity::of(&self.signal).map_or("", |entity| entity.media)
    }

    pub(super) const fn timeliness(&self, trigger: Trigger) -> Timeliness {
        match (self.is_stale, trigger, self.was_known) {
            (true, _, _) => Timeliness::Stale,
            (_, Trigger::Late, _) => Timeliness::Late,
            (_, Trigger::Past, _) => Timeliness::Past,
            (_, Trigger::Now | Trigger::Alone, true) => Timeliness::Newest,
            (_, Trigger::Now | Trigger::Alone, false) => Timeliness::Unknown,
        }
    }
}

impl Entities {
    /// The stored states of a batch's entities.
    pub(crate) fn of(stored: StoredEntities) -> Self {
        let loaded = stored.states.into_iter().map(|(key, state)| {
            let loaded = LoadedEntity {
                state,
                source: Arc::from(""),
                heard_at: Timestamp::default(),
                is_new: false,
                was_damaged: false,
                is_changed: false,
            };
            (key, loaded)
        });
        Self {
            loaded: loaded.collect(),
            damaged: stored.damaged,
            ..Self::default()
        }
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.loaded.contains_key(key) || self.damaged.contains(key)
    }

    /// The state with the key `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&EntityState> {
        self.loaded.get(key).map(|loaded| &loaded.state)
    }

    /// At most `room` further entities of `source` are kept.
    pub(crate) fn limit(&mut self, source: &Arc<str>, room: u64) {
        self.room.insert(Arc::clone(source), room);
    }

    /// Sources of which an entity was refused.
    pub(crate) const fn refused(&self) -> &BTreeSet<Arc<str>> {
        &self.refused
    }

    /// The states that have changed, by their keys.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (&String, &LoadedEntity)> {
        self.loaded.iter().filter(|(_, loaded)| loaded.is_changed)
    }

    /// Takes in what a signal of `event` tells.
    pub(super) fn apply_signal(
        &mut self,
        settings: &Settings,
        reads: &RuleReads,
        event: &JournalEvent,
        read: ReadSignal,
    ) -> SignalInContext<'_> {
        let ReadSignal { mut signal, entity } = read;
        let source = settings.sources.get(&*event.source);
        let max_age = source.and_then(|source| source.max_age);
        let age = event.received_at.since(signal.occurred_at);
        let is_stale = max_age.is_some_and(|max_age| age > max_age);
        let Some(key) = entity.filter(|_| !is_stale) else {
            return without_state(signal, event, reads, is_stale);
        };
        if !self.loaded.contains_key(&key) && !self.begin(&key, &signal, event) {
            return without_state(signal, event, reads, is_stale);
        }
        let Some(loaded) = self.loaded.get_mut(&key) else {
            return without_state(signal, event, reads, is_stale);
        };
        respell(&mut signal, &loaded.state.spelling);
        let was_known = !loaded.state.is_empty();
        let applied = match Entity::of(&signal) {
            Some(entity) => {
                let is_read = |name: &str| reads.metric(name);
                loaded
                    .state
                    .apply(&entity, &signal, event.received_at, is_read)
            }
            None => Applied::default(),
        };
        loaded.is_changed |= applied.changed;
        loaded.heard_at = loaded.heard_at.max(event.received_at);
        loaded.source = Arc::clone(&event.source);
        SignalInContext {
            signal: Arc::new(signal),
            state: Some(Cow::Borrowed(&loaded.state)),
            applied,
            was_known,
            is_stale,
        }
    }

    /// Begins a state; `false` when the source has too many.
    fn begin(&mut self, key: &str, signal: &Signal, event: &JournalEvent) -> bool {
        let Some(entity) = Entity::of(signal) else {
            return false;
        };
        let was_damaged = self.damaged.contains(key);
        if !was_damaged && let Some(room) = self.room.get_mut(&event.source) {
            let Some(rest) = room.checked_sub(1) else {
                self.refused.insert(Arc::clone(&event.source));
                return false;
            };
            *room = rest;
        }
        let loaded = LoadedEntity {
            state: EntityState::of(&entity),
            source: Arc::clone(&event.source),
            heard_at: event.received_at,
            is_new: !was_damaged,
            was_damaged,
            is_changed: false,
        };
        self.loaded.insert(key.to_owned(), loaded);
        true
    }
}

/// A signal that leaves no trace in a state. What it tells is still only a part of its entity.
fn without_state<'e>(
    signal: Signal,
    event: &JournalEvent,
    reads: &RuleReads,
    is_stale: bool,
) -> SignalInContext<'e> {
    let state = Entity::of(&signal).map(|entity| {
        let mut state = EntityState::of(&entity);
        state.apply(&entity, &signal, event.received_at, |name| {
            reads.metric(name)
        });
        Cow::Owned(state)
    });
    SignalInContext {
        signal: Arc::new(signal),
        state,
        applied: Applied::default(),
        was_known: false,
        is_stale,
    }
}

/// Spells the id of the entity as it was spelt first: an id that changes its case is still the same
/// thing, and must give the same correlation key.
fn respell(signal: &mut Signal, spelling: &str) {
    let Some(entity) = Entity::of(signal) else {
        return;
    };
    if entity.id == spelling {
        return;
    }
    let other = entity.id.to_owned();
    for field in signal.fields.values_mut() {
        if field.as_text() == Some(&other) {
            *field = Field::from(spelling);
        }
    }
    if signal.part == other {
        spelling.clone_into(&mut signal.part);
    }
}
