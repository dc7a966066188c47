//! An outage: one incident that stands for many with one cause.
//!
//! Owns when breaching incidents of one group make an outage, who becomes a member, and what
//! the recovery of all members does. An outage lives the life of an incident: it hears a breach
//! while members breach, and a clear once none does. Pure. May import: `domain` only.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Known, NewIncident, Outcome, decide, pass_time};
use super::incident::{
    Heard, Incident, IncidentState, LifePolicy, Owed, Readings, Recovery, Verdict,
};
use super::tally::Tally;
use super::time::Timestamp;

/// What the rule name of an outage's incident begins with; the outage's name follows.
pub const RULE_PREFIX: &str = "outage:";

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

/// Why incidents are an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formation {
    /// Enough of them began within the window.
    Many,
    /// One of them explains another.
    Explained,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberChange {
    /// It joined, and opens no ticket of its own.
    Held,
    /// It joined with a ticket, while the outage's own waits.
    Joined,
    /// It is a member with a ticket, which is to be linked.
    Linked,
    /// It is a member no more, and goes on alone.
    LetGo,
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
    /// Whether the outage ended because a person gave its ticket up.
    pub given_up: bool,
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
    if give_up(outage, members, now, &mut settled) {
        return settled;
    }
    let formed = forms(members, formation);
    if outage.incident.is_none() && formed.is_none() {
        return settled;
    }
    let is_new = outage.incident.is_none();
    let wide = is_wide(outage) || formed == Some(Formation::Many);
    let joining = joining(outage, members, formation, wide);
    if hears_of_breach(outage, members, &joining) {
        let heard = hears(outage, Verdict::Breach, now);
        let decision = decide(outage, &heard, life, None, new);
        note(&mut settled, outage, decision);
    }
    take_in(outage, members, &joining, wide, &mut settled);
    if !is_new && !members.iter().any(|one| is_member(outage, one)) && is_waiting(outage) {
        let heard = hears(outage, Verdict::Clear, now);
        let decision = decide(outage, &heard, life, None, new);
        note(&mut settled, outage, decision);
    }
    let_pass(outage, life, now, &mut settled);
    link(outage, members, &joining, &mut settled);
    close_members(outage, members, life, now, &mut settled);
    settled
}

/// Members whose outage is over without them, because a person closed its ticket: those it
/// held are closed with it, those with a ticket of their own go on alone.
pub fn release(members: &mut [Incident], now: Timestamp) -> Vec<MemberStep> {
    let mut changed = Vec::new();
    for (place, member) in members.iter_mut().enumerate() {
        if member.outage_id.is_none() {
            continue;
        }
        let what = if member.state == IncidentState::Pending {
            member.close(now);
            MemberChange::Closed
        } else {
            member.outage_id = None;
            member.alone = true;
            MemberChange::LetGo
        };
        changed.push(MemberStep { place, what });
    }
    changed
}

/// Why the incidents of a group make an outage, if they do: enough of them began within the
/// window, or one of them explains another.
pub fn forms(members: &[Incident], formation: FormationPolicy<'_>) -> Option<Formation> {
    let breaching = || members.iter().filter(|one| counts(one));
    // One that was silenced counts from the silence's end.
    let began = |one: &Incident| one.silenced_until.unwrap_or(one.opened_at);
    let mut begun: Vec<Timestamp> = breaching().map(began).collect();
    begun.sort_unstable();
    let mut windows = begun.windows(formation.at_least.max(1));
    let many = windows.any(|window| match (window.first(), window.last()) {
        (Some(first), Some(last)) => last.since(*first) <= formation.within,
        _ => false,
    });
    if many {
        return Some(Formation::Many);
    }
    let is_explained =
        |one: &Incident| !is_cause(one, formation) && is_explained(one, members, formation);
    breaching()
        .any(is_explained)
        .then_some(Formation::Explained)
}

fn is_cause(incident: &Incident, formation: FormationPolicy<'_>) -> bool {
    formation.causes.contains(&incident.rule)
}

