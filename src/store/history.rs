//! The history of incidents: what happened to one, why, and which event or delivery it is about.

use super::StoreError;
use super::database::Tx;
use super::statement::Statement;
use crate::domain::time::Timestamp;

/// Something that happened to an incident, with its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    pub incident_id: String,
    pub at: Timestamp,
    /// What happened: `opened`, `recovered`, …
    pub what: String,
    pub cause: String,
    /// The event or delivery that it is about.
    pub refers: Reference,
}

/// What an entry of the history refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reference {
    /// The event, by the id that its sender gave it.
    pub event_id: Option<String>,
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
    Statement::new(
        "insert into incident_history (incident_id, at, what, cause, event_id, delivery_id) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&entry.incident_id)
    .bind(entry.at)
    .bind(&entry.what)
    .bind(&entry.cause)
    .bind(&entry.refers.event_id)
    .bind(entry.refers.delivery_id)
    .execute(tx)
    .await?;
    Ok(())
}
