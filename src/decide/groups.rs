//! Outages within a batch: which group a finding belongs to, and what bringing its group to
//! rest owes to tickets. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use serde_json::json;

use super::batch::Batch;
use super::context::signal_in;
use super::history;
use super::known::{Kept, KnownKey, Origin};
use super::policy::outage_policy;
use crate::domain::decision::NewIncident;
use crate::domain::failover::TicketRoute;
use crate::domain::incident::{Incident, IncidentState, Owed};
use crate::domain::outage::{FormationPolicy, MemberChange, Settled, release, settle};
use crate::domain::ticket::{Operation, TicketChange};
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{OutageSettings, Settings};
use crate::store::{HistoryEntry, KeptIncident, NewDelivery, Reference, active_key};

/// What the rule name of an outage's incident begins with.
const OUTAGE: &str = "outage:";
/// Members named on the outage's ticket; the others are counted.
const MOST_LISTED: usize = 25;
/// Names of entities, which on an outage's ticket say what it is.
const ENTITY_NAMES: [&str; 4] = ["queue_name", "trunk_name", "edge_name", "alert_name"];

/// The active key of the outage that a breach of `rule` with these values counts for: of the
/// first outage that names the rule and whose `group_by` finds its values.
pub fn outage_key_of(settings: &Settings, rule: &str, context: &TemplateContext) -> Option<String> {
    settings.outages.iter().find_map(|(name, outage)| {
        let names_it = outage.rules.iter().any(|one| one == rule);
        let group = names_it.then(|| outage.group_by.render(context).ok())??;
        let group = group.trim();
        (!group.is_empty()).then(|| active_key(&format!("{OUTAGE}{name}"), group))
    })
}

/// The outage that has the active key `key`, with its name and group.
pub(super) fn outage_of<'a, 'k>(
    settings: &'a Settings,
    key: &'k str,
) -> Option<(&'a str, &'a OutageSettings, &'k str)> {
    let (rule, group) = key.split_once('\u{1f}')?;
    let (name, outage) = settings.outages.get_key_value(rule.strip_prefix(OUTAGE)?)?;
    Some((name, outage, group))
}

