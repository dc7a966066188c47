//! The batch, and the pipeline of each finding in it.

use std::collections::{HashMap, HashSet};

use super::apply::{Origin, apply, enqueue_standing, record_decision, record_without_effect};
use super::changes::{Changes, Effects};
use super::counting::MatchCounts;
use super::flood::reconcile_flood;
use super::groups::Groups;
use super::inputs::Inputs;
use super::key_state::{KeyState, KeyStates, TicketContext};
use super::mutes::mute_key;
use super::outage::{reconcile_loaded, reconcile_outage};
use super::rule_faults::{note_faults, note_without_finding};
use super::source_limits::{BeforeDecision, SourceLimits};
use super::ticket::{context_of_breach, render_create};
use super::timers::{advance_timers, open_delay};
use crate::decide::evaluate::{Fault, Finding, Found, RuleWithoutFinding, Timeliness};
use crate::decide::policy::policy_of;
use crate::decide::ticket_text::queue_standing::queue_of;
use crate::domain::activity::Activity;
use crate::domain::decision::{Decision, NewIncident, decide};
use crate::domain::flood::Allowance;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{IncidentState, Verdict};
use crate::domain::match_count::MatchCount;
use crate::domain::time::Timestamp;
use crate::settings::RuleSettings;
use crate::store::{DecisionBatch, IncidentRecord, JournalEvent, KeyRecord};

pub(in crate::decide) struct Batch<'a> {
    pub(super) inputs: Inputs<'a>,
    pub(super) keys: KeyStates,
    pub(super) groups: Groups,
    limits: SourceLimits,
    counts: MatchCounts,
    pub(super) changes: Changes,
}

/// The stored state of the keys of a batch.
#[derive(Default)]
pub(in crate::decide) struct Loaded {
    pub(in crate::decide) records: HashMap<IncidentKey, KeyRecord>,
    /// Keys of the outages that the batch concerns.
    pub(in crate::decide) groups: Vec<IncidentKey>,
    /// The incidents of those groups whose outage is over without them.
    pub(in crate::decide) left: Vec<IncidentRecord>,
    /// Outages with a member that has not recovered, and is not of the batch.
    pub(in crate::decide) others_live: HashSet<IncidentId>,
    pub(in crate::decide) limits: SourceLimits,
    /// Of keys whose rule needs several matches.
    pub(in crate::decide) match_counts: HashMap<IncidentKey, MatchCount>,
}

impl<'a> Batch<'a> {
    pub(in crate::decide) fn new(inputs: Inputs<'a>, loaded: Loaded) -> Self {
        let mut changes = Changes::new(inputs.now);
        let records = loaded.records.into_iter();
        let mut keys: KeyStates = records.map(|(key, record)| (key, record.into())).collect();
        let groups = Groups::load(&loaded.groups, loaded.left, loaded.others_live, &mut keys);
        groups.release_members(&mut keys, &mut changes, inputs.now);
        Self {
            inputs,
            keys,
            groups,
            limits: loaded.limits,
            counts: MatchCounts::of(loaded.match_counts),
            changes,
        }
    }

    /// The event is one of this batch, and a rule found a breach in it or none.
    pub(in crate::decide) fn count_event(&mut self, event: &JournalEvent, is_breach: bool) {
        let changes = &mut self.changes;
        changes.count_activity(event.received_at, Activity::Event);
        if is_breach {
            changes.count_activity(event.received_at, Activity::Breach);
        }
    }

    /// The event goes to review.
    pub(in crate::decide) fn review(&mut self, event: &JournalEvent, reason: String) {
        tracing::warn!(
            event_id = event.event_id,
            source = event.source.as_ref(),
            kind = "schema_mismatch",
            reason,
            "Schema Mismatch"
        );
        self.changes.review(event, reason);
    }

    /// A rule had no finding in `event`.
    pub(in crate::decide) fn without_finding(
        &mut self,
        event: &JournalEvent,
        without_finding: &RuleWithoutFinding,
    ) {
        note_without_finding(&self.inputs, &mut self.changes, event, without_finding);
    }

    /// Rules failed on `event`: it goes to review, and what the other rules found counts.
    pub(in crate::decide) fn faults(&mut self, event: &JournalEvent, faults: Vec<Fault>) {
        note_faults(&self.inputs, &mut self.changes, event, faults);
    }

