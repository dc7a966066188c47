//! Bringing groups to rest within a batch: the outage that forms, changes or ends, and what
//! that owes to its ticket and to its members'. No I/O.

use std::sync::Arc;

use super::batch::Batch;
use super::evaluate::signal_values::{signal_in, with_incident};
use super::groups::outage_of;
use super::known::{Kept, KnownKey, Origin};
use super::policy::outage_policy;
use super::ticket_text::outage_report::describe;
use super::ticket_text::payload;
use super::ticket_text::readings::Units;
use crate::domain::decision::{NewIncident, Outcome, Suppression};
use crate::domain::failover::TicketRoute;
use crate::domain::incident::{Heard, Incident, Owed, Readings, Verdict};
use crate::domain::outage::{FormationPolicy, MemberChange, RULE_PREFIX, Settled, forms, settle};
use crate::domain::ticket::{Operation, TicketChange};
use crate::domain::time::Timestamp;
use crate::settings::OutageSettings;
use crate::store::NewDelivery;

impl Batch<'_> {
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
        self.cover_outage(&mut entry, (&rule, group), now);
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
        let heard = Heard {
            received_at: now,
            occurred_at: now,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: Readings::new(),
        };
        let trial = Incident::begin(
            new.id.to_owned(),
            new.rule,
            new.key,
            new.severity,
            &heard,
            now,
        );
        let units = Units::new(self.settings, None);
        let mut problem = None;
        for kept in taken.iter().filter_map(|(_, one)| one.kept.as_ref()) {
            let Some(mut kept) = routed(kept.clone(), name, outage) else {
                continue;
            };
            let target = match self.target(&kept.target) {
                Ok(target) => target,
                Err(reason) => {
                    problem = Some(reason);
                    continue;
                }
            };
            describe(
                &mut kept.context,
                name,
                &trial,
                &outage.causes,
                members,
                &units,
            );
            let context = with_incident(kept.context.clone(), &trial);
            match payload::create_fields(target, &context) {
                Ok(_) => return Some(kept),
                Err(error) => problem = Some(format!("targets.{}.{error}", kept.target)),
            }
        }
        tracing::error!(
            rule = new.rule,
            key = group,
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
        let units = Units::new(self.settings, None);
        describe(
            &mut kept.context,
            name,
            &latest,
            &outage.causes,
            members,
            &units,
        );
        let event_id = kept.event_id();
        let origin = Origin {
            event_id: &event_id,
            received_at: members.iter().map(|one| one.opened_at).min().unwrap_or(now),
            source: &kept.source,
        };
        entry.kept = Some(kept.clone());
        for (decision, incident) in &settled.outage {
            if decision.outcome == Outcome::Suppressed(Suppression::Silenced) {
                let silenced = Suppression::Silenced.as_str();
                self.metrics.suppressed(&incident.rule, silenced);
            }
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

/// What the ticket of an outage that forms is written from: what `first`, a member, is written
/// from, in the target that this leads to. An expression that fails on it does not count.
fn routed(first: Kept, name: &str, outage: &OutageSettings) -> Option<Kept> {
    let to = outage
        .targets
        .route(&signal_in(&first.context), &first.source);
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

/// What a member's history says.
pub(super) const fn said(what: MemberChange) -> &'static str {
    match what {
        MemberChange::Held => "held by an outage",
        MemberChange::Joined => "part of an outage whose ticket waits",
        MemberChange::Linked => "part of an outage",
        MemberChange::LetGo => "part of no outage any more",
        MemberChange::Closed | MemberChange::Resolved => "closed",
    }
}
