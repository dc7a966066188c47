//! Outages within a batch: which group a finding belongs to, and what bringing its group to
//! rest owes to tickets. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::Batch;
use super::context::with_incident;
use super::known::{Kept, KnownKey, Origin};
use super::payload;
use super::policy::outage_policy;
use super::report::describe;
use crate::domain::decision::NewIncident;
use crate::domain::incident::{Heard, Incident, IncidentState, Owed, Verdict};
use crate::domain::outage::{
    FormationPolicy, MemberChange, MemberStep, RULE_PREFIX, Settled, forms, release, settle,
};
use crate::domain::ticket::{Operation, TicketChange};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{OutageSettings, Settings};
use crate::store::{HistoryEntry, KeptIncident, NewDelivery, active_key};

/// The active key of the outage that a breach of `rule` with these values counts for: of the
/// first outage that names the rule and whose `group_by` finds its values.
pub fn outage_key_of(settings: &Settings, rule: &str, context: &TemplateContext) -> Option<String> {
    settings.outages.iter().find_map(|(name, outage)| {
        let names_it = outage.rules.iter().any(|one| one == rule);
        let group = names_it.then(|| outage.group_by.render(context).ok())??;
        let group = group.trim();
        (!group.is_empty()).then(|| active_key(&format!("{RULE_PREFIX}{name}"), group))
    })
}

/// The outage that has the active key `key`, with its name and group.
pub fn outage_of<'a, 'k>(
    settings: &'a Settings,
    key: &'k str,
) -> Option<(&'a str, &'a OutageSettings, &'k str)> {
    let (rule, group) = key.split_once('\u{1f}')?;
    let (name, outage) = settings
        .outages
        .get_key_value(rule.strip_prefix(RULE_PREFIX)?)?;
    Some((name, outage, group))
}

/// The group that `incident` belongs to, as its outage's active key.
pub(super) fn group_of(incident: &Incident) -> Option<String> {
    if incident.rule.starts_with(RULE_PREFIX) {
        return Some(active_key(&incident.rule, &incident.key));
    }
    incident.group.clone()
}

/// Groups that a batch concerns: by their outage's active key, the active keys of members.
#[derive(Debug, Default)]
pub(super) struct Groups {
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Groups {
    /// Notes that the incident with `key` belongs to the group of `outage_key`.
    pub(super) fn add(&mut self, outage_key: &str, key: Option<String>) {
        let members = self.members.entry(outage_key.to_owned()).or_default();
        members.extend(key);
    }
}

impl Batch<'_> {
    /// Takes in what is known of the groups `outage_keys` and their `members`.
    pub(super) fn take_groups(
        &mut self,
        outage_keys: &[String],
        members: Vec<KeptIncident>,
        now: Timestamp,
    ) {
        for outage_key in outage_keys {
            self.groups.add(outage_key, None);
        }
        for kept in members {
            let Some(outage_key) = kept.incident.group.clone() else {
                continue;
            };
            let key = active_key(&kept.incident.rule, &kept.incident.key);
            self.groups.add(&outage_key, Some(key.clone()));
            self.keys
                .entry(key)
                .or_insert_with(|| KnownKey::from_kept(kept));
        }
        for outage_key in outage_keys {
            if !self.is_active(outage_key) {
                self.release_members(outage_key, now);
            }
        }
    }

    /// Whether there is an outage with the active key `outage_key`.
    pub(super) fn is_active(&self, outage_key: &str) -> bool {
        let entry = self.keys.get(outage_key);
        entry.is_some_and(|entry| entry.known.incident.is_some())
    }

    fn release_members(&mut self, outage_key: &str, now: Timestamp) {
        let mut taken = self.take_members(outage_key);
        let mut incidents: Vec<Incident> = taken
            .iter()
            .filter_map(|(_, entry)| entry.known.incident.clone())
            .collect();
        let outages: Vec<Option<String>> =
            incidents.iter().map(|one| one.outage_id.clone()).collect();
        for MemberStep { place, what } in release(&mut incidents, now) {
            if let (Some((_, entry)), Some(incident), Some(Some(outage_id))) = (
                taken.get_mut(place),
                incidents.get(place),
                outages.get(place),
            ) {
                let cause = format!("outage {outage_id} was closed with its ticket");
                self.tell(incident, said(what), cause, now);
                self.replace(entry, incident);
            }
        }
        self.keys.extend(taken);
    }