/// Whether a cause that breaches explains `incident`: one that began long before did so for
/// another reason.
fn is_explained(incident: &Incident, members: &[Incident], formation: FormationPolicy<'_>) -> bool {
    let mut causes = members
        .iter()
        .filter(|one| counts(one) && is_cause(one, formation));
    causes.any(|cause| incident.opened_at.plus(formation.within) >= cause.opened_at)
}

/// Pending or open: not recovered, and not over.
fn is_live(incident: &Incident) -> bool {
    matches!(incident.state, IncidentState::Pending | IncidentState::Open)
}

/// Whether it may be one of those that make an outage.
fn counts(incident: &Incident) -> bool {
    is_live(incident) && incident.is_breaching() && !incident.alone
}

/// Whether `one` is a member of `outage` that has not recovered.
fn is_member(outage: &Known, one: &Incident) -> bool {
    let id = outage.incident.as_ref().map(|incident| &incident.id);
    is_live(one) && one.outage_id.is_some() && one.outage_id.as_ref() == id
}

fn is_wide(outage: &Known) -> bool {
    let tally = outage.incident.as_ref().and_then(|one| one.tally.as_ref());
    tally.is_some_and(|tally| tally.wide)
}

fn is_waiting(outage: &Known) -> bool {
    outage
        .incident
        .as_ref()
        .is_some_and(|one| is_live(one) && one.is_breaching())
}

/// Places of those that become members now. An outage that stands on its cause alone takes in
/// only what the cause explains, as long as the cause breaches.
fn joining(
    outage: &Known,
    members: &[Incident],
    formation: FormationPolicy<'_>,
    wide: bool,
) -> Vec<usize> {
    let takes_all = wide || formation.causes.is_empty();
    let joins = |one: &Incident| {
        one.outage_id.is_none()
            && counts(one)
            && (takes_all || is_cause(one, formation) || is_explained(one, members, formation))
    };
    let is_over = |one: &Incident| one.state == IncidentState::Closed;
    if outage.incident.as_ref().is_some_and(is_over) {
        return Vec::new();
    }
    let all = members.iter().enumerate();
    all.filter(|(_, one)| joins(one))
        .map(|(place, _)| place)
        .collect()
}

/// Whether there is a breach that the outage has not heard of.
fn hears_of_breach(outage: &Known, members: &[Incident], joining: &[usize]) -> bool {
    let Some(incident) = &outage.incident else {
        return true;
    };
    let is_over = incident.state == IncidentState::Recovered;
    let mut breaching = members
        .iter()
        .filter(|one| is_member(outage, one) && one.is_breaching());
    !joining.is_empty()
        || breaching.any(|one| is_over || one.last_breach_at > incident.last_breach_at)
}

/// The outage hears of its members as an incident hears of its entity, never out of order.
pub(super) fn hears(outage: &Known, verdict: Verdict, now: Timestamp) -> Heard {
    let parts = outage.incident.iter().flat_map(|one| one.parts.values());
    let newest = parts.map(|part| part.heard_at).max();
    Heard {
        received_at: now,
        occurred_at: newest.map_or(now, |newest| newest.max(now)),
        part: String::new(),
        verdict,
        readings: Readings::new(),
    }
}

fn note(settled: &mut Settled, outage: &Known, decision: Decision) {
    if let Some(incident) = &outage.incident {
        settled.outage.push((decision, incident.clone()));
    }
}

