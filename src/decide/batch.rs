//! One batch of decisions: what is known is loaded, each finding is decided on, and
//! everything that changes is gathered for one transaction. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use uuid::Uuid;

use super::evaluate::Finding;
use super::failover::{Moved, Reach};
use super::flood::{Floods, Step};
use super::groups::{Groups, outage_of};
use super::history;
use super::known::{Kept, KnownKey, Origin};
use super::policy::policy_of;
use crate::domain::decision::{Decision, Known, NewIncident, Outcome, Suppression, decide};
use crate::domain::hold::Hold;
use crate::domain::incident::{IncidentState, Owed, Verdict};
use crate::domain::silence::Silence;
use crate::domain::time::Timestamp;
use crate::enrichment::Enrichment;
use crate::rules::TemplateContext;
use crate::settings::{RuleSettings, Settings};
use crate::store::{DecisionBatch, JournalEvent, KeptIncident, NewDecision, NewReview, active_key};
use crate::telemetry::Metrics;

/// A batch being decided.
pub(super) struct Batch<'a> {
    pub(super) settings: &'a Settings,
    pub(super) metrics: &'a Metrics,
    pub(super) enrichment: &'a Enrichment,
    /// What rules said, by the rule's place: counted once for the batch, not once for a signal.
    heard: BTreeMap<(usize, &'static str), u64>,
    pub(super) keys: HashMap<String, KnownKey>,
    pub(super) groups: Groups,
    /// Which targets cannot be reached.
    pub(super) reach: Reach,
    /// In force or to come.
    pub(super) silences: Vec<Silence>,
    /// What the limits on sources let them do.
    pub(super) floods: Floods,
    /// Incidents that changed, by id, in the order in which they first did.
    changed: Vec<KeptIncident>,
    position: HashMap<String, usize>,
    pub(super) result: DecisionBatch,
    /// Tickets opened without their queue's standing: the queue, and the active key.
    pub(super) late: Vec<(String, String)>,
    /// Tickets that are opened in another target than their first.
    pub(super) moved: Vec<Moved>,
}