    fn tell(&mut self, incident: &Incident, what: &str, cause: String, now: Timestamp) {
        self.result.history.push(HistoryEntry {
            incident_id: incident.id.clone(),
            at: now,
            what: what.to_owned(),
            cause,
        });
    }

    /// Keeps the member's new state; one that is over is nobody's any more.
    fn replace(&mut self, entry: &mut KnownKey, incident: &Incident) {
        entry.known.incident = Some(incident.clone());
        self.remember(entry);
        if incident.state == IncidentState::Closed {
            entry.known.incident = None;
            entry.kept = None;
        }
    }

    /// Members of the group that have an incident, taken out of what is known.
    fn take_members(&mut self, outage_key: &str) -> Vec<(String, KnownKey)> {
        let keys: Vec<String> = self
            .groups
            .members
            .get(outage_key)
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let mut taken = Vec::new();
        for key in keys {
            let belongs = self
                .keys
                .get(&key)
                .and_then(|entry| entry.known.incident.as_ref());
            if belongs.is_some_and(|one| one.group.as_deref() == Some(outage_key))
                && let Some(entry) = self.keys.remove(&key)
            {
                taken.push((key, entry));
            }
        }
        taken
    }

    /// Brings every group of the batch to rest.
    pub(super) fn settle_groups(&mut self, now: Timestamp) {
        let outage_keys: Vec<String> = self.groups.members.keys().cloned().collect();
        for outage_key in outage_keys {
            self.settle_group(&outage_key, now);
        }
    }

    fn settle_group(&mut self, outage_key: &str, now: Timestamp) {
        let settings = self.settings;
        let Some(named) = outage_of(settings, outage_key) else {
            return;
        };
        let (name, outage, group) = named;
        let formation = FormationPolicy {
            at_least: usize::try_from(outage.at_least).unwrap_or(usize::MAX),
            within: outage.within,
            causes: &outage.causes,
        };
        let (id, rule) = (
            uuid::Uuid::now_v7().to_string(),
            format!("{RULE_PREFIX}{name}"),
        );
        let new = NewIncident {
            id: &id,
            rule: &rule,
            key: group,
            severity: &outage.severity,
        };
        let mut entry = self.keys.remove(outage_key).unwrap_or_default();
        let mut taken = self.take_members(outage_key);
        let mut members: Vec<Incident> = taken
            .iter()
            .filter_map(|(_, one)| one.known.incident.clone())
            .collect();
        if entry.known.incident.is_none() {
            entry.kept = forms(&members, formation)
                .and_then(|_| self.written_from(named, new, &taken, &members, now));
        }
        if entry.kept.is_some() {
            let policy = outage_policy(settings, outage);
            let settled = settle(&mut entry.known, &mut members, formation, &policy, new, now);
            let outage_id = entry.known.incident.as_ref().map(|one| one.id.clone());
            self.keep_outage(&mut entry, named, &members, &settled, now);
            for step in &settled.members {
                if let (Some((_, one)), Some(incident), Some(id)) = (
                    taken.get_mut(step.place),
                    members.get(step.place),
                    &outage_id,
                ) {
                    self.keep_member(one, incident, step.what, id, now);
                }
            }
        }
        self.keys.extend(taken);
        self.keys.insert(outage_key.to_owned(), entry);
    }

