//! Which incident has a ticket.

use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::{IncidentId, TargetName};

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
}
