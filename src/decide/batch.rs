//! One batch of decisions: what is known is loaded, each finding is decided on, and
//! everything that changes is gathered for one transaction. No I/O.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::context::with_incident;
use super::evaluate::Finding;
use super::groups::{Groups, outage_of};
use super::payload;
use crate::domain::decision::{
    Decision, Known, NewIncident, Outcome, Suppression, decide, pass_time,
};
use crate::domain::hold::Hold;
use crate::domain::incident::{Incident, IncidentState, LifePolicy, Owed, Recovery, Verdict};
use crate::domain::severity::Severity;
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{OnRecovery, RuleSettings, Settings, TargetSettings};
use crate::store::{
    DecisionBatch, HistoryEntry, JournalEvent, KeptIncident, NewDecision, NewDelivery, NewReview,
    active_key,
};
use crate::telemetry::Metrics;

/// How long things last for incidents of `rule`.
pub(super) fn policy_of(rule: &RuleSettings) -> LifePolicy {
    LifePolicy {
        hold_for: rule.hold_for,
        clear_for: rule.clear_for,
        quiet_after: rule.quiet_after,
        burst_lock: rule.burst_lock,
        update_every: rule.update_every,
        on_recovery: match rule.on_recovery {
            OnRecovery::Comment => Recovery::Comment,
            OnRecovery::Resolve => Recovery::Resolve,
            OnRecovery::None => Recovery::Nothing,
        },
    }
}

/// What is known about one key, and what templates saw last.
#[derive(Debug, Default)]
pub(super) struct KnownKey {
    pub(super) known: Known,
    pub(super) kept: Option<Kept>,
}

impl KnownKey {
    /// What a row says, without the key's lock.
    pub(super) fn from_kept(kept: KeptIncident) -> Self {
        Self {
            known: Known {
                incident: Some(kept.incident.clone()),
                lock: None,
            },
            kept: Some(Kept::from(kept)),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) context: TemplateContext,
}

impl From<KeptIncident> for Kept {
    fn from(kept: KeptIncident) -> Self {
        Self {
            context: serde_json::from_str(&kept.context).unwrap_or_default(),
            source: kept.source,
            target: kept.target,
        }
    }
}

/// A batch being decided.
pub(super) struct Batch<'a> {
    pub(super) settings: &'a Settings,
    metrics: &'a Metrics,
    pub(super) keys: HashMap<String, KnownKey>,
    pub(super) groups: Groups,
    /// Incidents that changed, by id, in the order in which they first did.
    changed: Vec<KeptIncident>,
    position: HashMap<String, usize>,
    pub(super) result: DecisionBatch,
}

