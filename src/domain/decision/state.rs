//! The data of one correlation key that a decision reads and changes.

use super::burst_lock::BurstLock;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::{BreachStarts, Evaluation, Incident, Mute, Readings, Verdict};
use crate::domain::time::Timestamp;

/// The state of one correlation key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DecisionState {
    /// Its incident that is not closed.
    pub incident: Option<Incident>,
    pub lock: Option<BurstLock>,
    /// When the trouble of the key started lately; a new incident takes it over.
    pub breach_starts: BreachStarts,
    /// The silence or maintenance window that mutes the key now.
    pub silence: Option<Mute>,
    pub allowance: Allowance,
}

/// The permissions that the limit on new incidents of the key's source gives now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// A ticket that is due may be opened.
    pub may_open: bool,
    /// An incident may begin without a ticket.
    pub may_wait: bool,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            may_open: true,
            may_wait: true,
        }
    }
}

/// Identity of the incident that a breach would begin.
#[derive(Debug, Clone)]
pub struct NewIncident<'a> {
    pub id: IncidentId,
    pub key: IncidentKey,
    /// The severity that the signal reports; a known incident is raised to it.
    pub severity: &'a str,
}

impl DecisionState {
    /// An evaluation that is not made from one signal: outages and floods derive theirs from
    /// their members.
    pub(in crate::domain) fn derived(&self, verdict: Verdict, now: Timestamp) -> Evaluation {
        let parts = self.incident.iter().flat_map(|one| one.parts.values());
        let newest = parts.map(|part| part.heard_at).max();
        Evaluation {
            received_at: now,
            // Never older than the last one: a derived evaluation is never out of order.
            occurred_at: newest.map_or(now, |newest| newest.max(now)),
            part: String::new(),
            verdict,
            readings: Readings::new(),
        }
    }

    pub(in crate::domain) fn is_breaching(&self) -> bool {
        self.incident.as_ref().is_some_and(Incident::is_breaching)
    }
}
