//! An incident: what is kept of it, and what it takes in of each signal.
//!
//! What time and decisions make of it is its [life](super::life). Pure: what was heard and when
//! is passed in; the caller keeps the incident.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::decision::Suppression;
use super::flapping::{Flapping, Onsets};
use super::flood::FloodTally;
pub use super::heard::{Heard, Readings, Verdict};
pub use super::life::{LifePolicy, Owed, Recovery};
use super::part;
use super::silence::Cover;
use super::tally::Tally;
use super::time::Timestamp;

/// How many parts of an entity and how many readings one incident remembers. Beyond it the
/// ones heard of longest ago are forgotten, of the source that has most, so that a hostile sender
/// can neither grow a row nor have forgotten what another reported.
const MOST_REMEMBERED: usize = 64;

/// Where an incident is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Breaching, but not for long enough, silenced, inside a burst lock, or held by a flood: no
    /// ticket yet.
    Pending,
    /// Breaching; owns a ticket.
    Open,
    /// No longer breaching; a new breach continues it.
    Recovered,
    /// Over. A new breach is a new incident.
    Closed,
}

impl IncidentState {
    /// Every state, in the order of life.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Open, Self::Recovered, Self::Closed];

    /// The contract's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Recovered => "recovered",
            Self::Closed => "closed",
        }
    }

    /// The state with the contract's name `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for IncidentState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What is known of one part (media type, trunk instance) of the entity; see [`part`] for its
/// name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Whether it breaches.
    pub breaching: bool,
    /// The newest signal about it, by the sender's clock as far as it was believed.
    pub heard_at: Timestamp,
}

/// The values one reading has taken during an incident.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The newest.
    pub latest: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

/// One ongoing problem, found by its rule and correlation key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// A UUID; the ticket's key is made of it.
    pub id: String,
    /// The rule that found it.
    pub rule: String,
    /// The correlation key, unique among the rule's incidents that are not closed.
    pub key: String,
    /// Where it is in its life.
    pub state: IncidentState,
    /// Its severity.
    pub severity: String,
    /// When the first breach was heard.
    pub opened_at: Timestamp,
    /// Pending: when it opens, unless it clears before.
    pub opens_at: Option<Timestamp>,
    /// When the last breach was heard.
    pub last_breach_at: Timestamp,
    /// Since when nothing breaches any more.
    pub clear_since: Option<Timestamp>,
    /// When it was counted as recovered.
    pub recovered_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// When the ticket was last written to.
    pub told_at: Timestamp,
    /// Breaches heard.
    pub occurrences: u64,
    /// Breaches that wrote nothing to the CRM.
    pub suppressed: u64,
    /// How often a breach was heard after the recovery.
    pub relapses: u32,
    /// The entity's parts.
    pub parts: BTreeMap<String, Part>,
    /// What the rule's expressions read, by name.
    pub readings: BTreeMap<String, Spread>,
    /// Pending: why its ticket waits, where that is not the rule's `for`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Suppression>,
    /// Pending: what silences it. Its ticket waits for that, besides `opens_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Cover>,
    /// When the last silence over it ended, while it was pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_until: Option<Timestamp>,
    /// The active key of the outage that it may become a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The outage that it is a member of. A pending member never opens a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_id: Option<String>,
    /// Of an outage: members that came or went, of which its ticket has not been told yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untold: u32,
    /// Breaches heard when the ticket was last written to.
    #[serde(default)]
    pub told_occurrences: u64,
    /// The time before that, when the ticket was written to: what a comment compares with.
    #[serde(default)]
    pub told_before: Told,
    /// When the key's trouble began, lately.
    #[serde(default, skip_serializing_if = "Onsets::is_empty")]
    pub onsets: Onsets,
    /// That it flaps, or did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
    /// A person ended the outage that it was a member of: it counts for no other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub alone: bool,
    /// Of an outage: what is counted of its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// Pending: its source began too many incidents when its ticket was due. The ticket waits
    /// until a person releases it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub held_by_flood: bool,
    /// A person released it from a flood: no flood holds it again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub released: bool,
    /// Of a flood: what is counted of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flood: Option<FloodTally>,
}

/// When the ticket was written to, and how many breaches had been heard by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Breaches heard by then.
    pub occurrences: u64,
}

