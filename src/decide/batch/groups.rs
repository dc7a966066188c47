//! The groups that a batch concerns: the incidents that may be members of one outage.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::mark_changed;
use super::changes::Changes;
use super::key_state::{ActiveIncident, KeyState, KeyStates};
use crate::domain::identity::IncidentKey;
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::incident_event::{ClosingCause, IncidentEvent};
use crate::domain::outage::{MemberChange, MemberStep, release};
use crate::domain::time::Timestamp;
use crate::store::IncidentRecord;

/// Keys of members, by the key of their outage.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<IncidentKey, BTreeSet<IncidentKey>>);

/// A member that is taken out of the batch's keys for a step.
pub(super) type Member = (IncidentKey, KeyState);

impl Groups {
    /// The groups of `outage_keys` with their stored `members`, which join `keys`.
    pub(super) fn load(
        outage_keys: &[IncidentKey],
        members: Vec<IncidentRecord>,
        keys: &mut KeyStates,
    ) -> Self {
        let mut groups = Self::default();
        for outage_key in outage_keys {
            groups.0.entry(outage_key.clone()).or_default();
        }
        for member in members {
            let Some(outage_key) = member.incident.group.clone() else {
                continue;
            };
            let key = member.incident.incident_key();
            groups.add(&outage_key, key.clone());
            keys.entry(key)
                .or_insert_with(|| KeyState::of_member(ActiveIncident::from(member)));
        }
        groups
    }

    /// An incident belongs to the group of its first breach that has one.
    pub(super) fn join(&mut self, state: &mut KeyState, group: Option<IncidentKey>) {
        let Some(ActiveIncident { incident, .. }) = &mut state.active else {
            return;
        };
        if incident.group.is_none() && incident.state != IncidentState::Closed {
            incident.group = group;
        }
        if let Some(group) = &incident.group {
            self.add(group, incident.incident_key());
        }
    }

    fn add(&mut self, outage_key: &IncidentKey, key: IncidentKey) {
        let members = self.0.entry(outage_key.clone()).or_default();
        members.insert(key);
    }

    pub(super) fn outage_keys(&self) -> Vec<IncidentKey> {
        self.0.keys().cloned().collect()
    }

    /// Takes the members of the group that have an incident out of `keys`. A silenced incident is
    /// no member yet: it forms no outage, and no outage counts it.
    pub(super) fn take_members(
        &self,
        outage_key: &IncidentKey,
        keys: &mut KeyStates,
    ) -> Vec<Member> {
        let is_member = |one: &Incident| {
            one.group.as_ref() == Some(outage_key)
                && (one.silence.is_none() || one.outage_id.is_some())
        };
        let members = self.0.get(outage_key).into_iter().flatten();
        members
            .filter(|key| {
                keys.get(*key)
                    .and_then(KeyState::incident)
                    .is_some_and(is_member)
            })
            .cloned()
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|key| keys.remove_entry(&key))
            .collect()
    }

    /// Releases the members of outages that are over without them, because a person closed the
    /// outage's ticket.
    pub(super) fn release_members(
        &self,
        keys: &mut KeyStates,
        changes: &mut Changes,
        now: Timestamp,
    ) {
        for outage_key in self.outage_keys() {
            let is_over = keys.get(&outage_key).is_none_or(|one| one.active.is_none());
            if !is_over {
                continue;
            }
            let mut members = self.take_members(&outage_key, keys);
            release_all(&mut members, changes, now);
            keys.extend(members);
        }
    }
}

/// The incidents of `members`, in the same order.
pub(super) fn incidents_of(members: &[Member]) -> Vec<Incident> {
    let incidents = members.iter().filter_map(|(_, state)| state.incident());
    incidents.cloned().collect()
}

/// Replaces the incident of a member.
pub(super) fn replace(changes: &mut Changes, state: &mut KeyState, incident: &Incident) {
    if let Some(active) = &mut state.active {
        active.incident.clone_from(incident);
    }
    mark_changed(changes, state);
}

fn release_all(members: &mut [Member], changes: &mut Changes, now: Timestamp) {
    let before = incidents_of(members);
    let mut after = before.clone();
    for MemberStep { place, what } in release(&mut after, now) {
        let outage_id = before.get(place).and_then(|one| one.outage_id.clone());
        let (Some((_, state)), Some(incident), Some(outage_id)) =
            (members.get_mut(place), after.get(place), outage_id)
        else {
            continue;
        };
        let event = match what {
            MemberChange::Closed => IncidentEvent::Closed {
                why: ClosingCause::OutageClosed { outage_id },
            },
            _ => IncidentEvent::OutageClosed { outage_id },
        };
        changes.record(incident, event, now);
        replace(changes, state, incident);
    }
}
