//! The changes of an incident that its history shows, each with its cause.
//!
//! They are found by comparing the incident before and after a step, so that no step can forget
//! to report one.

use serde::{Deserialize, Serialize};

use crate::domain::incident::{Incident, IncidentState, Suppression, TicketAction};
use crate::domain::severity::Severity;
use crate::domain::time::Timestamp;

/// One change of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It has begun, and its ticket waits.
    Pending(Suppression),
    /// Its ticket is created.
    Opened,
    /// It breaches again after its recovery.
    Relapsed,
    /// It flaps: it stays open until it is stable.
    Flapping,
    /// Its severity has risen.
    Raised {
        from: Severity,
    },
    /// Its ticket gets a comment about the lasting breach.
    Commented,
    /// It does not flap any more.
    Stable,
    Recovered(Recovering),
    Closed(Closing),
}

/// Why an incident has recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovering {
    /// Every part has cleared.
    Clear { since: Timestamp },
    /// There was no breach for `quiet_after`.
    Quiet,
}

/// Why an incident is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// It recovered before it had a ticket.
    NeverOpened(Recovering),
    /// Its ticket is resolved with the recovery.
    Resolved,
    /// It did not breach again after its recovery.
    StayedWell,
}

/// The parts of an incident before a step that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    state: IncidentState,
    severity: Option<Severity>,
    recovered_at: Option<Timestamp>,
    stable_at: Option<Timestamp>,
    held_by_flood: bool,
}

impl Before {
    pub(super) fn of(incident: &Incident) -> Self {
        Self {
            state: incident.state,
            severity: Severity::from_name(&incident.severity),
            recovered_at: incident.recovered_at,
            stable_at: stable_at(incident),
            held_by_flood: incident.held_by_flood,
        }
    }
}

fn stable_at(incident: &Incident) -> Option<Timestamp> {
    incident.flapping.and_then(|flapping| flapping.stable_at)
}

/// The changes of one step, in order. `incident` is the incident after the step; `actions` are the
/// ticket actions of the step.
pub(super) fn transitions(
    before: Option<Before>,
    incident: &Incident,
    actions: &[TicketAction],
) -> Vec<Transition> {
    let mut found = Vec::new();
    let opened = actions.contains(&TicketAction::Create);
    let state_before = before.map(|before| before.state);
    let was_held = before.is_some_and(|before| before.held_by_flood);
    if incident.held_by_flood && !was_held {
        found.push(Transition::Pending(Suppression::Flood));
    } else if before.is_none() && !opened {
        let reason = incident.waits_for.unwrap_or(Suppression::Pending);
        found.push(Transition::Pending(reason));
    }
    if opened {
        found.push(Transition::Opened);
    }
    if state_before == Some(IncidentState::Recovered) && incident.state == IncidentState::Open {
        found.push(Transition::Relapsed);
    }
    if actions.contains(&TicketAction::Flapping) {
        found.push(Transition::Flapping);
    }
    let from = before.and_then(|before| before.severity);
    if let (Some(from), Some(to)) = (from, Severity::from_name(&incident.severity))
        && to > from
    {
        found.push(Transition::Raised { from });
    }
    if actions.contains(&TicketAction::Progress) {
        found.push(Transition::Commented);
    }
    if stable_at(incident) != before.and_then(|before| before.stable_at)
        && stable_at(incident).is_some()
    {
        found.push(Transition::Stable);
    }
    let recovered_before = before.and_then(|before| before.recovered_at);
    let recovers = incident.recovered_at.is_some() && incident.recovered_at != recovered_before;
    if recovers {
        found.push(Transition::Recovered(recovering(incident)));
    }
    if incident.state == IncidentState::Closed && state_before != Some(IncidentState::Closed) {
        found.push(Transition::Closed(match state_before {
            _ if recovers => Closing::Resolved,
            Some(IncidentState::Recovered) => Closing::StayedWell,
            _ => Closing::NeverOpened(recovering(incident)),
        }));
    }
    found
}

fn recovering(incident: &Incident) -> Recovering {
    match incident.clear_since {
        Some(since) => Recovering::Clear { since },
        None => Recovering::Quiet,
    }
}

#[cfg(test)]
#[path = "transition_tests.rs"]
mod tests;
