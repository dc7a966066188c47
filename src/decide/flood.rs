//! Floods within a batch: what the limit on a source lets its keys do, what is held because of
//! it, and the flood's own incident and ticket. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::batch::Batch;
use super::history;
use super::known::{Kept, KnownKey, Origin};
use super::ticket_text::flood_report::describe;
use crate::domain::decision::{Decision, NewIncident, Outcome, Suppression};
use crate::domain::flood::{Admission, FloodPolicy, RULE_PREFIX, Seen, SourceRate, settle};
use crate::domain::incident::{Incident, IncidentState, Owed};
use crate::domain::time::Timestamp;
use crate::store::{FloodVerdict, active_key};

/// The severity of a flood.
const SEVERITY: &str = "high";

/// The active key of the incident of a flood from `source`.
pub(super) fn key_of(source: &str) -> String {
    active_key(&rule_of(source), source)
}

fn rule_of(source: &str) -> String {
    format!("{RULE_PREFIX}{source}")
}

/// One decision on a key, as the limit on its source sees it.
#[derive(Debug)]
pub(super) struct Step {
    source: String,
    at: Timestamp,
    now: Timestamp,
    was_pending: bool,
    was_held: bool,
    was_released: bool,
}

impl Step {
    /// The step that is about to be taken with `entry`, for which `source` began its incident or
    /// begins it now. `at` is the time in the journal, `now` that of the clock.
    pub(super) fn before(entry: &KnownKey, source: String, at: Timestamp, now: Timestamp) -> Self {
        let incident = entry.known.incident.as_ref();
        Self {
            source,
            at,
            now,
            was_pending: incident.is_some_and(|one| one.state == IncidentState::Pending),
            was_held: incident.is_some_and(Incident::is_held_by_flood),
            was_released: incident.is_some_and(|one| one.released),
        }
    }
}

/// The limits on sources that a batch concerns.
#[derive(Debug, Default)]
pub(super) struct Floods {
    sources: BTreeMap<String, SourceFlood>,
    /// What people decided about held incidents, by id.
    pub(super) verdicts: HashMap<String, FloodVerdict>,
}

/// What is known of one source, and what the batch did.
#[derive(Debug)]
struct SourceFlood {
    policy: FloodPolicy,
    rate: SourceRate,
    changed: bool,
    any_held: Option<bool>,
    newly_held: BTreeSet<String>,
    counted: u64,
    held_breached: bool,
    /// What the flood's ticket is written from: the first key beyond the limit.
    first: Option<Kept>,
}

impl Floods {
    /// Takes in the limit `policy` on `source` and how fast it is. `changed`: the rate differs
    /// from what is kept. `any_held`: whether anything is held, where that was looked for.
    pub(super) fn add(
        &mut self,
        source: String,
        policy: FloodPolicy,
        (rate, changed): (SourceRate, bool),
        any_held: Option<bool>,
    ) {
        let flood = SourceFlood {
            policy,
            rate,
            changed,
            any_held,
            newly_held: BTreeSet::new(),
            counted: 0,
            held_breached: false,
            first: None,
        };
        self.sources.insert(source, flood);
    }

    /// What the limit lets the key of `step` do. What has no limit may do anything.
    pub(super) fn admission(&self, step: &Step) -> Admission {
        let limited = self.sources.get(&step.source);
        limited.map_or_else(Admission::default, |flood| {
            flood.rate.admission(&flood.policy, step.at, step.now)
        })
    }

    /// Counts what `decision` did to the key of `entry`.
    pub(super) fn note(&mut self, step: Step, entry: &mut KnownKey, decision: &Decision) {
        let Some(flood) = self.sources.get_mut(&step.source) else {
            return;
        };
        let after = entry.known.incident.as_ref().map(|one| one.state);
        let is_pending = after == Some(IncidentState::Pending);
        flood.changed |= flood.rate.note_pending(step.was_pending, is_pending);
        if decision.owed.contains(&Owed::Create) {
            if !step.was_released {
                flood.rate.note_opened(step.at, step.now);
                flood.changed = true;
            }
            return;
        }
        let is_flooded = decision.outcome == Outcome::Suppressed(Suppression::Flood);
        let Some(incident) = &entry.known.incident else {
            if is_flooded {
                flood.counted += 1;
                flood.keep_first(entry.kept.take());
            }
            return;
        };
        if !incident.is_held_by_flood() {
            return;
        }
        if step.was_held {
            flood.held_breached |= is_flooded;
        } else {
            let key = active_key(&incident.rule, &incident.key);
            flood.newly_held.insert(key);
        }
        flood.keep_first(entry.kept.clone());
    }
}

