//! One step of a source's flood: its incident begins, continues or ends.

use std::time::Duration;

use crate::domain::decision::{Decision, DecisionState, NewIncident, decide, fire_due};
use crate::domain::incident::{Incident, LifePolicy, TicketAction, Verdict};
use crate::domain::time::Timestamp;

/// The events of a source since the last step that matter for its flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FloodObservation {
    /// Keys that are held since this step.
    pub newly_held: u64,
    /// Breaches that were only counted.
    pub counted: u64,
    /// Whether a held key breached again.
    pub held_breached: bool,
    /// Whether any key is held; `None`: not looked up.
    pub any_held: Option<bool>,
}

/// Runs one step at `now`. Returns the decisions in order, each with the flood's incident as it
/// was right after.
pub fn reconcile(
    flood: &mut DecisionState,
    seen: FloodObservation,
    life: &LifePolicy,
    new: &NewIncident<'_>,
    now: Timestamp,
) -> Vec<(Decision, Incident)> {
    let grows = seen.newly_held + seen.counted > 0;
    let is_known = flood.incident.is_some();
    // When a person has closed the flood's ticket, keys may still be held. A breach of one of
    // them begins a new flood: otherwise no ticket would be about them.
    if !grows && !is_known && !seen.held_breached {
        return Vec::new();
    }
    let mut steps = Vec::new();
    add_to_totals(flood, seen);
    if grows || !is_known {
        let policy = without_comments_unless_grown(flood, life);
        let breach = flood.derived(Verdict::Breach, now);
        let decision = decide(flood, &breach, &policy, None, new);
        // Only now there is an incident that can hold the totals.
        if !is_known {
            add_to_totals(flood, seen);
        }
        record(&mut steps, flood, decision);
    } else if seen.any_held == Some(false) && flood.is_breaching() {
        let clear = flood.derived(Verdict::Clear, now);
        let decision = decide(flood, &clear, life, None, new);
        record(&mut steps, flood, decision);
    }
    if flood.incident.is_some() {
        let decision = fire_due(flood, life, now);
        record(&mut steps, flood, decision);
    }
    steps
}

/// A lasting flood gets a comment only when its totals have grown much: each new breach would
/// cause one otherwise.
fn without_comments_unless_grown(flood: &DecisionState, life: &LifePolicy) -> LifePolicy {
    let has_grown = |incident: &Incident| incident.unreported > 0;
    let comments = flood.incident.as_ref().is_none_or(has_grown);
    LifePolicy {
        update_every: if comments {
            life.update_every
        } else {
            Duration::ZERO
        },
        ..*life
    }
}

fn add_to_totals(flood: &mut DecisionState, seen: FloodObservation) {
    let Some(incident) = flood.incident.as_mut() else {
        return;
    };
    let totals = incident.flood.get_or_insert_default();
    totals.held += seen.newly_held;
    totals.counted += seen.counted;
    incident.unreported = u32::from(totals.has_grown());
}

fn record(steps: &mut Vec<(Decision, Incident)>, flood: &mut DecisionState, decision: Decision) {
    let Some(incident) = flood.incident.as_mut() else {
        return;
    };
    // These writes to the ticket carry the totals.
    let has_totals =
        |action: &TicketAction| matches!(action, TicketAction::Create | TicketAction::Progress);
    if decision.actions.iter().any(has_totals)
        && let Some(totals) = &mut incident.flood
    {
        totals.reported = totals.sum();
        incident.unreported = 0;
    }
    steps.push((decision, incident.clone()));
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
