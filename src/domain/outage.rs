//! An outage: one incident that stands for many with one cause.
//!
//! Owns when breaching incidents of one group make an outage, who becomes a member, and what
//! the recovery of all members does. An outage lives the life of an incident: it hears a breach
//! while members breach, and a clear once none does. Pure. May import: `domain` only.

use std::time::Duration;

use super::decision::{Decision, Known, NewIncident, decide, pass_time};
use super::incident::{Heard, Incident, IncidentState, LifePolicy, Recovery, Verdict};
use super::time::Timestamp;

/// What makes an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormationPolicy<'a> {
    /// Distinct keys that must begin to breach …
    pub at_least: usize,
    /// … within this time.
    pub within: Duration,
    /// Rules of which one breaching incident explains the others of its group.
    pub causes: &'a [String],
}

/// What a step did to one member.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberStep {
    /// Its place among the members.
    pub place: usize,
    /// What happened.
    pub what: MemberChange,
}

/// What happened to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// It joined, and opens no ticket of its own.
    Held,
    /// It joined with a ticket, which is to be linked.
    Linked,
    /// It was closed with its outage; without a ticket.
    Closed,
    /// It was closed with its outage, and its ticket is to be resolved.
    Resolved,
}

/// What a step did to a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settled {
    /// Decisions on the outage, in order, each with the outage as it was right after.
    pub outage: Vec<(Decision, Incident)>,
    /// What happened to members, in order.
    pub members: Vec<MemberStep>,
}

/// Brings a group to rest at `now`: forms its outage, takes members in, recovers or closes it.
/// `members` are the incidents of the group that are not closed; `new` names the outage that
/// may form.
pub fn settle(
    outage: &mut Known,
    members: &mut [Incident],
    formation: FormationPolicy<'_>,
    life: &LifePolicy,
    new: NewIncident<'_>,
    now: Timestamp,
) -> Settled {
    let mut settled = Settled::default();
    if outage.incident.is_none() && !forms(members, formation) {
        return settled;
    }
    let before = outage.incident.as_ref().map(|one| one.state);
    let joins = |one: &Incident| one.outage_id.is_none() && is_live(one) && one.is_breaching();
    let joining = members.iter().filter(|one| joins(one)).count();
    let heard_at = members
        .iter()
        .filter(|one| is_live(one) && one.is_breaching());
    let newest = heard_at.map(|one| one.last_breach_at).max();
    if let Some(newest) = newest
        && (joining > 0
            || outage
                .incident
                .as_ref()
                .is_none_or(|one| one.last_breach_at < newest))
    {
        let heard = hears(outage, Verdict::Breach, now);
        let decision = decide(outage, &heard, life, None, new);
        note(&mut settled, outage, decision);
    }
    take_in(outage, members, &mut settled);
    let is_member = |one: &Incident| one.outage_id.is_some() && is_live(one);
    if before.is_some() && !members.iter().any(is_member) && is_waiting(outage) {
        let heard = hears(outage, Verdict::Clear, now);
        let decision = decide(outage, &heard, life, None, new);
        note(&mut settled, outage, decision);
    }
    if outage
        .incident
        .as_ref()
        .is_some_and(|one| one.state != IncidentState::Closed)
    {
        let decision = pass_time(outage, life, now);
        note(&mut settled, outage, decision);
    }
    close_members(outage, members, life, now, &mut settled);
    settled
}

/// Members whose outage is over without them, because a person closed its ticket: those it
/// held are closed with it, those with a ticket of their own go on alone.
pub fn release(members: &mut [Incident], now: Timestamp) -> Vec<usize> {
    let mut changed = Vec::new();
    for (place, member) in members.iter_mut().enumerate() {
        if member.outage_id.is_none() {
            continue;
        }
        if member.state == IncidentState::Pending {
            member.close(now);
        } else {
            member.outage_id = None;
        }
        changed.push(place);
    }
    changed
}

/// Whether the incidents of a group make an outage: enough of them began within the window, or
/// one of them explains another.
pub fn forms(members: &[Incident], formation: FormationPolicy<'_>) -> bool {
    let breaching = || {
        members
            .iter()
            .filter(|one| is_live(one) && one.is_breaching())
    };
    let is_cause = |one: &Incident| formation.causes.contains(&one.rule);
    if breaching().any(is_cause) && breaching().any(|one| !is_cause(one)) {
        return true;
    }
    // One that was silenced counts from the silence's end.
    let began = |one: &Incident| one.silenced_until.unwrap_or(one.opened_at);
    let mut begun: Vec<Timestamp> = breaching().map(began).collect();
    begun.sort_unstable();
    let mut windows = begun.windows(formation.at_least.max(1));
    windows.any(|window| match (window.first(), window.last()) {
        (Some(first), Some(last)) => last.since(*first) <= formation.within,
        _ => false,
    })
}

/// Pending or open: not recovered, and not over.
fn is_live(incident: &Incident) -> bool {
    matches!(incident.state, IncidentState::Pending | IncidentState::Open)
}

fn is_waiting(outage: &Known) -> bool {
    outage
        .incident
        .as_ref()
        .is_some_and(|one| is_live(one) && one.is_breaching())
}

/// The outage hears of its members as an incident hears of its entity, never out of order.
fn hears(outage: &Known, verdict: Verdict, now: Timestamp) -> Heard {
    let parts = outage.incident.iter().flat_map(|one| one.parts.values());
    let newest = parts.map(|part| part.heard_at).max();
    Heard {
        received_at: now,
        occurred_at: newest.map_or(now, |newest| newest.max(now)),
        part: String::new(),
        verdict,
        readings: std::collections::BTreeMap::new(),
    }
}

fn note(settled: &mut Settled, outage: &Known, decision: Decision) {
    if let Some(incident) = &outage.incident {
        settled.outage.push((decision, incident.clone()));
    }
}

fn take_in(outage: &mut Known, members: &mut [Incident], settled: &mut Settled) {
    let Some(incident) = outage.incident.as_mut().filter(|one| is_live(one)) else {
        return;
    };
    let told = settled
        .outage
        .iter()
        .any(|(decision, _)| !decision.owed.is_empty());
    for (place, member) in members.iter_mut().enumerate() {
        if member.outage_id.is_some() || !is_live(member) || !member.is_breaching() {
            continue;
        }
        member.outage_id = Some(incident.id.clone());
        incident.untold += u32::from(!told);
        let what = match member.state {
            IncidentState::Pending => MemberChange::Held,
            _ => MemberChange::Linked,
        };
        settled.members.push(MemberStep { place, what });
    }
}

/// What belongs to an outage that has just ended ends with it.
fn close_members(
    outage: &Known,
    members: &mut [Incident],
    life: &LifePolicy,
    now: Timestamp,
    settled: &mut Settled,
) {
    let Some(over) = outage
        .incident
        .as_ref()
        .filter(|one| one.state == IncidentState::Closed)
    else {
        return;
    };
    for (place, member) in members.iter_mut().enumerate() {
        let is_its = member.outage_id.as_ref() == Some(&over.id);
        if !is_its || member.state == IncidentState::Closed {
            continue;
        }
        let has_ticket = member.state != IncidentState::Pending;
        member.close(now);
        let what = match life.on_recovery {
            Recovery::Resolve if has_ticket => MemberChange::Resolved,
            _ => MemberChange::Closed,
        };
        settled.members.push(MemberStep { place, what });
    }
}

#[cfg(test)]
#[path = "outage_tests.rs"]
mod tests;
