//! A ticket that is opened in another target than its first.

use crate::domain::identity::{IncidentId, IncidentKey, TargetName};
use crate::domain::incident::Incident;

/// It is counted and logged once the move is stored.
#[derive(Debug)]
pub(in crate::decide) struct Moved {
    pub(in crate::decide) incident_id: IncidentId,
    pub(in crate::decide) key: IncidentKey,
    pub(in crate::decide) from: TargetName,
    pub(in crate::decide) to: TargetName,
    /// Why, as people read it.
    pub(in crate::decide) note: String,
}

impl Moved {
    pub(super) fn new(incident: &Incident, from: &TargetName, to: &TargetName, note: &str) -> Self {
        Self {
            incident_id: incident.id.clone(),
            key: incident.incident_key(),
            from: from.clone(),
            to: to.clone(),
            note: note.to_owned(),
        }
    }
}
