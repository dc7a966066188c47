//! A person wants the ticket of a pending incident now.

use super::decide::{Decision, conclude};
use super::outcome::SignalOutcome;
use super::state::DecisionState;
use super::transition::Before;
use crate::domain::incident::{IncidentState, LifePolicy};
use crate::domain::time::Timestamp;

/// Opens the pending incident, whatever holds its ticket back.
pub fn open_by_person(state: &mut DecisionState, policy: &LifePolicy, now: Timestamp) -> Decision {
    let before = state.incident.as_ref().map(Before::of);
    let pending = state.incident.as_mut();
    let pending = pending.filter(|incident| incident.state == IncidentState::Pending);
    let actions = pending.map_or_else(Vec::new, |incident| {
        incident.release_from_flood();
        incident.open(policy, now)
    });
    let outcome = SignalOutcome::Opened;
    conclude(state, before, (outcome, actions), policy, now)
}