/// The event a finding comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) event_id: &'a str,
    pub(super) received_at: Timestamp,
    pub(super) source: &'a str,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        metrics: &'a Metrics,
        known: HashMap<String, (Known, Option<KeptIncident>)>,
        decided_at: Timestamp,
    ) -> Self {
        let keys = known
            .into_iter()
            .map(|(key, (known, kept))| {
                let kept = kept.map(Kept::from);
                (key, KnownKey { known, kept })
            })
            .collect();
        Self {
            settings,
            metrics,
            keys,
            groups: Groups::default(),
            changed: Vec::new(),
            position: HashMap::new(),
            result: DecisionBatch {
                decided_at,
                ..DecisionBatch::default()
            },
        }
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

    /// Decides on one finding of `event`.
    pub(super) fn decide(&mut self, event: &JournalEvent, finding: Finding) {
        let settings = self.settings;
        let Some(rule) = settings.rules.get(finding.rule) else {
            return;
        };
        self.metrics
            .signal(&rule.name, verdict_name(finding.heard.verdict));
        let key = active_key(&rule.name, &finding.key);
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
            context,
            group,
            ..
        } = finding;
        if let Some(context) = context {
            let named = (key.as_str(), severity.as_str());
            self.take_context(entry, event, rule, named, context)?;
        }
        let id = Uuid::now_v7().to_string();
        let new = NewIncident {
            id: &id,
            rule: &rule.name,
            key: &key,
            severity: &severity,
        };
        let hold = self.hold_of(group.as_deref(), heard.received_at);
        let decision = decide(&mut entry.known, &heard, &policy_of(rule), hold, new);
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
    fn hold_of(&self, group: Option<&str>, now: Timestamp) -> Option<Hold> {
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

    /// Makes `context` the one that the key's ticket is written from, if the ticket can be
    /// written from it. `named` is the key and the severity. A breach from which no ticket can be written goes to review, unless
    /// its incident has a ticket or an earlier, sound context already.
    fn take_context(
        &self,
        entry: &mut KnownKey,
        event: &JournalEvent,
        rule: &RuleSettings,
        named: (&str, &str),
        context: TemplateContext,
    ) -> Result<(), String> {
        let target_name = match (&entry.kept, rule.targets.first()) {
            (Some(kept), _) if entry.known.incident.is_some() => kept.target.clone(),
            (_, Some(first)) => first.clone(),
            (_, None) => return Err(format!("rules.{}.targets is empty", rule.name)),
        };
        let owns_ticket = entry
            .known
            .incident
            .as_ref()
            .is_some_and(|incident| incident.state != IncidentState::Pending);
        if !owns_ticket {
            let target = self.target(&target_name)?;
            let trial = trial_context(context.clone(), entry, rule, named, event.received_at);
            if let Err(error) = payload::create_fields(target, &trial) {
                return match entry.known.incident {
                    Some(_) => Ok(()),
                    None => Err(format!("targets.{target_name}.{error}")),
                };
            }
        }
        entry.kept = Some(Kept {
            source: event.source.to_string(),
            target: target_name,
            context,
        });
        Ok(())
    }

    fn target(&self, name: &str) -> Result<&'a TargetSettings, String> {
        self.settings
            .targets
            .get(name)
            .ok_or_else(|| format!("target {name} is no longer configured"))
    }

    /// Lets time pass for an incident that is due.
    pub(super) fn pass_time(&mut self, kept: &KeptIncident, now: Timestamp) {
        let settings = self.settings;
        let incident = &kept.incident;
        if outage_of(settings, &active_key(&incident.rule, &incident.key)).is_some() {
            // Its group is brought to rest once time has passed for its members.
            return;
        }
        let rule = settings
            .rules
            .iter()
            .find(|rule| rule.name == incident.rule);
        let key = active_key(&incident.rule, &incident.key);
        let mut entry = self.keys.remove(&key).unwrap_or_default();
        let decision = match rule {
            Some(rule) => pass_time(&mut entry.known, &policy_of(rule), now),
            None => close_orphan(&mut entry.known, now),
        };
        let event_id = entry
            .kept
            .as_ref()
            .and_then(|kept| kept.context.get("event_payload_id"))
            .and_then(|id| id.as_str())
            .unwrap_or_default()
            .to_owned();
        let source = kept.source.clone();
        let origin = Origin {
            event_id: &event_id,
            received_at: incident.last_breach_at,
            source: &source,
        };
        if let Some(rule) = rule {
            self.gather(&mut entry, &rule.name, &decision, origin, now);
        } else {
            self.remember(&entry);
        }
        self.keys.insert(key, entry);
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
        if matches!(decision.outcome, Outcome::AllWell | Outcome::OutOfOrder) {
            return;
        }
        let (Some(incident), Some(kept)) = (entry.known.incident.clone(), entry.kept.clone())
        else {
            return;
        };
        for owed in &decision.owed {
            self.owe(*owed, &incident, &kept, origin, now);
        }
        if let Some(lock) = &decision.lock {
            self.result.locks.push((
                rule.to_owned(),
                incident.key.clone(),
                incident.id.clone(),
                lock.clone(),
            ));
        }
        for (what, cause) in transitions(decision, &incident, origin.event_id) {
            self.result.history.push(HistoryEntry {
                incident_id: incident.id.clone(),
                at: now,
                what: what.to_owned(),
                cause,
            });
        }
        self.remember(entry);
        if incident.state == IncidentState::Closed {
            entry.known.incident = None;
            entry.kept = None;
        }
    }

    pub(super) fn owe(
        &mut self,
        owed: Owed,
        incident: &Incident,
        kept: &Kept,
        origin: Origin<'_>,
        now: Timestamp,
    ) {
        let context = with_incident(kept.context.clone(), incident);
        let rendered = self.target(&kept.target).and_then(|target| {
            payload::render(owed, target, &context, incident, now)
                .map_err(|error| format!("targets.{}.{error}", kept.target))
        });
        match rendered {
            Ok((operation, payload)) => self.result.deliveries.push(NewDelivery {
                incident_id: incident.id.clone(),
                target: kept.target.clone(),
                operation,
                payload,
                event_id: origin.event_id.to_owned(),
                received_at: origin.received_at,
                parent_id: None,
            }),
            Err(problem) => {
                tracing::error!(
                    event_id = origin.event_id,
                    incident_id = incident.id,
                    source = origin.source,
                    rule = incident.rule,
                    target = kept.target,
                    kind = "schema_mismatch",
                    problem,
                    "what is owed to the ticket cannot be written"
                );
                self.result.history.push(HistoryEntry {
                    incident_id: incident.id.clone(),
                    at: now,
                    what: "a delivery could not be written".to_owned(),
                    cause: problem,
                });
            }
        }
    }

    /// Marks the key's incident as changed.
    pub(super) fn remember(&mut self, entry: &KnownKey) {
        let (Some(incident), Some(kept)) = (&entry.known.incident, &entry.kept) else {
            return;
        };
        let row = KeptIncident {
            incident: incident.clone(),
            source: kept.source.clone(),
            target: kept.target.clone(),
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
            "decided"
        );
        self.result.decisions.push(NewDecision {
            event_seq: event.seq,
            rule: rule.name.clone(),
            outcome: decision.outcome.as_str(),
            incident_id,
            detail: until.map(|until| format!("burst lock until {until}")),
        });
    }

    /// Everything to keep. `decided_to` is the last event of the batch.
    pub(super) fn finish(mut self, decided_to: Option<i64>) -> DecisionBatch {
        self.settle_groups(self.result.decided_at);
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
        self.result
    }
}

