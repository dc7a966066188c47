//! The changes of a batch. They are stored in one transaction; other effects follow afterwards.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::key_state::{ActiveIncident, KeyStates};
use super::moved::Moved;
use crate::domain::activity::Activity;
use crate::domain::decision::BurstLock;
use crate::domain::flood::SourceRate;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::Incident;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::match_count::MatchCount;
use crate::domain::time::Timestamp;
use crate::store::{
    DecisionBatch, DecisionRecord, HistoryEntry, IncidentRecord, JournalEvent, NewDelivery,
    NewReview, Reference,
};

/// The changes of a batch, as they are gathered.
pub(super) struct Changes {
    rows: DecisionBatch,
    closed: Vec<IncidentRecord>,
    /// Keys of incidents that changed and are open, in the order of their first change.
    changed: Vec<IncidentKey>,
    is_changed: HashSet<IncidentKey>,
    effects: Effects,
}

/// Effects outside the store. They follow after the commit, because a batch that is not stored is
/// decided again. Only the wanted standings are asked for before it: to ask twice does no harm.
#[derive(Debug, Default)]
pub(in crate::decide) struct Effects {
    /// Creates without their queue's standing (its present figures): the queue, and the key.
    pub(in crate::decide) awaiting_standing: Vec<(String, IncidentKey)>,
    /// Queues whose standing is asked for.
    pub(in crate::decide) wanted_standings: BTreeSet<String>,
    /// Tickets that are opened in another target than their first.
    pub(in crate::decide) moved: Vec<Moved>,
    /// Verdicts by the rule's place, counted.
    pub(in crate::decide) signals: BTreeMap<(usize, &'static str), u64>,
    /// Breaches that wrote nothing, by rule and reason, counted.
    pub(in crate::decide) suppressed: BTreeMap<(String, &'static str), u64>,
    /// Events that go to review, by source, counted.
    pub(in crate::decide) reviews: BTreeMap<String, u64>,
}

impl Changes {
    pub(super) fn new(decided_at: Timestamp) -> Self {
        Self {
            rows: DecisionBatch {
                decided_at,
                ..DecisionBatch::default()
            },
            closed: Vec::new(),
            changed: Vec::new(),
            is_changed: HashSet::new(),
            effects: Effects::default(),
        }
    }

    pub(super) const fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    pub(super) fn review(&mut self, event: &JournalEvent, reason: String) {
        *self
            .effects
            .reviews
            .entry(event.source.to_string())
            .or_default() += 1;
        self.rows.reviews.push(NewReview {
            event_seq: event.seq,
            reason,
        });
    }

    pub(super) fn count_signal(&mut self, rule: usize, verdict: &'static str) {
        *self.effects.signals.entry((rule, verdict)).or_default() += 1;
    }

    pub(super) fn count_activity(&mut self, at: Timestamp, what: Activity) {
        self.rows.activity.add(at, what);
    }

    pub(super) fn match_count(&mut self, key: IncidentKey, count: MatchCount) {
        self.rows.match_counts.push((key, count));
    }

    pub(super) fn count_suppressed(&mut self, rule: &str, reason: &'static str) {
        let count = self.effects.suppressed.entry((rule.to_owned(), reason));
        *count.or_default() += 1;
    }

    pub(super) fn decision(&mut self, decision: DecisionRecord) {
        self.rows.decisions.push(decision);
    }

    pub(super) fn enqueue(&mut self, delivery: NewDelivery) {
        self.rows.deliveries.push(delivery);
    }

    pub(super) fn lock(&mut self, incident: &Incident, lock: BurstLock) {
        let taken = (incident.incident_key(), incident.id.clone(), lock);
        self.rows.locks.push(taken);
    }

    pub(super) fn rate(&mut self, source: String, rate: SourceRate) {
        self.rows.rates.push((source, rate));
    }

    /// Adds to the history of `incident`.
    pub(super) fn record(&mut self, incident: &Incident, event: IncidentEvent, at: Timestamp) {
        self.rows.history.push(history_entry(incident, event, at));
    }

    /// The same, with a reference to the event `event_id` of a source.
    pub(super) fn record_by(
        &mut self,
        event_id: &str,
        incident: &Incident,
        event: IncidentEvent,
        at: Timestamp,
    ) {
        self.rows.history.push(HistoryEntry {
            refers: Reference::event(Some(event_id)),
            ..history_entry(incident, event, at)
        });
    }

    /// The incident changed: it is stored as it is at the end of the batch.
    pub(super) fn save(&mut self, active: &ActiveIncident) {
        let key = active.incident.incident_key();
        if self.is_changed.insert(key.clone()) {
            self.changed.push(key);
        }
    }

    /// The incident is closed: it is stored as it is now, because its key may begin another.
    pub(super) fn save_closed(&mut self, active: &ActiveIncident) {
        // Several steps in a row may concern a closed outage or flood.
        let is_last = |row: &mut IncidentRecord| row.incident.id == active.incident.id;
        self.closed.pop_if(is_last);
        self.closed.push(active.row());
    }

    /// The rows to store, and the effects. `decided_to` is the last event of the batch.
    pub(super) fn finish(
        mut self,
        keys: &KeyStates,
        decided_to: Option<i64>,
    ) -> (DecisionBatch, Effects) {
        let active = self
            .changed
            .iter()
            .filter_map(|key| keys.get(key)?.active.as_ref());
        // Closed incidents come first: a successor takes over their key.
        self.rows.incidents = self.closed;
        self.rows.incidents.extend(active.map(ActiveIncident::row));
        self.rows.decided_to = decided_to;
        (self.rows, self.effects)
    }
}

/// An entry that refers to no event of a source.
pub(super) fn history_entry(
    incident: &Incident,
    event: IncidentEvent,
    at: Timestamp,
) -> HistoryEntry {
    HistoryEntry {
        incident_id: incident.id.clone(),
        at,
        event,
        refers: Reference::default(),
    }
}