    /// Decides on one finding of `event`.
    pub(in crate::decide) fn decide(&mut self, event: &JournalEvent, found: Found) {
        let Some(rule) = self.inputs.settings.rules.get(found.rule) else {
            return;
        };
        let verdict = verdict_name(found.verdict);
        self.changes.count_signal(found.rule, verdict);
        let is_open = self
            .keys
            .get(&found.key)
            .is_some_and(|state| state.active.is_some());
        let without_effect = self.counts.without_effect(rule, event, &found);
        if !is_open && !found.is_breach() {
            // All is well: there is no incident that a clear could change.
            return;
        }
        let finding = found.whole(rule, event);
        let key = finding.key.clone();
        let mut state = self.keys.remove(&key).unwrap_or_default();
        if let Some((outcome, detail)) = without_effect {
            record_without_effect(&mut self.changes, event, &key, &state, outcome, detail);
        } else if let Err(reason) = self.decide_finding(&mut state, event, rule, finding) {
            self.review(event, reason);
        }
        self.keys.insert(key, state);
    }

    /// Everything that happens to one finding, in order. The error says why no ticket can be
    /// written from it: then nothing has changed, and the event goes to review.
    fn decide_finding(
        &mut self,
        state: &mut KeyState,
        event: &JournalEvent,
        rule: &RuleSettings,
        mut finding: Finding,
    ) -> Result<(), String> {
        let received_at = finding.evaluation.received_at;
        // The rule's `sources` may have changed since the incident began.
        state.name_parts(rule);
        order_by_entity(state, &mut finding);
        // The limit concerns the source that began the incident, whichever source reports it now.
        let source = state.begun_by(&event.source);
        // Once the decision accepts this breach, the ticket is written from it. Without a ticket yet, its
        // context is `candidate`: a new incident takes it in `step`, a pending one in `render_create`, and
        // what is left of a breach that is only counted goes to the flood.
        let breach = finding.breach.take();
        let mut context = context_of_breach(&self.inputs, state, event, rule, breach)?;
        let candidate = context.candidate.as_ref();
        self.ask_for_standing(state, candidate, received_at);
        // A muted key opens no ticket.
        self.mute(state, &finding, candidate);
        // Beyond the limit on its source, an incident is held, or its breach is only counted.
        let before = BeforeDecision::of(state, source, received_at, self.inputs.now);
        let allowance = self.limits.allowance(&before);
        // A new incident is undone when its ticket cannot be written.
        let unchanged = state.active.is_none().then(|| state.clone());
        let decision = self.step(state, rule, &finding, allowance, &mut context.candidate);
        context.settle(state, &decision);
        let mut candidate = context.candidate;
        // The create is written now, once, and an incident that waits is checked: an event from
        // which no ticket can be written must not begin an incident.
        let of_finding = (&finding, unchanged.is_some());
        let create = match render_create(&self.inputs, state, &decision, &mut candidate, of_finding)
        {
            Ok(create) => create,
            Err(reason) => {
                *state = unchanged.unwrap_or_default();
                return Err(reason);
            }
        };
        // Counted only now: a breach that was refused above begins no incident.
        self.limits.record(before, state, &decision, candidate);
        // The incident is a member of the outage that its first breach counts for.
        self.groups.join(state, finding.group);
        record_decision(&mut self.changes, event, &finding.key, state, &decision);
        let origin = Origin {
            event_id: &event.event_id,
            received_at: event.received_at,
            source: &event.source,
        };
        apply(
            &self.inputs,
            &mut self.changes,
            state,
            &decision,
            create,
            origin,
            received_at,
        );
        Ok(())
    }

    /// Asks for the standing (the present figures) of a new breach's queue, so that it may be known
    /// when the ticket is opened. No ticket waits for it.
    fn ask_for_standing(
        &mut self,
        state: &KeyState,
        candidate: Option<&TicketContext>,
        received_at: Timestamp,
    ) {
        let new = candidate.filter(|_| state.active.is_none());
        if let Some(queue) = new.and_then(|candidate| queue_of(&candidate.values))
            && self
                .inputs
                .enrichment
                .standing(queue, received_at)
                .is_none()
        {
            let wanted = &mut self.changes.effects().wanted_standings;
            wanted.insert(queue.to_owned());
        }
    }

