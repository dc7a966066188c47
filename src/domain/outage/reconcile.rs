//! One step of a group: its outage forms, takes members in, recovers or ends.
//!
//! A group may have thousands of incidents. So a step is tried with those that changed alone, and
//! needs all of them only where the outage forms, changes its state, or writes to its ticket.

use super::formation::{Formation, FormationPolicy, counts, forms, is_live};
use super::members::{MemberStep, close_with, is_member, join, joining, let_go, link};
use crate::domain::decision::{
    Decision, DecisionState, NewIncident, SignalOutcome, Transition, decide, fire_due,
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

/// What is known of the incidents of a group that a step is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Others {
    /// Whether one of them is a member that has not recovered.
    pub any_live: bool,
    /// Members among the given incidents that had not recovered before they changed.
    pub given_live: u64,
}

impl Others {
    /// Members that are not given and have not recovered, by the count of the last step.
    fn live(self, outage: &DecisionState) -> u64 {
        let tally = outage.incident.as_ref().and_then(|one| one.tally.as_ref());
        let present = tally.map_or(0, |tally| tally.present);
        match self.any_live {
            true => present.saturating_sub(self.given_live).max(1),
            false => 0,
        }
    }
}

/// Whether `incident` counts for the formation of an outage: an incident that does and did not
/// before it changed can form an outage, or join one.
pub fn can_form(incident: &Incident) -> bool {
    counts(incident)
}

/// Runs one step at `now` with the incidents of the group that `changed`, beside `others`. `begins`
/// tells whether one of them counts for the formation that did not before. Returns `None`, and
/// changes nothing, where the step needs all incidents of the group.
pub fn reconcile_changed(
    outage: &mut DecisionState,
    changed: &mut [Incident],
    (others, begins): (Others, bool),
    (formation, life): (FormationPolicy<'_>, &LifePolicy),
    new: &NewIncident<'_>,
    now: Timestamp,
) -> Option<OutageUpdate> {
    let before = outage.clone();
    let Some(known) = &before.incident else {
        return (!begins).then(OutageUpdate::default);
    };
    // The cause that explains an incident may be one of the others, and so may those with which it
    // makes the outage wide.
    if begins && !is_wide(&before) {
        return None;
    }
    // People have closed tickets of members: all are counted.
    if known.tally.as_ref().is_some_and(|tally| tally.is_stale) {
        return None;
    }
    let unchanged = changed.to_vec();
    let update = step(outage, changed, others, (formation, life), new, now);
    let is_quiet = !update.given_up
        && outage.incident.as_ref().map(|one| one.state) == Some(known.state)
        && update.outage.iter().all(|(one, _)| one.actions.is_empty());
    if !is_quiet {
        *outage = before;
        changed.clone_from_slice(&unchanged);
    }
    is_quiet.then_some(update)
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
    let others = Others::default();
    step(outage, members, others, (formation, life), new, now)
}

fn step(
    outage: &mut DecisionState,
    members: &mut [Incident],
    others: Others,
    (formation, life): (FormationPolicy<'_>, &LifePolicy),
    new: &NewIncident<'_>,
    now: Timestamp,
) -> OutageUpdate {
    let mut update = OutageUpdate::default();
    let others = others.live(outage);
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
    take_members(outage, members, (&joining, others), wide, &mut update);
    // An outage that has just formed is not cleared in the same step.
    let any_live = others > 0 || members.iter().any(|one| is_member(outage, one));
    if !is_new && !any_live && waits_for_clear(outage) {
        let clear = outage.derived(Verdict::Clear, now);
        let decision = decide(outage, &clear, life, None, new);
        record(&mut update, outage, decision);
    }
    fire_outage_timers(outage, life, now, &mut update);
    let breaches = |one: &Incident| is_member(outage, one) && one.is_breaching();
    if others == 0 && !members.iter().any(breaches) {
        leave_out_progress(&mut update);
    }
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

/// Makes the incidents at the indices `joining` members, and updates the totals: `others` are
/// members that are not given and have not recovered.
fn take_members(
    outage: &mut DecisionState,
    members: &mut [Incident],
    (joining, others): (&[usize], u64),
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
    tally.is_stale = false;
    its.clone()
        .for_each(|one| tally.add_readings(&one.key, &one.readings));
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let present = its.filter(|one| is_live(one)).count();
    let moved = tally.count(count(joining.len()), count(present).saturating_add(others));
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

/// Nothing of the outage breaches any more, so no comment says that it still does. The one on its
/// recovery, which may come in the same second, tells the totals.
fn leave_out_progress(update: &mut OutageUpdate) {
    for (decision, _) in &mut update.outage {
        decision
            .actions
            .retain(|one| *one != TicketAction::Progress);
        decision
            .transitions
            .retain(|one| *one != Transition::Commented);
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
