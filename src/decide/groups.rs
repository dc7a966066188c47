//! Groups within a batch: which group a finding belongs to, whose incidents are its members,
//! and who is released when a person has closed the outage. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::Batch;
use super::evaluate::correlation_key as key;
use super::known::KnownKey;
use super::settling::said;
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::outage::{MemberStep, RULE_PREFIX, release};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{OutageSettings, Settings};
use crate::store::{HistoryEntry, KeptIncident, Reference, active_key};

/// The active key of the outage that a breach of `rule` with these values counts for: of the
/// first outage that names the rule and whose `group_by` finds its values.
pub fn outage_key_of(settings: &Settings, rule: &str, context: &TemplateContext) -> Option<String> {
    settings.outages.iter().find_map(|(name, outage)| {
        let names_it = outage.rules.iter().any(|one| one == rule);
        let group = names_it.then(|| outage.group_by.render(context).ok())??;
        let group = key::kept(&group);
        (!group.is_empty()).then(|| active_key(&format!("{RULE_PREFIX}{name}"), &group))
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
    pub(super) members: BTreeMap<String, BTreeSet<String>>,
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

    pub(super) fn tell(&mut self, incident: &Incident, what: &str, cause: String, now: Timestamp) {
        self.result.history.push(HistoryEntry {
            incident_id: incident.id.clone(),
            at: now,
            what: what.to_owned(),
            cause,
            refers: Reference::default(),
        });
    }

    /// Keeps the member's new state; one that is over is nobody's any more.
    pub(super) fn replace(&mut self, entry: &mut KnownKey, incident: &Incident) {
        entry.known.incident = Some(incident.clone());
        self.remember(entry);
        if incident.state == IncidentState::Closed {
            entry.known.incident = None;
            entry.kept = None;
        }
    }

    /// Members of the group that have an incident, taken out of what is known. One that is
    /// silenced is none yet: it forms no outage, and is counted in none.
    pub(super) fn take_members(&mut self, outage_key: &str) -> Vec<(String, KnownKey)> {
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
            let counts = |one: &Incident| one.silence.is_none() || one.outage_id.is_some();
            if belongs.is_some_and(|one| one.group.as_deref() == Some(outage_key) && counts(one))
                && let Some(entry) = self.keys.remove(&key)
            {
                taken.push((key, entry));
            }
        }
        taken
    }
}
