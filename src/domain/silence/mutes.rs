//! Which silence mutes a breach, and the effect of a mute on an incident.

use super::in_force::InForce;
use super::matcher::Subject;
use crate::domain::decision::DecisionState;
use crate::domain::incident::{IncidentState, Mute, OpenDelay};
use crate::domain::time::Timestamp;

/// The mute that ends last, of all that are `in_force` and match `subject`.
pub fn longest_mute<'a>(
    in_force: impl IntoIterator<Item = InForce<'a>>,
    subject: &Subject<'_>,
) -> Option<Mute> {
    // Without a matcher it would mute everything; that is never meant.
    let covers = |one: &InForce<'_>| {
        !one.matchers.is_empty() && one.matchers.iter().all(|matcher| matcher.holds(subject))
    };
    let last = in_force
        .into_iter()
        .filter(covers)
        .max_by_key(|one| one.until)?;
    Some(Mute {
        by: format!("{} {}", last.what, last.name),
        until: last.until,
    })
}

/// Sets the mute of the key at `now`. Called before anything is decided on the key.
pub fn apply_mute(
    state: &mut DecisionState,
    silence: Option<Mute>,
    delay: Option<OpenDelay>,
    now: Timestamp,
) {
    let pending = state.incident.as_mut();
    // A silence only delays tickets: an incident that has one is updated as usual.
    if let Some(incident) = pending.filter(|one| one.state == IncidentState::Pending) {
        if incident.silence.is_some() && silence.is_none() {
            incident.silenced_until = Some(now);
            // Other keys were muted by the same silence. The outage that they may make can form
            // only from now on, so the ticket waits for it once more.
            if let Some(delay) = delay
                && incident.opens_at.is_none_or(|at| at < delay.until)
            {
                incident.opens_at = Some(delay.until);
                incident.waits_for = Some(delay.reason);
            }
        }
        incident.silence.clone_from(&silence);
    }
    state.silence = silence;
}

#[cfg(test)]
#[path = "mutes_tests.rs"]
mod tests;
