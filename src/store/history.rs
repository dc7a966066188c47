//! The history of incidents: what happened to one, why, and which event or delivery tells more.

use super::StoreError;
use super::database::{Tx, on};
use crate::domain::time::Timestamp;

/// Something that happened to an incident, with its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The incident.
    pub incident_id: String,
    /// When.
    pub at: Timestamp,
    /// What happened: `opened`, `recovered`, …
    pub what: String,
    /// Why.
    pub cause: String,
    /// What tells more about it.
    pub refers: Reference,
}

/// What an entry of the history refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reference {
    /// The event, by the id that its sender gave it.
    pub event_id: Option<String>,
    /// The delivery.
    pub delivery_id: Option<i64>,
}

impl Reference {
    /// To an event.
    pub fn event(event_id: Option<&str>) -> Self {
        Self {
            event_id: event_id.map(str::to_owned),
            delivery_id: None,
        }
    }
}

/// Notes what happened, in an open transaction.
pub(super) async fn insert_history(tx: &mut Tx, entry: &HistoryEntry) -> Result<(), StoreError> {
    on!(tx, connection => {
        sqlx::query(
            "insert into incident_history (incident_id, at, what, cause, event_id, delivery_id) \
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&entry.incident_id)
        .bind(entry.at.as_millis())
        .bind(&entry.what)
        .bind(&entry.cause)
        .bind(&entry.refers.event_id)
        .bind(entry.refers.delivery_id)
        .execute(connection)
        .await?;
    });
    Ok(())
}