/// A batch that has been decided.
pub(super) struct Concluded {
    /// Everything to keep.
    pub(super) result: DecisionBatch,
    /// What follows once it is kept: tickets that await details …
    pub(super) late: Vec<(String, String)>,
    /// … and those that go to another target.
    pub(super) moved: Vec<Moved>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        metrics: &'a Metrics,
        enrichment: &'a Enrichment,
        reach: Reach,
        known: HashMap<String, (Known, Option<KeptIncident>)>,
        decided_at: Timestamp,
    ) -> Self {
        let mut batch = Self {
            settings,
            metrics,
            enrichment,
            late: Vec::new(),
            moved: Vec::new(),
            heard: BTreeMap::new(),
            keys: HashMap::new(),
            groups: Groups::default(),
            reach,
            silences: Vec::new(),
            floods: Floods::default(),
            changed: Vec::new(),
            position: HashMap::new(),
            result: DecisionBatch {
                decided_at,
                ..DecisionBatch::default()
            },
        };
        batch.take_known(known);
        batch
    }

    /// Takes in what is known of further keys.
    pub(super) fn take_known(&mut self, known: HashMap<String, (Known, Option<KeptIncident>)>) {
        let known = known.into_iter().map(|(key, (known, kept))| {
            let kept = kept.map(Kept::from);
            (key, KnownKey { known, kept })
        });
        self.keys.extend(known);
    }

    /// Sends an event to review.
    pub(super) fn review(&mut self, event: &JournalEvent, reason: String) {
        tracing::warn!(
            event_id = event.event_id,
            source = event.source.as_ref(),
            kind = "schema_mismatch",
            reason,
            "Schema Mismatch"
        );
        self.metrics.events(&event.source, "review", 1);
        self.result.reviews.push(NewReview {
            event_seq: event.seq,
            reason,
        });
    }

    /// The sources whose limits concern `keys`: those that began their incidents, where these
    /// have no ticket yet, and those of `breaches`, which may begin one.
    pub(super) fn limited_sources(
        &self,
        keys: &[String],
        breaches: BTreeSet<(String, String)>,
    ) -> BTreeMap<String, bool> {
        let pending = |key: &String| {
            let entry = self.keys.get(key)?;
            let incident = entry.known.incident.as_ref()?;
            let is_pending = incident.state == IncidentState::Pending;
            is_pending.then_some(entry.kept.as_ref()?.begun_by.clone())
        };
        let breaching = breaches.into_iter().filter(|(_, key)| self.may_begin(key));
        let breaching = breaching.map(|(source, _)| source);
        let sources = keys.iter().filter_map(pending).chain(breaching);
        sources.map(|source| (source, false)).collect()
    }

    /// Whether a breach of the key may begin an incident, or open one's ticket.
    fn may_begin(&self, key: &str) -> bool {
        let incident = self
            .keys
            .get(key)
            .and_then(|one| one.known.incident.as_ref());
        incident.is_none_or(|one| one.state == IncidentState::Pending)
    }

    /// Counts that the rule at `rule` said `outcome` about a signal.
    pub(super) fn count(&mut self, rule: usize, outcome: &'static str) {
        *self.heard.entry((rule, outcome)).or_default() += 1;
    }

    /// Decides on one finding of `event`.
    pub(super) fn decide(&mut self, event: &JournalEvent, finding: Finding) {
        let settings = self.settings;
        let Some(rule) = settings.rules.get(finding.rule) else {
            return;
        };
        self.count(finding.rule, verdict_name(finding.heard.verdict));
        let key = active_key(&rule.name, &finding.key);
        let is_quiet = self
            .keys
            .get(&key)
            .is_none_or(|entry| entry.known.incident.is_none());
        if is_quiet && finding.heard.verdict != Verdict::Breach {
            // All is well, and nothing is known that could change.
            return;
        }
        let mut entry = self.keys.remove(&key).unwrap_or_default();
        if let Err(reason) = self.decide_known(&mut entry, event, rule, finding) {
            self.review(event, reason);
        }
        self.keys.insert(key, entry);
    }

    fn decide_known(
        &mut self,
        entry: &mut KnownKey,
        event: &JournalEvent,
        rule: &RuleSettings,
        finding: Finding,
    ) -> Result<(), String> {
        let Finding {
            key,
            heard,
            severity,
            breach,
            group,
            ..
        } = finding;
        entry.name_parts(rule);
        let begun_by = entry.begun_by(&event.source);
        if let Some(breach) = breach {
            if entry.known.incident.is_none() {
                self.ask_ahead(&breach.context, heard.received_at);
            }
            let named = (key.as_str(), severity.as_str());
            self.take_breach(entry, event, rule, named, breach)?;
        }
        let id = Uuid::now_v7().to_string();
        let new = NewIncident {
            id: &id,
            rule: &rule.name,
            key: &key,
            severity: &severity,
        };
        let hold = self.hold_of(group.as_deref(), heard.received_at);
        let incident = entry.known.incident.as_ref();
        let joins = group
            .as_deref()
            .or(incident.and_then(|one| one.group.as_deref()));
        let after_silence = self.hold_of(joins, heard.received_at);
        self.cover(entry, (&rule.name, &key), heard.received_at, after_silence);
        let now = self.result.decided_at;
        let step = Step::before(entry, begun_by, heard.received_at, now);
        entry.known.admission = self.floods.admission(&step);
        let decision = decide(&mut entry.known, &heard, &policy_of(rule), hold, new);
        self.floods.note(step, entry, &decision);
        self.note_group(entry, group, active_key(&rule.name, &key));
        self.note_decision(event, rule, &key, entry, &decision);
        let origin = Origin {
            event_id: &event.event_id,
            received_at: event.received_at,
            source: &event.source,
        };
        self.gather(entry, &rule.name, &decision, origin, heard.received_at);
        Ok(())
    }

    /// A ticket waits for the outage to form that it may be part of; while there is one, it
    /// waits until the batch has taken its incident in.
    pub(super) fn hold_of(&self, group: Option<&str>, now: Timestamp) -> Option<Hold> {
        let (_, outage, _) = outage_of(self.settings, group?)?;
        let shortest = match self.is_active(group?) {
            true => Duration::from_millis(1),
            false => Duration::ZERO,
        };
        Some(Hold {
            until: now.plus(outage.hold.max(shortest)),
            reason: Suppression::Outage,
        })
    }

    /// An incident belongs to the group of its first breach that has one.
    fn note_group(&mut self, entry: &mut KnownKey, group: Option<String>, key: String) {
        let Some(incident) = entry.known.incident.as_mut() else {
            return;
        };
        if incident.group.is_none() && incident.state != IncidentState::Closed {
            incident.group = group;
        }
        if let Some(group) = incident.group.clone() {
            self.groups.add(&group, Some(key));
        }
    }

    /// Gathers what a decision changes.
    pub(super) fn gather(
        &mut self,
        entry: &mut KnownKey,
        rule: &str,
        decision: &Decision,
        origin: Origin<'_>,
        now: Timestamp,
    ) {
        if matches!(
            decision.outcome,
            Outcome::AllWell | Outcome::OutOfOrder | Outcome::OtherSource
        ) {
            return;
        }
        if decision.owed.contains(&Owed::Create) {
            self.choose_target(entry, now);
        }
        let (Some(incident), Some(kept)) = (&entry.known.incident, &entry.kept) else {
            return;
        };
        let is_closed = incident.state == IncidentState::Closed;
        for owed in &decision.owed {
            self.owe(*owed, incident, kept, origin, now);
        }
        if let Some(lock) = &decision.lock {
            self.result.locks.push((
                rule.to_owned(),
                incident.key.clone(),
                incident.id.clone(),
                lock.clone(),
            ));
        }
        let entries = history::entries(decision, incident, origin.event_id, now);
        self.result.history.extend(entries);
        self.remember(entry);
        if is_closed {
            entry.known.incident = None;
            entry.kept = None;
        }
    }

    /// Marks the key's incident as changed.
    pub(super) fn remember(&mut self, entry: &KnownKey) {
        let (Some(incident), Some(kept)) = (&entry.known.incident, &entry.kept) else {
            return;
        };
        let row = KeptIncident {
            incident: incident.clone(),
            source: kept.begun_by.clone(),
            target: kept.target.clone(),
            route: kept.route.clone(),
            context: String::new(),
        };
        if let Some(position) = self.position.get(&incident.id) {
            if let Some(slot) = self.changed.get_mut(*position) {
                *slot = row;
            }
            if incident.state == IncidentState::Closed {
                self.finish_context(&incident.id, &kept.context);
            }
            return;
        }
        self.position
            .insert(incident.id.clone(), self.changed.len());
        self.changed.push(row);
        if incident.state == IncidentState::Closed {
            self.finish_context(&incident.id, &kept.context);
        }
    }

    fn finish_context(&mut self, incident_id: &str, context: &TemplateContext) {
        if let Some(slot) = self
            .position
            .get(incident_id)
            .and_then(|position| self.changed.get_mut(*position))
        {
            slot.context = serde_json::to_string(context).unwrap_or_default();
        }
    }

    fn note_decision(
        &mut self,
        event: &JournalEvent,
        rule: &RuleSettings,
        key: &str,
        entry: &KnownKey,
        decision: &Decision,
    ) {
        let incident = entry.known.incident.as_ref();
        let incident_id = incident.map(|incident| incident.id.clone());
        let until = entry.known.lock.as_ref().map(|lock| lock.until.to_string());
        let silenced = decision.outcome == Outcome::Suppressed(Suppression::Silenced);
        let flooded = decision.outcome == Outcome::Suppressed(Suppression::Flood);
        let silence = incident.and_then(|incident| incident.silence.as_ref());
        let silence = silence.filter(|_| silenced).map(ToString::to_string);
        if let Outcome::Suppressed(reason) = decision.outcome {
            self.metrics.suppressed(&rule.name, reason.as_str());
        }
        if decision.outcome == Outcome::AllWell {
            return;
        }
        tracing::info!(
            event_id = event.event_id,
            incident_id,
            source = event.source.as_ref(),
            rule = rule.name,
            key,
            outcome = decision.outcome.as_str(),
            locked_until = until,
            silence,
            "decided"
        );
        self.result.decisions.push(NewDecision {
            event_seq: event.seq,
            rule: rule.name.clone(),
            outcome: decision.outcome.as_str(),
            incident_id,
            detail: silence
                .or_else(|| flooded.then(|| format!("flood from source {}", event.source)))
                .or_else(|| until.map(|until| format!("burst lock until {until}"))),
        });
    }

    /// Brings the batch to its end. `decided_to` is the last event in it.
    pub(super) fn finish(mut self, decided_to: Option<i64>) -> Concluded {
        self.settle_groups(self.result.decided_at);
        self.settle_floods(self.result.decided_at);
        for ((rule, outcome), count) in &self.heard {
            if let Some(rule) = self.settings.rules.get(*rule) {
                self.metrics.signals(&rule.name, outcome, *count);
            }
        }
        for entry in self.keys.values() {
            let (Some(incident), Some(kept)) = (&entry.known.incident, &entry.kept) else {
                continue;
            };
            if let Some(slot) = self
                .position
                .get(&incident.id)
                .and_then(|position| self.changed.get_mut(*position))
            {
                slot.context = serde_json::to_string(&kept.context).unwrap_or_default();
            }
        }
        self.result.incidents = self.changed;
        // Closed incidents first: a successor takes over their key.
        self.result
            .incidents
            .sort_by_key(|kept| kept.incident.state != IncidentState::Closed);
        self.result.decided_to = decided_to;
        Concluded {
            result: self.result,
            late: self.late,
            moved: self.moved,
        }
    }
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Breach => "breach",
        Verdict::Clear => "clear",
        Verdict::Between => "none",
    }
}
