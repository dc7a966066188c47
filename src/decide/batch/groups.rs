//! The groups that a batch concerns: the incidents that may be members of one outage.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::apply::mark_changed;
use super::changes::Changes;
use super::key_state::{ActiveIncident, KeyState, KeyStates};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::incident_event::{ClosingCause, IncidentEvent};
use crate::domain::outage::{MemberChange, MemberStep, Others, can_form, release};
use crate::domain::time::Timestamp;
use crate::store::IncidentRecord;

/// The groups, with the incidents of each that the batch has loaded.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Keys of members, by the key of their outage.
    members: BTreeMap<IncidentKey, BTreeSet<IncidentKey>>,
    /// Groups whose outage was active when the batch began.
    active: BTreeSet<IncidentKey>,
    /// Outages with a member that has not recovered and was not loaded.
    others_live: HashSet<IncidentId>,
    /// How many members that had not recovered were loaded, by the outage.
    live: HashMap<IncidentId, u64>,
    /// Incidents that counted for the formation of an outage when they were loaded.
    counted: HashSet<IncidentId>,
}

/// A member that is taken out of the batch's keys for a step.
pub(super) type Member = (IncidentKey, KeyState);

impl Groups {
    /// The groups of `outage_keys`. Stored incidents that their outage has `left` behind join
    /// `keys`.
    pub(super) fn load(
        outage_keys: &[IncidentKey],
        left: Vec<IncidentRecord>,
        others_live: HashSet<IncidentId>,
        keys: &mut KeyStates,
    ) -> Self {
        let mut groups = Self {
            others_live,
            ..Self::default()
        };
        for outage_key in outage_keys {
            groups.members.entry(outage_key.clone()).or_default();
            if keys.get(outage_key).is_some_and(|one| one.active.is_some()) {
                groups.active.insert(outage_key.clone());
            }
        }
        groups.add_stored(left, keys);
        let incidents = keys.values().filter_map(KeyState::incident);
        for incident in incidents {
            groups.note_loaded(incident);
        }
        groups
    }

    fn note_loaded(&mut self, incident: &Incident) {
        let Some(group) = &incident.group else {
            return;
        };
        let Some(members) = self.members.get_mut(group) else {
            return;
        };
        members.insert(incident.incident_key());
        if is_member(incident, group) && can_form(incident) {
            self.counted.insert(incident.id.clone());
        }
        if let Some(outage_id) = incident.outage_id.as_ref().filter(|_| is_live(incident)) {
            *self.live.entry(outage_id.clone()).or_default() += 1;
        }
    }

    /// Stored incidents of the groups join `keys`, where the batch has none for their key.
    pub(super) fn add_stored(&mut self, members: Vec<IncidentRecord>, keys: &mut KeyStates) {
        for member in members {
            let Some(outage_key) = member.incident.group.clone() else {
                continue;
            };
            let key = member.incident.incident_key();
            self.add(&outage_key, key.clone());
            keys.entry(key)
                .or_insert_with(|| KeyState::of_member(ActiveIncident::from(member)));
        }
    }

    /// What is known of the members of the outage `id` that the batch has not loaded.
    pub(super) fn others_of(&self, id: &IncidentId) -> Others {
        Others {
            any_live: self.others_live.contains(id),
            given_live: self.live.get(id).copied().unwrap_or_default(),
        }
    }

    /// Whether one of `members` counts for the formation of an outage that did not when the batch
    /// began.
    pub(super) fn begins(&self, members: &[Member]) -> bool {
        let mut incidents = members.iter().filter_map(|(_, state)| state.incident());
        incidents.any(|one| can_form(one) && !self.counted.contains(&one.id))
    }

    /// Whether the batch itself ended the outage of the group, whose members it has not loaded.
    pub(super) fn has_ended(&self, outage_key: &IncidentKey) -> bool {
        self.active.contains(outage_key)
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

    /// `incident` is put into the group of `outage_key`.
    pub(super) fn put_in(&mut self, outage_key: &IncidentKey, incident: &Incident) {
        self.add(outage_key, incident.incident_key());
    }

    fn add(&mut self, outage_key: &IncidentKey, key: IncidentKey) {
        let members = self.members.entry(outage_key.clone()).or_default();
        members.insert(key);
    }

    pub(super) fn outage_keys(&self) -> Vec<IncidentKey> {
        self.members.keys().cloned().collect()
    }

    /// Takes the members of the group that have an incident out of `keys`.
    pub(super) fn take_members(
        &self,
        outage_key: &IncidentKey,
        keys: &mut KeyStates,
    ) -> Vec<Member> {
        let members = self.members.get(outage_key).into_iter().flatten();
        members
            .filter(|key| {
                keys.get(*key)
                    .and_then(KeyState::incident)
                    .is_some_and(|one| is_member(one, outage_key))
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

/// Whether the incident is of the group. A silenced incident is no member yet: it forms no outage,
/// and no outage counts it.
fn is_member(incident: &Incident, outage_key: &IncidentKey) -> bool {
    incident.group.as_ref() == Some(outage_key)
        && (incident.silence.is_none() || incident.outage_id.is_some())
}

const fn is_live(incident: &Incident) -> bool {
    matches!(incident.state, IncidentState::Pending | IncidentState::Open)
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
