//! The record of an incident, as it is stored.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::breach_starts::{BreachStarts, Flapping};
use super::mute::Mute;
use super::readings::Spread;
use super::suppression::Suppression;
use super::totals::{FloodTotals, OutageTotals};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::time::Timestamp;

/// Where an incident is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// It breaches, and has no ticket yet: the breach is too short, muted, inside a burst lock,
    /// part of an outage, or held by a flood.
    Pending,
    /// It breaches and owns a ticket.
    Open,
    /// It does not breach any more; a new breach continues it.
    Recovered,
    /// It is over; a new breach begins a new incident.
    Closed,
}

impl IncidentState {
    /// In the order of life.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Open, Self::Recovered, Self::Closed];

    /// Its name in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Recovered => "recovered",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for IncidentState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One part of the entity: a media type, a trunk instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub breaching: bool,
    /// The newest signal about it, by the sender's clock as far as it was believed.
    pub heard_at: Timestamp,
}

/// When the ticket was written to, and how many breaches had been counted by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TicketWrite {
    pub at: Timestamp,
    pub occurrences: u64,
}

/// One ongoing problem, found by its rule and correlation key.
///
/// The store keeps it as JSON in the column `life`. A field keeps the name that it has there
/// (`rename`), so that earlier rows stay readable. A new field that is no
/// `Option` needs `#[serde(default)]`: without it no earlier row can be read. These words differ
/// between the code, the stored JSON, and the settings and the API:
///
/// | code | stored | settings, API |
/// |---|---|---|
/// | `written_at` | `told_at` | |
/// | `occurrences_at_write` | `told_occurrences` | |
/// | `previous_write` | `told_before` | |
/// | `unreported` | `untold` | |
/// | `breach_starts` | `onsets` | |
/// | `ungrouped` | `alone` | |
/// | `flood.reported` | `flood.told` | |
/// | `flapping.stable_at` | `flapping.calm_at` | `flaps.calm_at` |
/// | `group` | `group` | `group_by`; the `key` of the outage |
/// | `tally` | `tally` | `outage` |
/// | `waits_for`, `silence`, `held_by_flood`, `outage_id` | the same | `waits.for`, `waits.by` |
/// | `opens_at` | the same | `waits.until` |
/// | `LifePolicy::hold_for` | | `for` |
/// | `FlappingPolicy::quiet_period` | | `flapping.calm` |
/// | `Recovery::Nothing` | | `on_recovery = "none"` |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    pub rule: Arc<str>,
    /// The correlation key, unique among the incidents of the rule that are not closed.
    pub key: Arc<str>,
    pub state: IncidentState,
    pub severity: String,
    /// When the first breach was received.
    pub opened_at: Timestamp,
    /// Pending: when the ticket is opened, unless the breach clears before.
    pub opens_at: Option<Timestamp>,
    /// When the last breach was received.
    pub last_breach_at: Timestamp,
    /// Since when no part breaches any more.
    pub clear_since: Option<Timestamp>,
    pub recovered_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    /// When the ticket was last written to.
    #[serde(rename = "told_at")]
    pub written_at: Timestamp,
    /// Number of breaches.
    pub occurrences: u64,
    /// Number of breaches that wrote nothing to the CRM.
    pub suppressed: u64,
    /// How often a breach followed the recovery.
    pub relapses: u32,
    /// By name; see [`part`](super::part).
    pub parts: BTreeMap<String, Part>,
    /// The values that the rule's expressions read, by name.
    pub readings: BTreeMap<String, Spread>,
    /// How far the latest of them is beyond a threshold of the rule at most, when it was stored: 1 at
    /// the threshold.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub excess: f64,
    /// Pending: why the ticket waits, where that is not the rule's `for`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Suppression>,
    /// Pending: the mute of its ticket. The ticket waits for its end, besides `opens_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Mute>,
    /// When the last silence over it ended, while it was pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_until: Option<Timestamp>,
    /// The outage that it may become a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<IncidentKey>,
    /// The outage that it is a member of. A pending member never opens a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_id: Option<IncidentId>,
    /// Of an outage: how many members came or left since its ticket was last written to.
    /// Of a flood: 1 when its totals have grown much since then.
    #[serde(rename = "untold", default, skip_serializing_if = "is_zero")]
    pub unreported: u32,
    /// Number of breaches when the ticket was last written to.
    #[serde(rename = "told_occurrences", default)]
    pub occurrences_at_write: u64,
    /// The write to the ticket before the last one. A comment compares with it.
    #[serde(rename = "told_before", default)]
    pub previous_write: TicketWrite,
    /// When the trouble of the key started lately.
    #[serde(
        rename = "onsets",
        default,
        skip_serializing_if = "BreachStarts::is_empty"
    )]
    pub breach_starts: BreachStarts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
    /// A person ended its outage: it joins no other one.
    #[serde(rename = "alone", default, skip_serializing_if = "is_false")]
    pub ungrouped: bool,
    /// A person puts it into this outage, which takes it in with the step that follows.
    #[serde(skip)]
    pub put_into: Option<IncidentId>,
    /// Of an outage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<OutageTotals>,
    /// Pending: its source had begun too many incidents when its ticket was due. The ticket waits
    /// until a person releases it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub held_by_flood: bool,
    /// A person released it from a flood: no flood holds it again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub released: bool,
    /// Of a flood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flood: Option<FloodTotals>,
    /// It was open, and was closed for nothing else than that the CRM did not show its ticket.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ticket_not_shown: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_nothing(excess: &f64) -> bool {
    *excess <= 0.0
}

impl Incident {
    /// A pending incident without a breach.
    pub(super) fn empty(
        id: IncidentId,
        key: IncidentKey,
        severity: &str,
        received_at: Timestamp,
    ) -> Self {
        Self {
            id,
            rule: key.rule,
            key: key.key,
            state: IncidentState::Pending,
            severity: severity.to_owned(),
            opened_at: received_at,
            opens_at: None,
            last_breach_at: received_at,
            clear_since: None,
            recovered_at: None,
            closed_at: None,
            written_at: received_at,
            occurrences: 0,
            suppressed: 0,
            relapses: 0,
            parts: BTreeMap::new(),
            readings: BTreeMap::new(),
            excess: 0.0,
            waits_for: None,
            silence: None,
            silenced_until: None,
            group: None,
            outage_id: None,
            unreported: 0,
            occurrences_at_write: 0,
            previous_write: TicketWrite::default(),
            breach_starts: BreachStarts::default(),
            flapping: None,
            ungrouped: false,
            put_into: None,
            tally: None,
            held_by_flood: false,
            released: false,
            flood: None,
            ticket_not_shown: false,
        }
    }

    pub fn incident_key(&self) -> IncidentKey {
        IncidentKey::new(Arc::clone(&self.rule), Arc::clone(&self.key))
    }

    /// Whether any part breaches.
    pub fn is_breaching(&self) -> bool {
        self.parts.values().any(|part| part.breaching)
    }

    /// Whether it is a member of an outage: while it is pending, it opens no ticket.
    pub const fn is_outage_member(&self) -> bool {
        self.outage_id.is_some()
    }

    /// Whether a flood holds its ticket back.
    pub fn is_held_by_flood(&self) -> bool {
        self.state == IncidentState::Pending && self.held_by_flood
    }

    /// Whether it flaps: it stays open until it is stable.
    pub fn is_flapping(&self) -> bool {
        let flaps = |flapping: Flapping| flapping.stable_at.is_none();
        self.state == IncidentState::Open && self.flapping.is_some_and(flaps)
    }
}
