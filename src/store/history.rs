//! The history of incidents: their changes, each with a reference to an event or a delivery.
//!
//! An entry is stored as JSON in the column `event`. Rows of versions before that column have only
//! the texts `what` and `cause`, and are shown by them. Both texts are still written: a replica of
//! an older version, which runs beside this one during an upgrade or after a step back, shows them;
//! and this version shows them where it does not know the kind of an event that a newer one wrote.

use super::StoreError;
use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use crate::domain::identity::IncidentId;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::time::Timestamp;

/// One change of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    pub incident_id: IncidentId,
    pub at: Timestamp,
    pub event: IncidentEvent,
    /// The event of a source or the delivery that it is about.
    pub refers: Reference,
}

/// The event or delivery that an entry of the history refers to.
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

/// An event as its row keeps it.
pub(super) struct HistoryColumns {
    pub(super) event: Option<String>,
    pub(super) what: String,
    pub(super) cause: String,
}

impl HistoryColumns {
    pub(super) fn of(event: &IncidentEvent, event_id: Option<&str>) -> Self {
        Self {
            event: serde_json::to_string(event).ok(),
            what: event.title().into_owned(),
            cause: cause_of(event, event_id),
        }
    }

    /// Of a row with the columns `event`, `what` and `cause`.
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            event: row.get_optional("event")?,
            what: row.get("what")?,
            cause: row.get("cause")?,
        })
    }

    /// The title and the cause to show.
    pub(super) fn texts(self, event_id: Option<&str>) -> (String, String) {
        let event = self.event.as_deref();
        match event.and_then(|event| serde_json::from_str::<IncidentEvent>(event).ok()) {
            Some(event) => (event.title().into_owned(), cause_of(&event, event_id)),
            None => (self.what, self.cause),
        }
    }
}

/// The cause, with the event from a source where that caused it.
fn cause_of(event: &IncidentEvent, event_id: Option<&str>) -> String {
    let cause = event.to_string();
    match event_id.filter(|_| event.is_by_source_event()) {
        None => cause,
        Some(id) if cause.is_empty() => format!("event {id}"),
        Some(id) => format!("{cause} (event {id})"),
    }
}

/// Adds `entry`, in an open transaction.
pub(super) async fn insert_history(tx: &mut Tx, entry: &HistoryEntry) -> Result<(), StoreError> {
    let event_id = entry.refers.event_id.as_deref();
    let columns = HistoryColumns::of(&entry.event, event_id);
    Statement::new(
        "insert into incident_history \
          (incident_id, at, what, cause, event_id, delivery_id, event) \
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&entry.incident_id)
    .bind(entry.at)
    .bind(columns.what)
    .bind(columns.cause)
    .bind(&entry.refers.event_id)
    .bind(entry.refers.delivery_id)
    .bind(columns.event)
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::severity::Severity;

    #[test]
    fn an_event_is_shown_as_it_was_written() {
        let event = IncidentEvent::Raised {
            from: Severity::High,
            to: "critical".to_owned(),
        };
        let columns = HistoryColumns::of(&event, Some("evt-2"));
        let written = (columns.what.clone(), columns.cause.clone());
        let expected = ("severity raised", "from high to critical (event evt-2)");
        assert_eq!((written.0.as_str(), written.1.as_str()), expected);
        assert_eq!(columns.texts(Some("evt-2")), written);
    }

    #[test]
    fn rows_of_other_versions_are_shown_by_their_texts() {
        for event in [None, Some(r#"{"kind":"of_a_newer_version"}"#.to_owned())] {
            let row = HistoryColumns {
                event,
                what: "opened".to_owned(),
                cause: "event e-1".to_owned(),
            };
            let texts = ("opened".to_owned(), "event e-1".to_owned());
            assert_eq!(row.texts(Some("e-1")), texts);
        }
    }
}