/// For `serde`, which passes a reference.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// For `serde`, which passes a reference.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Incident {
    /// A new pending incident that would open at `opens_at`.
    pub fn begin(
        id: String,
        rule: &str,
        key: &str,
        severity: &str,
        heard: &Heard,
        opens_at: Timestamp,
    ) -> Self {
        let mut incident = Self {
            id,
            rule: rule.to_owned(),
            key: key.to_owned(),
            state: IncidentState::Pending,
            severity: severity.to_owned(),
            opened_at: heard.received_at,
            opens_at: Some(opens_at),
            last_breach_at: heard.received_at,
            clear_since: None,
            recovered_at: None,
            closed_at: None,
            told_at: heard.received_at,
            occurrences: 0,
            suppressed: 0,
            relapses: 0,
            parts: BTreeMap::new(),
            readings: BTreeMap::new(),
            waits_for: None,
            silence: None,
            silenced_until: None,
            group: None,
            outage_id: None,
            untold: 0,
            told_occurrences: 0,
            told_before: Told::default(),
            onsets: Onsets::default(),
            flapping: None,
            alone: false,
            tally: None,
            held_by_flood: false,
            released: false,
            flood: None,
        };
        incident.take_in(heard);
        incident
    }

    /// Whether `heard` says anything about this incident. Where each source speaks for itself,
    /// one that has not breached says nothing: to it there is no incident.
    pub fn is_about(&self, heard: &Heard) -> bool {
        let source = part::source_of(&heard.part);
        heard.verdict == Verdict::Breach
            || source.is_none()
            || self
                .parts
                .keys()
                .any(|name| part::source_of(name) == source)
    }

    /// Names the parts as the rule hears them now: by the source that speaks of them, or by all
    /// as one. Rows of before, and of another configuration, name them the other way. A part
    /// without a source is `source`'s, which opened the incident.
    pub fn name_parts(&mut self, source: Option<&str>) {
        let is_named_so = |name: &String| part::source_of(name).is_some() == source.is_some();
        if self.parts.keys().all(is_named_so) {
            return;
        }
        let mut named: BTreeMap<String, Part> = BTreeMap::new();
        for (name, one) in std::mem::take(&mut self.parts) {
            let name = match (source, part::source_of(&name)) {
                (Some(source), None) => part::of_source(source, &name),
                (None, Some(_)) => part::own_name(&name).to_owned(),
                _ => name,
            };
            let known = named.entry(name).or_insert(one);
            known.breaching |= one.breaching;
            known.heard_at = known.heard_at.max(one.heard_at);
        }
        self.parts = named;
    }

    /// Whether a newer signal about the same part has been heard: deliveries come in any
    /// order, and a late "down" must not undo a newer "up". The stamp itself is compared, so
    /// that it does not matter here when our own clock is set back.
    pub fn is_out_of_order(&self, heard: &Heard) -> bool {
        self.parts
            .get(&heard.part)
            .is_some_and(|part| heard.occurred_at < part.heard_at)
    }

    /// Whether any part breaches.
    pub fn is_breaching(&self) -> bool {
        self.parts.values().any(|part| part.breaching)
    }

    /// Takes in what was heard: readings, the part's state, counts. Changes no state of life.
    pub fn take_in(&mut self, heard: &Heard) {
        for (name, value) in heard.readings.iter() {
            self.note_reading(name, *value);
        }
        let breaching = match heard.verdict {
            Verdict::Breach => true,
            Verdict::Clear => false,
            // In the hysteresis a part stays what it was; it has not recovered yet.
            Verdict::Between => self.parts.contains_key(&heard.part),
        };
        self.note_part(&heard.part, breaching, heard.believed_at());
        if heard.verdict == Verdict::Breach {
            self.count_return();
            self.occurrences += 1;
            self.last_breach_at = self.last_breach_at.max(heard.received_at);
        }
        self.clear_since = match (self.is_breaching(), self.clear_since) {
            (true, _) => None,
            (false, since) => Some(since.unwrap_or(heard.received_at)),
        };
    }

    fn note_part(&mut self, name: &str, breaching: bool, heard_at: Timestamp) {
        self.parts.insert(
            name.to_owned(),
            Part {
                breaching,
                heard_at,
            },
        );
        if self.parts.len() > MOST_REMEMBERED {
            self.forget_a_part();
        }
    }

    fn forget_a_part(&mut self) {
        let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for name in self.parts.keys() {
            *counts.entry(part::source_of(name)).or_default() += 1;
        }
        let share = |name: &str| counts.get(&part::source_of(name)).copied();
        let parts = self.parts.iter();
        let oldest = parts.min_by_key(|(name, part)| (Reverse(share(name)), part.heard_at));
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            self.parts.remove(&oldest);
        }
    }

    fn note_reading(&mut self, name: &str, value: f64) {
        if let Some(spread) = self.readings.get_mut(name) {
            spread.latest = value;
            spread.lowest = spread.lowest.min(value);
            spread.highest = spread.highest.max(value);
        } else if self.readings.len() < MOST_REMEMBERED {
            let spread = Spread {
                latest: value,
                lowest: value,
                highest: value,
            };
            self.readings.insert(name.to_owned(), spread);
        }
    }
}
