//! The entry: decides on one signal, or fires the timers that are due at a time.

use super::breach::{breach_of_known, first_breach};
use super::burst_lock::BurstLock;
use super::outcome::SignalOutcome;
use super::state::{DecisionState, NewIncident};
use super::transition::{Before, Transition, transitions};
use crate::domain::incident::{
    Evaluation, Incident, IncidentState, LifePolicy, OpenDelay, TicketAction, Verdict,
};
use crate::domain::time::Timestamp;

/// The result of a decision. The caller stores all of it in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub outcome: SignalOutcome,
    /// Changes of the ticket, in order.
    pub actions: Vec<TicketAction>,
    /// Changes of the incident, in order.
    pub transitions: Vec<Transition>,
    /// The burst lock that begins, when a ticket is created.
    pub lock: Option<BurstLock>,
}

/// Decides on one signal, and changes `state`. `delay` lets the ticket of a new incident
/// wait. Of several delays the longest counts, and gives the reason.
pub fn decide(
    state: &mut DecisionState,
    evaluation: &Evaluation,
    policy: &LifePolicy,
    delay: Option<OpenDelay>,
    new: &NewIncident<'_>,
) -> Decision {
    let before = state.incident.as_ref().map(Before::of);
    let outcome_and_actions = match state.incident.as_mut() {
        // A source that has reported no breach must not end the breach of another source.
        Some(incident) if !incident.is_about(evaluation) => {
            (SignalOutcome::OtherSource, Vec::new())
        }
        // A late "down" must not undo a newer "up" of the same part.
        Some(incident) if incident.is_out_of_order(evaluation) => {
            (SignalOutcome::OutOfOrder, Vec::new())
        }
        Some(incident) => {
            let may_open = state.allowance.may_open;
            signal_of_known(incident, evaluation, policy, may_open, new.severity)
        }
        None if evaluation.verdict == Verdict::Breach => {
            first_breach(state, evaluation, policy, delay, new)
        }
        // There is no incident that a clear could change.
        None => (SignalOutcome::AllWell, Vec::new()),
    };
    conclude(
        state,
        before,
        outcome_and_actions,
        policy,
        evaluation.received_at,
    )
}

/// Makes every change of the known incident that is due at `now`.
pub fn fire_due(state: &mut DecisionState, policy: &LifePolicy, now: Timestamp) -> Decision {
    let before = state.incident.as_ref().map(Before::of);
    let Some(incident) = state.incident.as_mut() else {
        return conclude(
            state,
            before,
            (SignalOutcome::AllWell, Vec::new()),
            policy,
            now,
        );
    };
    let actions = incident.fire_due(policy, state.allowance.may_open, now);
    let outcome = match incident.state {
        IncidentState::Recovered | IncidentState::Closed => SignalOutcome::Recovered,
        _ if actions.contains(&TicketAction::Create) => SignalOutcome::Opened,
        // No signal caused this step. The outcome only says that the incident continues.
        _ => SignalOutcome::InHysteresis,
    };
    conclude(state, before, (outcome, actions), policy, now)
}

/// A signal about a known incident.
fn signal_of_known(
    incident: &mut Incident,
    evaluation: &Evaluation,
    policy: &LifePolicy,
    may_open: bool,
    severity: &str,
) -> (SignalOutcome, Vec<TicketAction>) {
    incident.apply(evaluation);
    match evaluation.verdict {
        Verdict::Breach => {
            let raised_from = incident.raise(severity);
            breach_of_known(
                incident,
                evaluation.received_at,
                policy,
                may_open,
                raised_from,
            )
        }
        Verdict::InHysteresis => {
            // A recovered incident continues only with a real breach. A value inside the
            // hysteresis must not mark its part as breaching again.
            if incident.state == IncidentState::Recovered
                && let Some(part) = incident.parts.get_mut(&evaluation.part)
            {
                part.breaching = false;
            }
            (SignalOutcome::InHysteresis, Vec::new())
        }
        Verdict::Clear => clear_of_known(incident, evaluation.received_at, policy, may_open),
    }
}

fn clear_of_known(
    incident: &mut Incident,
    now: Timestamp,
    policy: &LifePolicy,
    may_open: bool,
) -> (SignalOutcome, Vec<TicketAction>) {
    let actions = match incident.state {
        // With `clear_for = 0` the recovery is due at once.
        IncidentState::Pending | IncidentState::Open => incident.fire_due(policy, may_open, now),
        // A second clear must not start the recovery again.
        IncidentState::Recovered | IncidentState::Closed => Vec::new(),
    };
    let outcome = match incident.state {
        // It recovers only after the quiet period: otherwise each clear would be reported.
        IncidentState::Open if incident.is_flapping() => SignalOutcome::FlappingHeld,
        IncidentState::Pending | IncidentState::Open => SignalOutcome::Clearing,
        IncidentState::Recovered | IncidentState::Closed => SignalOutcome::Recovered,
    };
    (outcome, actions)
}

pub(super) fn conclude(
    state: &mut DecisionState,
    before: Option<Before>,
    (outcome, actions): (SignalOutcome, Vec<TicketAction>),
    policy: &LifePolicy,
    now: Timestamp,
) -> Decision {
    let lock = actions.contains(&TicketAction::Create).then(|| BurstLock {
        taken_at: now,
        until: now.plus(policy.burst_lock),
    });
    // A decision without a create leaves the lock of an earlier ticket in force.
    if lock.is_some() {
        state.lock.clone_from(&lock);
    }
    let mut transitions_made = Vec::new();
    if let Some(incident) = &state.incident {
        transitions_made = transitions(before, incident, &actions);
        // The starts belong to the key, so that they outlive this incident.
        state.breach_starts.clone_from(&incident.breach_starts);
    }
    Decision {
        outcome,
        actions,
        transitions: transitions_made,
        lock,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
