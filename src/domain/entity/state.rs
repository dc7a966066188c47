//! The state of one entity, and how a signal changes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::identity::Entity;
use super::stamp::{Heard, Stamp};
use crate::domain::signal::{Reading, Signal};
use crate::domain::time::Timestamp;

/// Media types, statuses, and qualifiers of a metric that are kept, each. Beyond it the oldest goes.
const MAX_KEPT: usize = 64;

/// Between an event type and the name of an operational event.
const SEPARATOR: char = '\u{1f}';

/// What messages have told of an entity. The store keeps it as JSON, so its names are short.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EntityState {
    /// Its id, as it was spelt first.
    #[serde(rename = "id")]
    pub spelling: String,
    /// The newest messages, by event type.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeMap::is_empty")]
    heard: BTreeMap<String, Heard>,
    /// Statuses by what tells them: an event type, or one kind of operational event.
    #[serde(rename = "st", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) statuses: BTreeMap<String, Status>,
    /// Readings by media type, and by metric. The media type is empty for readings of the whole.
    #[serde(rename = "m", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) media: BTreeMap<String, BTreeMap<String, Metric>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Status {
    #[serde(rename = "v")]
    pub(super) value: String,
    #[serde(rename = "s")]
    pub(super) stamp: Stamp,
}

/// A metric, as its latest message told it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Metric {
    #[serde(rename = "s")]
    pub(super) stamp: Stamp,
    #[serde(rename = "r")]
    pub(super) reading: Reading,
    /// Of a metric that comes once for each qualifier: the count of each, with its own time.
    #[serde(rename = "q", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) qualifiers: BTreeMap<String, Qualified>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Qualified {
    #[serde(rename = "n")]
    pub(super) count: f64,
    #[serde(rename = "s")]
    pub(super) stamp: Stamp,
}

/// What a signal has changed in the state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Applied {
    /// When the signal was, as far as its time is believed.
    pub stamp: Option<Stamp>,
    /// The signal's status, or its metric with this name, is older than what is known.
    superseded: BTreeSet<String>,
    superseded_status: bool,
    /// Whether anything is to be stored.
    pub changed: bool,
}

impl Applied {
    /// Whether a newer reading of `metric` than the signal's is known.
    pub fn supersedes(&self, metric: &str) -> bool {
        self.superseded.contains(metric)
    }

    /// Whether a newer status than the signal's is known.
    pub const fn supersedes_status(&self) -> bool {
        self.superseded_status
    }
}

impl EntityState {
    /// A state that knows nothing.
    pub fn of(entity: &Entity<'_>) -> Self {
        Self {
            spelling: entity.id.to_owned(),
            ..Self::default()
        }
    }

    /// Whether nothing was told yet.
    pub fn is_empty(&self) -> bool {
        self.statuses.is_empty() && self.media.is_empty()
    }

    /// Takes in what `signal` tells of `entity`. Of the metrics only those that `is_read` are kept.
    pub fn apply(
        &mut self,
        entity: &Entity<'_>,
        signal: &Signal,
        received_at: Timestamp,
        is_read: impl Fn(&str) -> bool,
    ) -> Applied {
        let stamp = Stamp::of(signal.occurred_at, received_at);
        let mut applied = Applied {
            stamp: Some(stamp),
            changed: self.hear(&signal.event_type, stamp, received_at),
            ..Applied::default()
        };
        if let Some(status) = signal.text("status") {
            let taken = self.take_status(status_slot(signal), status, stamp);
            applied.superseded_status = !taken;
            applied.changed |= taken;
        }
        let metrics = signal.metrics.iter().filter(|(name, _)| is_read(name));
        for (name, reading) in metrics {
            let qualifiers = signal.qualifiers.get(name).map(Vec::as_slice);
            let known = self.media.entry(entity.media.to_owned()).or_default();
            let taken = take_reading(known, name, reading, qualifiers.unwrap_or_default(), stamp);
            applied.changed |= taken;
            if !taken {
                applied.superseded.insert(name.clone());
            }
        }
        limit(&mut self.media, |metrics| {
            metrics.values().map(|metric| metric.stamp.at).max()
        });
        applied
    }

