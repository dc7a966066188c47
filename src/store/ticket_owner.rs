//! Which incident has a ticket, and which tickets lack our key.

use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::ticket::{OmittedField, TicketKey};

impl Store {
    /// Whether the ticket `ticket_id` of `target` belongs to another incident than `incident_id`.
    pub async fn is_ticket_of_another(
        &self,
        target: &TargetName,
        ticket_id: &str,
        incident_id: &IncidentId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select 1 as found from incidents \
             where ticket_id = $1 and target = $2 and id <> $3 limit 1",
        );
        let select = select.bind(ticket_id).bind(target).bind(incident_id);
        let found = select.fetch_optional(&mut tx, |row| row.get::<i64>("found"));
        Ok(found.await?.is_some())
    }

    /// The tickets of `target` that do not carry our key: their keys and record ids.
    pub async fn tickets_without_key(
        &self,
        target: &TargetName,
    ) -> Result<Vec<(TicketKey, String)>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select id, ticket_id, ticket_incomplete from incidents \
             where target = $1 and state <> 'closed' and ticket_id is not null \
              and ticket_incomplete is not null",
        );
        let found = select.bind(target).fetch(&mut tx, without_key).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

fn without_key(row: &Row) -> Result<Option<(TicketKey, String)>, StoreError> {
    let id: IncidentId = row.get("id")?;
    let key = TicketKey::of_incident(&id);
    let incomplete: String = row.get("ticket_incomplete")?;
    // What cannot be read says nothing.
    let lacks: Vec<OmittedField> = serde_json::from_str(&incomplete).unwrap_or_default();
    let is_key = |one: &OmittedField| one.value == key.as_str();
    let ticket_id: String = row.get("ticket_id")?;
    Ok(lacks.iter().any(is_key).then_some((key, ticket_id)))
}