    fn mute(&mut self, state: &mut KeyState, finding: &Finding, candidate: Option<&TicketContext>) {
        let received_at = finding.evaluation.received_at;
        let joined = state.incident().and_then(|one| one.group.as_ref());
        let group = finding.group.as_ref().or(joined);
        // The outage that the incident may be part of can only form when the silence is over.
        let delay = open_delay(&self.inputs, &self.keys, group, received_at);
        let changes = &mut self.changes;
        mute_key(
            &self.inputs,
            changes,
            state,
            &finding.key,
            candidate,
            received_at,
            delay,
        );
    }

    fn step(
        &self,
        state: &mut KeyState,
        rule: &RuleSettings,
        finding: &Finding,
        allowance: Allowance,
        candidate: &mut Option<TicketContext>,
    ) -> Decision {
        let evaluation = &finding.evaluation;
        // A new incident waits for an outage that may form: then it needs no ticket of its own.
        let group = finding.group.as_ref();
        let delay = open_delay(&self.inputs, &self.keys, group, evaluation.received_at);
        let new = NewIncident {
            id: IncidentId::new(uuid::Uuid::now_v7().to_string()),
            key: finding.key.clone(),
            severity: &finding.severity,
        };
        let policy = policy_of(rule);
        state.step(allowance, candidate, |known| {
            decide(known, evaluation, &policy, delay, &new)
        })
    }

    /// Changes an incident that is due by time alone.
    pub(in crate::decide) fn advance_timers(&mut self, due: &IncidentRecord) {
        let key = due.incident.incident_key();
        let mut state = self.keys.remove(&key).unwrap_or_default();
        let (limits, changes) = (&mut self.limits, &mut self.changes);
        advance_timers(&self.inputs, changes, limits, &self.keys, &mut state);
        self.keys.insert(key, state);
    }

    /// Enqueues a comment with the queue's standing for the open tickets with `keys`.
    pub(in crate::decide) fn add_standings(&mut self, keys: &[IncidentKey]) {
        for key in keys {
            let active = self.keys.get(key).and_then(|state| state.active.as_ref());
            if let Some(active) =
                active.filter(|active| active.incident.state == IncidentState::Open)
            {
                enqueue_standing(&self.inputs, &mut self.changes, active);
            }
        }
    }

    /// Brings outages in line with the incidents of the batch. Returns the keys of the outages that
    /// need all incidents of their group for that.
    pub(in crate::decide) fn reconcile_outages(&mut self) -> Vec<IncidentKey> {
        let (inputs, changes, keys) = (&self.inputs, &mut self.changes, &mut self.keys);
        let mut outage_keys = self.groups.outage_keys();
        outage_keys.retain(|key| !reconcile_loaded(inputs, changes, &self.groups, keys, key));
        outage_keys
    }

    /// The rows to store, and the effects that follow. `all` are the incidents of the groups that
    /// [`Self::reconcile_outages`] has named. `decided_to` is the last event of the batch.
    pub(in crate::decide) fn finish(
        mut self,
        (outage_keys, all): (&[IncidentKey], Vec<IncidentRecord>),
        decided_to: Option<i64>,
    ) -> (DecisionBatch, Effects) {
        let (inputs, changes, keys) = (&self.inputs, &mut self.changes, &mut self.keys);
        self.groups.add_stored(all, keys);
        // Members of an outage that a person has ended go on alone.
        self.groups.release_members(keys, changes, inputs.now);
        // At the end: an outage depends on all members that this batch has changed.
        for outage_key in outage_keys {
            reconcile_outage(inputs, changes, &self.groups, keys, outage_key);
        }
        // After the outages: a held incident that joined an outage leaves its flood.
        for (source, limit) in self.limits.take() {
            if limit.changed {
                changes.rate(source.clone(), limit.rate);
            }
            if !limit.is_untouched() {
                reconcile_flood(inputs, changes, keys, &source, limit);
            }
        }
        self.counts.store(&mut self.changes);
        self.changes.finish(&self.keys, decided_to)
    }
}

/// The state of the entity knows the order of its messages better than the incident: a finding can
/// come of readings from several messages, the older of which arrived last.
fn order_by_entity(state: &KeyState, finding: &mut Finding) {
    let part = state
        .incident()
        .and_then(|incident| incident.parts.get(&finding.evaluation.part));
    if let Some(part) = part.filter(|_| finding.timeliness == Timeliness::Newest) {
        let at = &mut finding.evaluation.occurred_at;
        *at = (*at).max(part.heard_at);
    }
}

const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Breach => "breach",
        Verdict::Clear => "clear",
        Verdict::InHysteresis => "none",
    }
}