/// The group that `incident` belongs to, as its outage's active key.
pub(super) fn group_of(incident: &Incident) -> Option<String> {
    if incident.rule.starts_with(OUTAGE) {
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
        for place in release(&mut incidents, now) {
            if let (Some((_, entry)), Some(incident)) = (taken.get_mut(place), incidents.get(place))
            {
                if incident.state == IncidentState::Closed {
                    let cause = "its outage is over, as people closed its ticket".to_owned();
                    self.result
                        .history
                        .push(history::closed(incident, cause, now));
                }
                self.replace(entry, incident);
            }
        }
        self.keys.extend(taken);
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

    /// Members of the group that have an incident, taken out of what is known. One that is
    /// silenced is none yet: it forms no outage, and is counted in none.
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
            let counts = |one: &Incident| one.silence.is_none() || one.outage_id.is_some();
            if belongs.is_some_and(|one| one.group.as_deref() == Some(outage_key) && counts(one))
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
        let Some((name, outage, group)) = outage_of(settings, outage_key) else {
            return;
        };
        let mut entry = self.keys.remove(outage_key).unwrap_or_default();
        self.cover_outage(&mut entry, (&format!("{OUTAGE}{name}"), group), now);
        let mut taken = self.take_members(outage_key);
        let mut members: Vec<Incident> = taken
            .iter()
            .filter_map(|(_, one)| one.known.incident.clone())
            .collect();
        let policy = outage_policy(settings, outage);
        let (id, rule) = (uuid::Uuid::now_v7().to_string(), format!("{OUTAGE}{name}"));
        let settled = settle(
            &mut entry.known,
            &mut members,
            FormationPolicy {
                at_least: usize::try_from(outage.at_least).unwrap_or(usize::MAX),
                within: outage.within,
                causes: &outage.causes,
            },
            &policy,
            NewIncident {
                id: &id,
                rule: &rule,
                key: group,
                severity: &outage.severity,
            },
            now,
        );
        self.keep_outage(
            &mut entry,
            (name, outage, group),
            &taken,
            &members,
            &settled,
            now,
        );
        let outage_id = settled.outage.last().map(|(_, one)| one.id.clone());
        for step in &settled.members {
            if let (Some((_, one)), Some(incident), Some(id)) = (
                taken.get_mut(step.place),
                members.get(step.place),
                &outage_id,
            ) {
                self.keep_member(one, incident, step.what, id, now);
            }
        }
        self.keys.extend(taken);
        self.keys.insert(outage_key.to_owned(), entry);
    }

    fn keep_outage(
        &mut self,
        entry: &mut KnownKey,
        (name, outage, group): (&str, &OutageSettings, &str),
        taken: &[(String, KnownKey)],
        members: &[Incident],
        settled: &Settled,
        now: Timestamp,
    ) {
        let known = entry.kept.take();
        let first = || taken.iter().find_map(|(_, one)| one.kept.clone());
        let Some(mut kept) = known.or_else(|| routed(first()?, name, outage)) else {
            return;
        };
        describe(&mut kept.context, name, group, members);
        entry.kept = Some(kept.clone());
        let event_id = kept
            .context
            .get("event_payload_id")
            .and_then(|id| id.as_str())
            .unwrap_or_default()
            .to_owned();
        let origin = Origin {
            event_id: &event_id,
            received_at: members.iter().map(|one| one.opened_at).min().unwrap_or(now),
            source: &kept.source,
        };
        for (decision, incident) in &settled.outage {
            entry.known.incident = Some(incident.clone());
            entry.kept = Some(kept.clone());
            self.gather(entry, &incident.rule, decision, origin, now);
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
        let said = match what {
            MemberChange::Held => "held by an outage",
            MemberChange::Linked => "part of an outage",
            MemberChange::Closed | MemberChange::Resolved => "closed",
        };
        self.result.history.push(HistoryEntry {
            incident_id: incident.id.clone(),
            at: now,
            what: said.to_owned(),
            cause: format!("outage {outage_id}"),
            refers: Reference::default(),
        });
        let event_id = kept
            .context
            .get("event_payload_id")
            .and_then(|id| id.as_str())
            .unwrap_or_default()
            .to_owned();
        match what {
            MemberChange::Held | MemberChange::Closed => {}
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

/// What the ticket of an outage that forms is written from: what `first`, a member, is written
/// from, in the target that this leads to. An expression that fails on it does not count.
fn routed(first: Kept, name: &str, outage: &OutageSettings) -> Option<Kept> {
    let to = outage.targets.route(&signal_in(&first.context));
    let to = to.map_or_else(
        |error| {
            tracing::warn!(outage = name, %error, "the outage's ticket goes to the fallback");
            Arc::clone(&outage.targets.otherwise)
        },
        |routed| routed.to,
    );
    Some(Kept {
        target: to.first()?.clone(),
        route: TicketRoute::through(to),
        failover_note: None,
        ..first
    })
}

/// Lets templates see the outage: `outage.name`, `.group`, `.breaching`, `.members` and
/// `.report`. The names of entities say what it is, so that a title made for one queue says it.
fn describe(context: &mut TemplateContext, name: &str, group: &str, members: &[Incident]) {
    let breaching = members.iter().filter(|one| one.is_breaching()).count();
    let title = format!("outage {name} of {group}");
    for entity in ENTITY_NAMES {
        if context.contains_key(entity) {
            context.insert(entity.to_owned(), json!(title));
        }
    }
    let outage = json!({"name": name, "group": group, "breaching": breaching,
        "members": members.len(), "report": report(name, group, breaching, members)});
    context.insert("outage".to_owned(), outage);
}

fn report(name: &str, group: &str, breaching: usize, members: &[Incident]) -> String {
    let mut text = format!("Outage {name} of {group}: {breaching} breaching.");
    let listed = members
        .iter()
        .filter(|one| one.is_breaching())
        .take(MOST_LISTED);
    for member in listed {
        let _ = write!(text, "\n- {} {}", member.rule, member.key);
        for (reading, spread) in member.readings.iter().take(2) {
            let _ = write!(
                text,
                ", {reading}: latest {}, highest {}",
                spread.latest, spread.highest
            );
        }
    }
    if breaching > MOST_LISTED {
        let _ = write!(text, "\n… and {} more.", breaching - MOST_LISTED);
    }
    text
}
