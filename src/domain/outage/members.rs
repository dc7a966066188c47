//! The members of an outage: which incidents join, and the changes of members.

use serde::{Deserialize, Serialize};

use super::formation::{FormationPolicy, counts, is_cause, is_explained, is_live};
use crate::domain::decision::DecisionState;
use crate::domain::incident::{Incident, IncidentState, Recovery};
use crate::domain::time::Timestamp;

/// A change of one member.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberStep {
    /// Its index among the members.
    pub place: usize,
    pub what: MemberChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberChange {
    /// It joined, and opens no ticket of its own.
    Held,
    /// It joined with a ticket, while the ticket of the outage waits.
    Joined,
    /// Its ticket is to be linked to the outage's ticket.
    Linked,
    /// It is a member no more, and continues alone.
    LetGo,
    /// It was closed with its outage, and has no ticket.
    Closed,
    /// It was closed with its outage, and its ticket is to be resolved.
    Resolved,
}

/// Whether `one` is a member of `outage` that has not recovered.
pub(super) fn is_member(outage: &DecisionState, one: &Incident) -> bool {
    let id = outage.incident.as_ref().map(|incident| &incident.id);
    is_live(one) && one.outage_id.is_some() && one.outage_id.as_ref() == id
}

/// The indices of the incidents that become members now. With `wide`, every breaching incident of
/// the group joins.
pub(super) fn joining(
    outage: &DecisionState,
    members: &[Incident],
    formation: FormationPolicy<'_>,
    wide: bool,
) -> Vec<usize> {
    let takes_all = wide || formation.causes.is_empty();
    // An outage that formed by its cause alone accepts only incidents that the cause explains,
    // and only while the cause breaches: others have a reason of their own.
    let explained = |one: &Incident| {
        takes_all || is_cause(one, formation) || is_explained(one, members, formation)
    };
    let id = outage.incident.as_ref().map(|incident| &incident.id);
    // A person knows what rules cannot tell.
    let is_put_in = |one: &Incident| one.put_into.is_some() && one.put_into.as_ref() == id;
    let joins = |one: &Incident| {
        one.outage_id.is_none() && (is_put_in(one) || (counts(one) && explained(one)))
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

/// Makes the incidents at the indices `joining` members of `outage`.
pub(super) fn join(
    outage: &Incident,
    members: &mut [Incident],
    joining: &[usize],
) -> Vec<MemberStep> {
    let mut steps = Vec::new();
    for place in joining {
        let Some(member) = members.get_mut(*place) else {
            continue;
        };
        member.outage_id = Some(outage.id.clone());
        member.put_into = None;
        // The outage has the ticket now, so no person needs to release this incident.
        member.held_by_flood = false;
        if member.state == IncidentState::Pending {
            steps.push(MemberStep {
                place: *place,
                what: MemberChange::Held,
            });
        }
    }
    steps
}

/// Links the tickets of members to the outage's ticket: all of them when that is created, later
/// those at the indices `joining`.
pub(super) fn link(
    outage: &Incident,
    is_created: bool,
    members: &[Incident],
    joining: &[usize],
) -> Vec<MemberStep> {
    let mut steps = Vec::new();
    for (place, member) in members.iter().enumerate() {
        let is_its = member.outage_id.as_ref() == Some(&outage.id);
        if !is_its || member.state == IncidentState::Pending {
            continue;
        }
        let what = match outage.state {
            _ if is_created => MemberChange::Linked,
            // There is no ticket to link to yet. The create will link it.
            IncidentState::Pending if joining.contains(&place) => MemberChange::Joined,
            _ if joining.contains(&place) => MemberChange::Linked,
            _ => continue,
        };
        steps.push(MemberStep { place, what });
    }
    steps
}

/// Closes the members of an outage that has just ended.
pub(super) fn close_with(
    outage: &Incident,
    members: &mut [Incident],
    on_recovery: Recovery,
    now: Timestamp,
) -> Vec<MemberStep> {
    let outage_had_ticket = outage.recovered_at.is_some();
    let mut steps = Vec::new();
    for (place, member) in members.iter_mut().enumerate() {
        let is_its = member.outage_id.as_ref() == Some(&outage.id);
        if !is_its || member.state == IncidentState::Closed {
            continue;
        }
        let has_ticket = member.state != IncidentState::Pending;
        let what = if has_ticket && !outage_had_ticket {
            // The outage ended before it had a ticket, so nothing was written to this ticket. Its
            // incident recovers by its own rule.
            member.outage_id = None;
            MemberChange::LetGo
        } else {
            member.close(now);
            match on_recovery {
                Recovery::Resolve if has_ticket => MemberChange::Resolved,
                _ => MemberChange::Closed,
            }
        };
        steps.push(MemberStep { place, what });
    }
    steps
}

/// All members leave an outage whose create a person discarded ("given up"). Members that it held
/// back open tickets of their own after all: otherwise their trouble would have no ticket.
pub(super) fn let_go(
    outage: &Incident,
    members: &mut [Incident],
    now: Timestamp,
) -> Vec<MemberStep> {
    let mut steps = Vec::new();
    for (place, member) in members.iter_mut().enumerate() {
        if member.outage_id.as_ref() == Some(&outage.id) {
            member.leave_outage(now);
            let what = MemberChange::LetGo;
            steps.push(MemberStep { place, what });
        }
    }
    steps
}

/// All members leave an outage that ended without them, because a person closed its ticket.
pub fn release(members: &mut [Incident], now: Timestamp) -> Vec<MemberStep> {
    let mut steps = Vec::new();
    for (place, member) in members.iter_mut().enumerate() {
        if member.outage_id.is_none() {
            continue;
        }
        // The person closed the only ticket about this trouble, so it gets none of its own.
        let what = if member.state == IncidentState::Pending {
            member.close(now);
            MemberChange::Closed
        } else {
            member.outage_id = None;
            member.ungrouped = true;
            MemberChange::LetGo
        };
        steps.push(MemberStep { place, what });
    }
    steps
}
