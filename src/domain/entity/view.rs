//! What a rule sees of an entity: the readings and the status that are fresh, and whole.

use std::borrow::Cow;
use std::time::Duration;

use super::identity::Entity;
use super::stamp::{Heard, Stamp};
use super::state::{EntityState, Metric, Qualified, is_of_topic, status_slot};
use crate::domain::signal::{Reading, Signal};
use crate::domain::time::Timestamp;

/// A qualifier that no message has told for so long is gone: the total is known without it.
const QUALIFIER_KEPT: Duration = Duration::from_secs(3_600);

/// How old a value may be before it counts as missing. Age is the distance to the newest message
/// about the entity of a type that the rule names, by the sender's clock: a clock that is wrong by a
/// constant does no harm, and what other rules look at neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    pub readings: Duration,
    /// `None`: a status is valid until the next one. Senders tell a status only when it changes.
    pub status: Option<Duration>,
}

/// An entity, as a rule sees one media type of it.
#[derive(Debug, Clone, Copy)]
pub struct View<'s> {
    state: &'s EntityState,
    /// Empty: the whole.
    media: &'s str,
    freshness: Freshness,
    /// What ages are measured from.
    heard: Heard,
}

impl EntityState {
    /// What a rule sees that names every event type, of the media type `media`; empty: of the whole.
    pub fn view<'s>(&'s self, media: &'s str, freshness: Freshness) -> View<'s> {
        self.view_by(media, freshness, |_| true)
    }

    /// The same for a rule that names the event types for which `is_named` holds.
    pub fn view_by<'s>(
        &'s self,
        media: &'s str,
        freshness: Freshness,
        is_named: impl Fn(&str) -> bool,
    ) -> View<'s> {
        View {
            state: self,
            media,
            freshness,
            heard: self.newest(is_named),
        }
    }

    /// The media types of which readings are known.
    pub fn media_types(&self) -> impl Iterator<Item = &str> {
        let names = self.media.keys().map(String::as_str);
        names.filter(|media| !media.is_empty())
    }

    /// Whether any reading of `metric` is known of the media type `media` alone, however old.
    pub fn tells(&self, media: &str, metric: &str) -> bool {
        let metrics = self.media.get(media);
        metrics.is_some_and(|metrics| metrics.contains_key(metric))
    }

    /// Whether the total of `metric` in `signal`, which is about `media`, is one of all qualifiers that
    /// are known. A metric that the signal does not carry has no total in it.
    pub fn is_whole_in(&self, signal: &Signal, media: &str, metric: &str) -> bool {
        let told = signal.qualifiers.get(metric).map_or(&[][..], Vec::as_slice);
        let known = self.media.get(media).and_then(|known| known.get(metric));
        let mut names = known.iter().flat_map(|known| known.qualifiers.keys());
        told.is_empty() || (told.len() > 1 && names.all(|name| told.contains(name)))
    }

    /// Whether the latest that is known is the same as what `signal` tells, and as whole.
    pub fn agrees_with(&self, entity: &Entity<'_>, signal: &Signal) -> bool {
        let knows_status = |status: &str| {
            let known = self.statuses.get(&status_slot(signal));
            known.is_some_and(|known| known.value == status)
        };
        let metrics = self.media.get(entity.media);
        let knows_reading = |(name, reading): (&String, &Reading)| {
            let known = metrics.and_then(|metrics| metrics.get(name));
            known.is_some_and(|known| known.reading == *reading && known.qualifiers.is_empty())
        };
        signal.text("status").is_none_or(knows_status) && signal.metrics.iter().all(knows_reading)
    }

    /// Every metric that is known: its media type, its name, its time and its reading, as the last
    /// message gave it.
    pub fn readings(&self) -> impl Iterator<Item = (&str, &str, Timestamp, &Reading)> {
        self.media.iter().flat_map(|(media, metrics)| {
            let metrics = metrics.iter();
            metrics
                .map(move |(name, one)| (media.as_str(), name.as_str(), one.stamp.at, &one.reading))
        })
    }

    /// Every status that is known, with its time.
    pub fn statuses(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        let statuses = self.statuses.values();
        statuses.map(|status| (status.value.as_str(), status.stamp.at))
    }
}

impl<'s> View<'s> {
    /// The reading of `metric` and its time: of the media type, else of the whole. `None` when none
    /// is known that is fresh. Without the total where only a part of it is known.
    pub fn reading(&self, metric: &str) -> Option<(Cow<'s, Reading>, Timestamp)> {
        let find = |media: &str| self.state.media.get(media)?.get(metric);
        let of_media = Some(self.media).filter(|media| !media.is_empty());
        let found = of_media.and_then(find).or_else(|| find(""))?;
        match found.qualifiers.is_empty() {
            true => self
                .is_fresh(found.stamp)
                .then_some((Cow::Borrowed(&found.reading), found.stamp.at)),
            false => self.qualified(found),
        }
    }

    /// The latest status that a topic tells of the entity, and its time.
    pub fn status(&self) -> Option<(&'s str, Timestamp)> {
        let told = self.state.statuses.iter();
        let told = told.filter(|(slot, _)| is_of_topic(slot));
        let (_, status) = told.max_by_key(|(_, status)| self.heard.time(status.stamp))?;
        let limit = self.freshness.status;
        let is_fresh = limit.is_none_or(|limit| self.age(status.stamp) <= limit);
        is_fresh.then_some((status.value.as_str(), status.stamp.at))
    }

    /// The reading of a metric that comes once for each qualifier.
    fn qualified(&self, metric: &'s Metric) -> Option<(Cow<'s, Reading>, Timestamp)> {
        let kept = QUALIFIER_KEPT.max(self.freshness.readings);
        let known = metric.qualifiers.iter();
        let known: Vec<_> = known
            .filter(|(_, one)| self.age(one.stamp) <= kept)
            .collect();
        let fresh = known.iter().filter(|(_, one)| self.is_fresh(one.stamp));
        let at = fresh.clone().map(|(_, one)| one.stamp.at).max()?;
        // One qualifier alone is not the whole, nor are those that happen to be fresh.
        let is_whole = known.len() > 1 && fresh.clone().count() == known.len();
        // All from one message: its other statistics are whole too.
        let is_told = |(name, one): &(&String, &Qualified)| {
            one.stamp == metric.stamp && metric.reading.contains_key(*name)
        };
        if is_whole && known.iter().all(is_told) {
            return Some((Cow::Borrowed(&metric.reading), at));
        }
        let counts = fresh.map(|(name, one)| ((*name).clone(), one.count));
        let mut reading: Reading = counts.collect();
        if is_whole {
            let total = reading.values().sum();
            reading.insert("count".to_owned(), total);
        }
        Some((Cow::Owned(reading), at))
    }

    /// Whether a reading of this time is young enough.
    pub fn is_fresh(&self, stamp: Stamp) -> bool {
        self.age(stamp) <= self.freshness.readings
    }

    fn age(&self, stamp: Stamp) -> Duration {
        self.heard.age(stamp)
    }
}