    /// Notes that a message of this type came; `false` when a newer one is known.
    fn hear(&mut self, event_type: &str, stamp: Stamp, received_at: Timestamp) -> bool {
        let heard = Heard::of(stamp, received_at);
        let known = self.heard.get(event_type).copied().unwrap_or_default();
        let newest = known.newest(heard);
        if newest == known {
            return false;
        }
        self.heard.insert(event_type.to_owned(), newest);
        limit(&mut self.heard, |one| one.last());
        true
    }

    /// The newest messages among those of the types that `is_named`.
    pub(super) fn newest(&self, is_named: impl Fn(&str) -> bool) -> Heard {
        let named = self.heard.iter().filter(|(name, _)| is_named(name));
        named.fold(Heard::default(), |newest, (_, one)| newest.newest(*one))
    }

    fn take_status(&mut self, slot: String, value: &str, stamp: Stamp) -> bool {
        let known = self.statuses.get(&slot);
        if known.is_some_and(|known| !stamp.replaces(known.stamp)) {
            return false;
        }
        let value = value.to_owned();
        self.statuses.insert(slot, Status { value, stamp });
        limit(&mut self.statuses, |status| Some(status.stamp.at));
        true
    }
}

/// What tells the status of `signal`: two kinds of operational events tell different things.
pub(super) fn status_slot(signal: &Signal) -> String {
    match signal.text("event_name") {
        Some(name) => format!("{}{SEPARATOR}{name}", signal.event_type),
        None => signal.event_type.to_string(),
    }
}

/// Whether `slot` is that of a topic that tells nothing but the state of the entity.
pub(super) fn is_of_topic(slot: &str) -> bool {
    !slot.contains(SEPARATOR)
}

/// Takes a reading in; `false` when all of it is older than what is known.
fn take_reading(
    known: &mut BTreeMap<String, Metric>,
    name: &str,
    reading: &Reading,
    qualifiers: &[String],
    stamp: Stamp,
) -> bool {
    let Some(metric) = known.get_mut(name) else {
        let qualifiers = counts(reading, qualifiers, stamp).collect();
        let reading = reading.clone();
        let metric = Metric {
            stamp,
            reading,
            qualifiers,
        };
        known.insert(name.to_owned(), metric);
        return true;
    };
    let mut taken = false;
    for (qualifier, counted) in counts(reading, qualifiers, stamp) {
        let known = metric.qualifiers.get(&qualifier);
        if known.is_none_or(|known| stamp.replaces(known.stamp)) {
            metric.qualifiers.insert(qualifier, counted);
            taken = true;
        }
    }
    limit(&mut metric.qualifiers, |one| Some(one.stamp.at));
    if stamp.replaces(metric.stamp) {
        metric.stamp = stamp;
        metric.reading.clone_from(reading);
        // A message without qualifiers tells the whole: the parts before it say nothing more.
        if qualifiers.is_empty() {
            metric.qualifiers.clear();
        }
        taken = true;
    }
    taken
}

fn counts<'r>(
    reading: &'r Reading,
    qualifiers: &'r [String],
    stamp: Stamp,
) -> impl Iterator<Item = (String, Qualified)> + 'r {
    qualifiers.iter().filter_map(move |qualifier| {
        let count = *reading.get(qualifier)?;
        Some((qualifier.clone(), Qualified { count, stamp }))
    })
}

fn limit<T>(kept: &mut BTreeMap<String, T>, newest: impl Fn(&T) -> Option<Timestamp>) {
    if kept.len() > MAX_KEPT
        && let Some(oldest) = kept.iter().min_by_key(|(_, one)| newest(one))
        && let oldest = oldest.0.clone()
    {
        kept.remove(&oldest);
    }
}
