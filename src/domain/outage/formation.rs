//! When breaching incidents of one group form an outage.

use std::time::Duration;

use crate::domain::incident::{Incident, IncidentState};
use crate::domain::time::Timestamp;

/// When incidents form an outage; from the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormationPolicy<'a> {
    /// Distinct keys that must begin to breach …
    pub at_least: usize,
    /// … within this time.
    pub within: Duration,
    /// Rules that explain others: one breaching incident of such a rule is the cause of the other
    /// incidents of its group.
    pub causes: &'a [String],
}

/// Why incidents form an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formation {
    /// Enough of them began within the window.
    Many,
    /// One of them explains another.
    Explained,
}

/// Why the incidents of a group form an outage; `None` if they do not.
pub fn forms(members: &[Incident], formation: FormationPolicy<'_>) -> Option<Formation> {
    let breaching = || members.iter().filter(|one| counts(one));
    // Silenced incidents count from the end of the silence. They then count together.
    let began = |one: &Incident| one.silenced_until.unwrap_or(one.opened_at);
    let mut begun: Vec<Timestamp> = breaching().map(began).collect();
    begun.sort_unstable();
    // `at_least` starts in a row, sorted by time: the first and the last are the window.
    let mut windows = begun.windows(formation.at_least.max(1));
    let many = windows.any(|window| match (window.first(), window.last()) {
        (Some(first), Some(last)) => last.since(*first) <= formation.within,
        _ => false,
    });
    if many {
        return Some(Formation::Many);
    }
    let is_explained =
        |one: &Incident| !is_cause(one, formation) && is_explained(one, members, formation);
    breaching()
        .any(is_explained)
        .then_some(Formation::Explained)
}

pub(super) fn is_cause(incident: &Incident, formation: FormationPolicy<'_>) -> bool {
    let mut causes = formation.causes.iter();
    causes.any(|cause| **cause == *incident.rule)
}

/// Whether a cause that breaches explains `incident`.
pub(super) fn is_explained(
    incident: &Incident,
    members: &[Incident],
    formation: FormationPolicy<'_>,
) -> bool {
    let mut causes = members
        .iter()
        .filter(|one| counts(one) && is_cause(one, formation));
    // An incident that began long before the cause has another reason.
    causes.any(|cause| incident.opened_at.plus(formation.within) >= cause.opened_at)
}

/// Pending or open: not recovered, and not over.
pub(super) const fn is_live(incident: &Incident) -> bool {
    matches!(incident.state, IncidentState::Pending | IncidentState::Open)
}

/// Whether the incident counts for the formation of an outage.
pub(super) fn counts(incident: &Incident) -> bool {
    is_live(incident) && incident.is_breaching() && !incident.ungrouped
}