/// Takes those at the places `joining` in, and counts.
fn take_in(
    outage: &mut Known,
    members: &mut [Incident],
    joining: &[usize],
    wide: bool,
    settled: &mut Settled,
) {
    let Some(incident) = outage.incident.as_mut().filter(|one| is_live(one)) else {
        return;
    };
    for place in joining {
        let Some(member) = members.get_mut(*place) else {
            continue;
        };
        member.outage_id = Some(incident.id.clone());
        member.held_by_flood = false;
        if member.state == IncidentState::Pending {
            settled.members.push(MemberStep {
                place: *place,
                what: MemberChange::Held,
            });
        }
    }
    let id = Some(incident.id.clone());
    let its = members.iter().filter(|one| one.outage_id == id);
    let tally = incident.tally.get_or_insert_with(Tally::default);
    tally.wide |= wide;
    its.clone().for_each(|one| tally.take_readings(one));
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let present = its.filter(|one| is_live(one)).count();
    let moved = tally.count(count(joining.len()), count(present));
    let told = settled.outage.iter();
    if told.clone().all(|(decision, _)| decision.owed.is_empty()) {
        let moved = u32::try_from(moved).unwrap_or(u32::MAX);
        incident.untold = incident.untold.saturating_add(moved);
    }
}

/// Lets time pass for the outage, and notes how it is then.
fn let_pass(outage: &mut Known, life: &LifePolicy, now: Timestamp, settled: &mut Settled) {
    let Some(before) = outage.incident.as_ref().map(|one| one.state) else {
        return;
    };
    if before == IncidentState::Closed {
        return;
    }
    let mut decision = pass_time(outage, life, now);
    let after = outage.incident.as_ref().map(|one| one.state);
    if after == Some(before) && decision.owed.is_empty() {
        decision.outcome = Outcome::Between;
    }
    note(settled, outage, decision);
}

/// Links who has a ticket to the outage's, once that is owed: all members when it opens,
/// later those at the places `joining`.
fn link(outage: &Known, members: &[Incident], joining: &[usize], settled: &mut Settled) {
    let Some(incident) = &outage.incident else {
        return;
    };
    let opens = settled
        .outage
        .iter()
        .any(|(decision, _)| decision.owed.contains(&Owed::Create));
    for (place, member) in members.iter().enumerate() {
        let is_its = member.outage_id.as_ref() == Some(&incident.id);
        if !is_its || member.state == IncidentState::Pending {
            continue;
        }
        let what = match incident.state {
            _ if opens => MemberChange::Linked,
            IncidentState::Pending if joining.contains(&place) => MemberChange::Joined,
            _ if joining.contains(&place) => MemberChange::Linked,
            _ => continue,
        };
        settled.members.push(MemberStep { place, what });
    }
}

/// Ends an outage whose ticket a person gave up before it existed. Its members go on alone:
/// those it held open tickets of their own after all, so that nothing is without a ticket.
fn give_up(
    outage: &mut Known,
    members: &mut [Incident],
    now: Timestamp,
    settled: &mut Settled,
) -> bool {
    let is_given_up = |one: &&mut Incident| {
        let tally = one.tally.as_ref();
        one.state != IncidentState::Closed && tally.is_some_and(|tally| tally.given_up)
    };
    let Some(over) = outage.incident.as_mut().filter(is_given_up) else {
        return false;
    };
    over.close(now);
    for (place, member) in members.iter_mut().enumerate() {
        if member.outage_id.as_ref() == Some(&over.id) {
            member.let_go(now);
            let what = MemberChange::LetGo;
            settled.members.push(MemberStep { place, what });
        }
    }
    settled.given_up = true;
    true
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
    let had_ticket = over.recovered_at.is_some();
    for (place, member) in members.iter_mut().enumerate() {
        let is_its = member.outage_id.as_ref() == Some(&over.id);
        if !is_its || member.state == IncidentState::Closed {
            continue;
        }
        let has_ticket = member.state != IncidentState::Pending;
        let what = if has_ticket && !had_ticket {
            member.outage_id = None;
            MemberChange::LetGo
        } else {
            member.close(now);
            match life.on_recovery {
                Recovery::Resolve if has_ticket => MemberChange::Resolved,
                _ => MemberChange::Closed,
            }
        };
        settled.members.push(MemberStep { place, what });
    }
}

#[cfg(test)]
#[path = "outage_tests.rs"]
mod tests;
