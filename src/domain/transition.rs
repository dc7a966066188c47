//! What a step did to an incident: every change that its history tells, with the cause.
//!
//! Owns which changes there are. They are found by comparing the incident before and after a
//! step, so that no step can forget to tell of one. Pure. May import: `domain` only.

use serde::{Deserialize, Serialize};

use super::decision::Suppression;
use super::incident::{Incident, IncidentState, Owed};
use super::severity::Severity;
use super::time::Timestamp;

/// One change of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It has begun, and its ticket waits.
    Pending(Suppression),
    /// Its ticket is owed.
    Opened,
    /// It breaches again after its recovery.
    Relapsed,
    /// It comes and goes too often: it is held open.
    Flapping,
    /// It is worse than it was.
    Raised {
        /// What the severity was before.
        from: Severity,
    },
    /// A comment about the lasting breach is owed.
    Commented,
    /// It flapped, and does not any more.
    Calm,
    /// It has recovered.
    Recovered(Recovering),
    /// It is over.
    Closed(Closing),
}

/// Why an incident has recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovering {
    /// Every part has cleared, since a time.
    Clear {
        /// Since when.
        since: Timestamp,
    },
    /// No breach was heard for long enough.
    Quiet,
}

/// Why an incident is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// It went away before it had a ticket.
    NeverOpened(Recovering),
    /// Its ticket is resolved with the recovery.
    Resolved,
    /// It stayed well after its recovery.
    StayedWell,
}

/// What is remembered of an incident before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stage {
    state: IncidentState,
    severity: Option<Severity>,
    recovered_at: Option<Timestamp>,
    calm_at: Option<Timestamp>,
    held_by_flood: bool,
}

impl Stage {
    pub(super) fn of(incident: &Incident) -> Self {
        Self {
            state: incident.state,
            severity: Severity::from_name(&incident.severity),
            recovered_at: incident.recovered_at,
            calm_at: calm_at(incident),
            held_by_flood: incident.held_by_flood,
        }
    }
}

fn calm_at(incident: &Incident) -> Option<Timestamp> {
    incident.flapping.and_then(|flapping| flapping.calm_at)
}

/// What a step did, in order: `incident` is as it is after the step, `before` as it was, and
/// `owed` what the step owes to the ticket.
pub(super) fn between(
    before: Option<Stage>,
    incident: &Incident,
    owed: &[Owed],
) -> Vec<Transition> {
    let mut found = Vec::new();
    let opened = owed.contains(&Owed::Create);
    let state_before = before.map(|stage| stage.state);
    let was_held = before.is_some_and(|stage| stage.held_by_flood);
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
    if owed.contains(&Owed::Flapping) {
        found.push(Transition::Flapping);
    }
    let from = before.and_then(|stage| stage.severity);
    if let (Some(from), Some(to)) = (from, Severity::from_name(&incident.severity))
        && to > from
    {
        found.push(Transition::Raised { from });
    }
    if owed.contains(&Owed::Progress) {
        found.push(Transition::Commented);
    }
    if calm_at(incident) != before.and_then(|stage| stage.calm_at) && calm_at(incident).is_some() {
        found.push(Transition::Calm);
    }
    let recovered_before = before.and_then(|stage| stage.recovered_at);
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