/// A context as a create would see it, before the incident exists.
fn trial_context(
    context: TemplateContext,
    entry: &KnownKey,
    rule: &RuleSettings,
    (key, severity): (&str, &str),
    now: Timestamp,
) -> TemplateContext {
    let heard = crate::domain::incident::Heard {
        received_at: now,
        occurred_at: now,
        part: String::new(),
        verdict: Verdict::Breach,
        readings: std::collections::BTreeMap::new(),
    };
    let trial = entry.known.incident.clone().unwrap_or_else(|| {
        Incident::begin(
            Uuid::nil().to_string(),
            &rule.name,
            key,
            severity,
            &heard,
            now,
        )
    });
    with_incident(context, &trial)
}

/// An incident whose rule is no longer configured: it is closed, its ticket left to people.
fn close_orphan(known: &mut Known, now: Timestamp) -> Decision {
    if let Some(incident) = known.incident.as_mut() {
        incident.close(now);
    }
    Decision {
        outcome: Outcome::Recovered,
        owed: Vec::new(),
        lock: None,
    }
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Breach => "breach",
        Verdict::Clear => "clear",
        Verdict::Between => "none",
    }
}

/// What a decision did to the incident, for its history. One that is overdue opens even as a
/// part of it clears, and may recover in the same step.
fn transitions(
    decision: &Decision,
    incident: &Incident,
    event_id: &str,
) -> Vec<(&'static str, String)> {
    let opens = decision.owed.contains(&Owed::Create) && decision.outcome != Outcome::Opened;
    let opened = opens.then(|| ("opened", format!("event {event_id}")));
    let last = transition(decision.outcome, incident, event_id);
    let raised = decision.owed.iter().filter_map(|owed| match owed {
        Owed::Raised { from } => Some(("severity raised", raise(*from, incident, event_id))),
        _ => None,
    });
    opened.into_iter().chain(last).chain(raised).collect()
}

fn raise(from: Severity, incident: &Incident, event_id: &str) -> String {
    format!("from {from} to {} (event {event_id})", incident.severity)
}

fn transition(
    outcome: Outcome,
    incident: &Incident,
    event_id: &str,
) -> Option<(&'static str, String)> {
    let because = || format!("event {event_id}");
    match outcome {
        Outcome::Opened => Some(("opened", because())),
        Outcome::Suppressed(reason) if incident.occurrences == 1 => {
            Some(("pending", format!("{} ({})", because(), reason.as_str())))
        }
        Outcome::Relapsed => Some(("breaching again", because())),
        Outcome::Commented => Some(("comment owed", because())),
        Outcome::Recovered => Some((
            if incident.state == IncidentState::Closed {
                "closed"
            } else {
                "recovered"
            },
            incident.clear_since.map_or_else(
                || "no breach heard for quiet_after".to_owned(),
                |since| format!("clear since {since}"),
            ),
        )),
        _ => None,
    }
}