    /// What the ticket of an outage that forms is written from: the values of the first member
    /// from which it can be written. Without one there is no outage, and every member opens
    /// its own ticket: nothing goes without.
    fn written_from(
        &self,
        (name, outage, group): (&str, &OutageSettings, &str),
        new: NewIncident<'_>,
        taken: &[(String, KnownKey)],
        members: &[Incident],
        now: Timestamp,
    ) -> Option<Kept> {
        let target_name = outage.targets.first()?;
        let target = self.settings.targets.get(target_name)?;
        let heard = Heard {
            received_at: now,
            occurred_at: now,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: BTreeMap::new(),
        };
        let trial = Incident::begin(
            new.id.to_owned(),
            new.rule,
            new.key,
            new.severity,
            &heard,
            now,
        );
        let mut problem = None;
        for kept in taken.iter().filter_map(|(_, one)| one.kept.as_ref()) {
            let mut kept = kept.clone();
            kept.target.clone_from(target_name);
            describe(&mut kept.context, name, &trial, &outage.causes, members);
            let context = with_incident(kept.context.clone(), &trial);
            match payload::create_fields(target, &context) {
                Ok(_) => return Some(kept),
                Err(error) => problem = Some(error),
            }
        }
        let problem = problem.map(|error| error.to_string());
        tracing::error!(
            rule = new.rule,
            key = group,
            target = target_name,
            kind = "schema_mismatch",
            problem,
            "no outage: its ticket cannot be written; members open their own"
        );
        None
    }

    fn keep_outage(
        &mut self,
        entry: &mut KnownKey,
        (name, outage, _): (&str, &OutageSettings, &str),
        members: &[Incident],
        settled: &Settled,
        now: Timestamp,
    ) {
        let (Some(mut kept), Some(latest)) = (entry.kept.take(), entry.known.incident.clone())
        else {
            return;
        };
        describe(&mut kept.context, name, &latest, &outage.causes, members);
        let event_id = kept.event_id();
        let origin = Origin {
            event_id: &event_id,
            received_at: members.iter().map(|one| one.opened_at).min().unwrap_or(now),
            source: &kept.source,
        };
        entry.kept = Some(kept.clone());
        for (decision, incident) in &settled.outage {
            entry.known.incident = Some(incident.clone());
            entry.kept = Some(kept.clone());
            self.gather(entry, &incident.rule, decision, origin, now);
        }
        if settled.given_up {
            let cause = "its ticket was given up before it existed; members go on alone";
            self.tell(&latest, "closed", cause.to_owned(), now);
            self.replace(entry, &latest);
        }
    }

    fn keep_member(
        &mut self,
        entry: &mut KnownKey,
        incident: &Incident,
        what: MemberChange,
        outage_id: &str,
        now: Timestamp,
    ) {
        let Some(kept) = entry.kept.clone() else {
            return;
        };
        self.tell(incident, said(what), format!("outage {outage_id}"), now);
        let event_id = kept.event_id();
        match what {
            MemberChange::Held
            | MemberChange::Joined
            | MemberChange::LetGo
            | MemberChange::Closed => {}
            MemberChange::Resolved => {
                let origin = Origin {
                    event_id: &event_id,
                    received_at: now,
                    source: &kept.source,
                };
                self.owe(Owed::Resolve, incident, &kept, origin, now);
            }
            MemberChange::Linked => {
                let marker = format!("ref {}", outage_id.rsplit('-').next().unwrap_or(outage_id));
                let change = TicketChange {
                    marker,
                    ..TicketChange::default()
                };
                self.result.deliveries.push(NewDelivery {
                    incident_id: incident.id.clone(),
                    target: kept.target.clone(),
                    operation: Operation::Link,
                    payload: serde_json::to_string(&change).unwrap_or_default(),
                    event_id,
                    received_at: now,
                    parent_id: Some(outage_id.to_owned()),
                });
            }
        }
        self.replace(entry, incident);
    }
}

/// What a member's history says.
const fn said(what: MemberChange) -> &'static str {
    match what {
        MemberChange::Held => "held by an outage",
        MemberChange::Joined => "part of an outage whose ticket waits",
        MemberChange::Linked => "part of an outage",
        MemberChange::LetGo => "part of no outage any more",
        MemberChange::Closed | MemberChange::Resolved => "closed",
    }
}
