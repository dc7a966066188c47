//! The entry: decides on one signal, or on what is due at a time.

use super::breach::{breach_of_known, first_breach};
use super::burst_lock::BurstLock;
use super::outcome::Outcome;
use super::state::{Known, NewIncident};
use super::transition::{Before, Transition, transitions};
use crate::domain::incident::{Heard, Hold, Incident, IncidentState, LifePolicy, Owed, Verdict};
use crate::domain::time::Timestamp;

/// The result of a decision. The caller stores all of it in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What the signal did.
    pub outcome: Outcome,
    /// What the ticket needs, in order.
    pub owed: Vec<Owed>,
    /// What changed in the incident, in order.
    pub transitions: Vec<Transition>,
    /// The burst lock that begins, when a ticket is created.
    pub lock: Option<BurstLock>,
}

/// Decides on one signal, and changes `state`. `delay` lets the ticket of a new incident
/// wait. Of several delays the longest counts, and gives the reason.
pub fn decide(
    state: &mut Known,
    heard: &Heard,
    policy: &LifePolicy,
    delay: Option<Hold>,
    new: NewIncident<'_>,
) -> Decision {
    let before = state.incident.as_ref().map(Before::of);
    let outcome_and_actions = match state.incident.as_mut() {
        Some(incident) if !incident.is_about(heard) => (Outcome::OtherSource, Vec::new()),
        Some(incident) if incident.is_out_of_order(heard) => (Outcome::OutOfOrder, Vec::new()),
        Some(incident) => {
            let may_open = state.admission.may_open;
            signal_of_known(incident, heard, policy, may_open, new.severity)
        }
        None if heard.verdict == Verdict::Breach => first_breach(state, heard, policy, delay, new),
        None => (Outcome::AllWell, Vec::new()),
    };
    conclude(
        state,
        before,
        outcome_and_actions,
        policy,
        heard.received_at,
    )
}

/// Makes every change of the known incident that is due at `now`.
pub fn pass_time(state: &mut Known, policy: &LifePolicy, now: Timestamp) -> Decision {
    let before = state.incident.as_ref().map(Before::of);
    let Some(incident) = state.incident.as_mut() else {
        return conclude(state, before, (Outcome::AllWell, Vec::new()), policy, now);
    };
    let actions = incident.pass_time(policy, state.admission.may_open, now);
    let outcome = match incident.state {
        IncidentState::Recovered | IncidentState::Closed => Outcome::Recovered,
        _ if actions.contains(&Owed::Create) => Outcome::Opened,
        _ => Outcome::Between,
    };
    conclude(state, before, (outcome, actions), policy, now)
}

/// A signal about a known incident.
fn signal_of_known(
    incident: &mut Incident,
    heard: &Heard,
    policy: &LifePolicy,
    may_open: bool,
    severity: &str,
) -> (Outcome, Vec<Owed>) {
    incident.take_in(heard);
    match heard.verdict {
        Verdict::Breach => {
            let raised_from = incident.raise(severity);
            breach_of_known(incident, heard.received_at, policy, may_open, raised_from)
        }
        Verdict::Between => {
            // A recovered incident continues only with a real breach. A value inside the
            // hysteresis must not mark its part as breaching again.
            if incident.state == IncidentState::Recovered
                && let Some(part) = incident.parts.get_mut(&heard.part)
            {
                part.breaching = false;
            }
            (Outcome::Between, Vec::new())
        }
        Verdict::Clear => clear_of_known(incident, heard.received_at, policy, may_open),
    }
}

fn clear_of_known(
    incident: &mut Incident,
    now: Timestamp,
    policy: &LifePolicy,
    may_open: bool,
) -> (Outcome, Vec<Owed>) {
    let actions = match incident.state {
        // With `clear_for = 0` the recovery is due at once.
        IncidentState::Pending | IncidentState::Open => incident.pass_time(policy, may_open, now),
        // A second clear must not start the recovery again.
        IncidentState::Recovered | IncidentState::Closed => Vec::new(),
    };
    let outcome = match incident.state {
        IncidentState::Open if incident.is_flapping() => Outcome::FlappingHeld,
        IncidentState::Pending | IncidentState::Open => Outcome::Clearing,
        IncidentState::Recovered | IncidentState::Closed => Outcome::Recovered,
    };
    (outcome, actions)
}

fn conclude(
    state: &mut Known,
    before: Option<Before>,
    (outcome, owed): (Outcome, Vec<Owed>),
    policy: &LifePolicy,
    now: Timestamp,
) -> Decision {
    let lock = owed.contains(&Owed::Create).then(|| BurstLock {
        taken_at: now,
        until: now.plus(policy.burst_lock),
    });
    // A decision without a create leaves the lock of an earlier ticket in force.
    if lock.is_some() {
        state.lock.clone_from(&lock);
    }
    let mut transitions_made = Vec::new();
    if let Some(incident) = &state.incident {
        transitions_made = transitions(before, incident, &owed);
        // The starts belong to the key, so that they outlive this incident.
        state.onsets.clone_from(&incident.onsets);
    }
    Decision {
        outcome,
        owed,
        transitions: transitions_made,
        lock,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
