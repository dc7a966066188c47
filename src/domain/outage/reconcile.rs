//! One step of a group: its outage forms, takes members in, recovers or ends.

use super::formation::{Formation, FormationPolicy, forms, is_live};
use super::members::{MemberStep, close_with, is_member, join, joining, let_go, link};
use crate::domain::decision::{
    Decision, DecisionState, NewIncident, SignalOutcome, decide, fire_due,
};
use crate::domain::incident::{Incident, IncidentState, LifePolicy, TicketAction, Verdict};
use crate::domain::time::Timestamp;

/// The changes of one step of a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutageUpdate {
    /// Decisions on the outage, in order, each with the outage as it was right after.
    pub outage: Vec<(Decision, Incident)>,
    /// Changes of members, in order.
    pub members: Vec<MemberStep>,
    /// Whether the outage ended because a person gave its ticket up.
    pub given_up: bool,
}

/// Runs one step at `now`. `members` are the incidents of the group that are not closed; `new`
/// names the outage that may form.
pub fn reconcile(
    outage: &mut DecisionState,
    members: &mut [Incident],
    formation: FormationPolicy<'_>,
    life: &LifePolicy,
    new: &NewIncident<'_>,
    now: Timestamp,
) -> OutageUpdate {
    let mut update = OutageUpdate::default();
    if end_given_up(outage, members, now, &mut update) {
        return update;
    }
    let formed = forms(members, formation);
    if outage.incident.is_none() && formed.is_none() {
        return update;
    }
    let is_new = outage.incident.is_none();
    // An outage that began on its cause alone becomes wide when enough incidents begin at once.
    let wide = is_wide(outage) || formed == Some(Formation::Many);
    let joining = joining(outage, members, formation, wide);
    // For the life of the outage, a breach of a member is a breach of the outage.
    if has_new_breach(outage, members, &joining) {
        let breach = outage.derived(Verdict::Breach, now);
        let decision = decide(outage, &breach, life, None, new);
        record(&mut update, outage, decision);
    }
    // Incidents join before the clear is decided: one of them may keep the outage open.
    take_members(outage, members, &joining, wide, &mut update);
    // An outage that has just formed is not cleared in the same step.
    if !is_new && !members.iter().any(|one| is_member(outage, one)) && waits_for_clear(outage) {
        let clear = outage.derived(Verdict::Clear, now);
        let decision = decide(outage, &clear, life, None, new);
        record(&mut update, outage, decision);
    }
    fire_outage_timers(outage, life, now, &mut update);
    finish_members(outage, members, &joining, life, now, &mut update);
    update
}

/// Ends an outage whose create a person discarded ("given up"), so that it never gets a ticket.
/// Returns whether it did.
fn end_given_up(
    outage: &mut DecisionState,
    members: &mut [Incident],
    now: Timestamp,
    update: &mut OutageUpdate,
) -> bool {
    let is_given_up = |one: &&mut Incident| {
        let tally = one.tally.as_ref();
        one.state != IncidentState::Closed && tally.is_some_and(|tally| tally.given_up)
    };
    let Some(over) = outage.incident.as_mut().filter(is_given_up) else {
        return false;
    };
    over.close(now);
    update.members = let_go(over, members, now);
    update.given_up = true;
    true
}

fn is_wide(outage: &DecisionState) -> bool {
    let tally = outage.incident.as_ref().and_then(|one| one.tally.as_ref());
    tally.is_some_and(|tally| tally.wide)
}

fn waits_for_clear(outage: &DecisionState) -> bool {
    outage
        .incident
        .as_ref()
        .is_some_and(|one| is_live(one) && one.is_breaching())
}

/// Whether a member breaches that the outage has not counted.
fn has_new_breach(outage: &DecisionState, members: &[Incident], joining: &[usize]) -> bool {
    let Some(incident) = &outage.incident else {
        return true;
    };
    let mut breaching = members
        .iter()
        .filter(|one| is_member(outage, one) && one.is_breaching());
    // Any breach of a member continues a recovered outage.
    let is_over = incident.state == IncidentState::Recovered;
    !joining.is_empty()
        || breaching.any(|one| is_over || one.last_breach_at > incident.last_breach_at)
}

/// Makes the incidents at the indices `joining` members, and updates the totals.
fn take_members(
    outage: &mut DecisionState,
    members: &mut [Incident],
    joining: &[usize],
    wide: bool,
    update: &mut OutageUpdate,
) {
    // It is recovered or closed: no incident joins in this step.
    let Some(incident) = outage.incident.as_mut().filter(|one| is_live(one)) else {
        return;
    };
    update.members.extend(join(incident, members, joining));
    let id = Some(incident.id.clone());
    let its = members.iter().filter(|one| one.outage_id == id);
    let tally = incident.tally.get_or_insert_default();
    tally.wide |= wide;
    its.clone()
        .for_each(|one| tally.add_readings(&one.key, &one.readings));
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let present = its.filter(|one| is_live(one)).count();
    let moved = tally.count(count(joining.len()), count(present));
    // A write to the ticket in this step carries the new totals already.
    if update
        .outage
        .iter()
        .all(|(decision, _)| decision.actions.is_empty())
    {
        let moved = u32::try_from(moved).unwrap_or(u32::MAX);
        incident.unreported = incident.unreported.saturating_add(moved);
    }
}

/// Fires the due timers of the outage itself, and records its state after that.
fn fire_outage_timers(
    outage: &mut DecisionState,
    life: &LifePolicy,
    now: Timestamp,
    update: &mut OutageUpdate,
) {
    let Some(before) = outage.incident.as_ref().map(|one| one.state) else {
        return;
    };
    if before == IncidentState::Closed {
        return;
    }
    let mut decision = fire_due(outage, life, now);
    let after = outage.incident.as_ref().map(|one| one.state);
    // Nothing was due. `Recovered` would be recorded once more at every step until it is closed.
    if after == Some(before) && decision.actions.is_empty() {
        decision.outcome = SignalOutcome::InHysteresis;
    }
    record(update, outage, decision);
}

/// Links the tickets of members, and closes the members of an outage that has ended.
fn finish_members(
    outage: &DecisionState,
    members: &mut [Incident],
    joining: &[usize],
    life: &LifePolicy,
    now: Timestamp,
    update: &mut OutageUpdate,
) {
    let Some(incident) = &outage.incident else {
        return;
    };
    let is_created = update
        .outage
        .iter()
        .any(|(decision, _)| decision.actions.contains(&TicketAction::Create));
    let linked = link(incident, is_created, members, joining);
    update.members.extend(linked);
    if incident.state == IncidentState::Closed {
        let closed = close_with(incident, members, life.on_recovery, now);
        update.members.extend(closed);
    }
}

fn record(update: &mut OutageUpdate, outage: &DecisionState, decision: Decision) {
    if let Some(incident) = &outage.incident {
        update.outage.push((decision, incident.clone()));
    }
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