impl SourceFlood {
    fn keep_first(&mut self, kept: Option<Kept>) {
        if self.first.is_none() {
            self.first = kept;
        }
    }

    fn is_untouched(&self) -> bool {
        let grows = self.counted > 0 || !self.newly_held.is_empty();
        !grows && !self.held_breached && self.any_held.is_none()
    }
}

impl Batch<'_> {
    /// Does what a person decided about a held incident: a released one waits no longer for
    /// that, a discarded one is closed. Answers whether it was.
    pub(super) fn carry_out_verdict(&mut self, entry: &mut KnownKey, now: Timestamp) -> bool {
        let Some(incident) = entry
            .known
            .incident
            .as_mut()
            .filter(|one| one.is_held_by_flood())
        else {
            return false;
        };
        let Some(verdict) = self.floods.verdicts.get(&incident.id) else {
            return false;
        };
        let cause = format!("by {}", verdict.by);
        if verdict.release {
            incident.release_from_flood();
            let incident = incident.clone();
            self.tell(&incident, "released from the flood", cause, now);
            return false;
        }
        incident.close(now);
        let cause = format!("discarded with the flood {cause}");
        self.result
            .history
            .push(history::closed(incident, cause, now));
        let incident = incident.clone();
        self.replace(entry, &incident);
        true
    }

    /// Begins, continues or ends the floods of the batch's sources.
    pub(super) fn settle_floods(&mut self, now: Timestamp) {
        for (source, flood) in std::mem::take(&mut self.floods.sources) {
            if flood.changed {
                self.result.rates.push((source.clone(), flood.rate));
            }
            if !flood.is_untouched() {
                self.settle_flood(&source, flood, now);
            }
        }
    }

    fn settle_flood(&mut self, source: &str, flood: SourceFlood, now: Timestamp) {
        let (rule, flood_key) = (rule_of(source), key_of(source));
        let mut entry = self.keys.remove(&flood_key).unwrap_or_default();
        // An outage may have taken in since what was held.
        let held: Vec<String> = flood
            .newly_held
            .iter()
            .filter_map(|key| self.keys.get(key)?.known.incident.as_ref())
            .filter(|incident| incident.is_held_by_flood())
            .map(|incident| format!("{} {}", incident.rule, incident.key))
            .collect();
        let seen = Seen {
            newly_held: held.len() as u64,
            counted: flood.counted,
            held_breached: flood.held_breached,
            any_held: flood.any_held,
        };
        self.cover_flood(&mut entry, source, now);
        if entry.known.incident.is_none() {
            entry.kept = flood.first;
        }
        let id = uuid::Uuid::now_v7().to_string();
        let new = NewIncident {
            id: &id,
            rule: &rule,
            key: source,
            severity: SEVERITY,
        };
        if let Some(kept) = entry.kept.take() {
            let steps = settle(&mut entry.known, seen, &flood.policy.life(), new, now);
            for (decision, incident) in steps {
                let kept = describe(kept.clone(), source, &flood.policy, &incident, &held);
                self.keep_flood(&mut entry, kept, (decision, incident), now);
            }
        }
        self.keys.insert(flood_key, entry);
    }

    fn keep_flood(
        &mut self,
        entry: &mut KnownKey,
        kept: Kept,
        (decision, incident): (Decision, Incident),
        now: Timestamp,
    ) {
        let (event_id, source) = (kept.event_id(), kept.source.clone());
        let (rule, received_at) = (incident.rule.clone(), incident.opened_at);
        entry.known.incident = Some(incident);
        entry.kept = Some(kept);
        let origin = Origin {
            event_id: &event_id,
            received_at,
            source: &source,
        };
        self.gather(entry, &rule, &decision, origin, now);
    }
}
