//! A ticket that is opened in another target than its first.

use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::Incident;

/// It is counted and logged once the move is stored.
#[derive(Debug)]
pub(in crate::decide) struct Moved {
    pub(in crate::decide) incident_id: IncidentId,
    pub(in crate::decide) key: IncidentKey,
    pub(in crate::decide) from: String,
    pub(in crate::decide) to: String,
    /// Why, as people read it.
    pub(in crate::decide) note: String,
}

impl Moved {
    pub(super) fn new(incident: &Incident, from: &str, to: &str, note: &str) -> Self {
        Self {
            incident_id: incident.id.clone(),
            key: incident.incident_key(),
            from: from.to_owned(),
            to: to.to_owned(),
            note: note.to_owned(),
        }
    }
}
