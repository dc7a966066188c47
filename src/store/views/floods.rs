//! Sources that begin too many incidents.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::Page;
use super::values::DisplayTime;
use crate::domain::flood::RULE_PREFIX;
use crate::domain::identity::{IncidentId, SEPARATOR};
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// A source that is beyond its limit, or still holds keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FloodView {
    pub source: String,
    /// Incidents whose ticket is held back.
    pub held: i64,
    /// The flood's incident; `None` once its ticket is closed.
    pub incident_id: Option<IncidentId>,
    /// When it began.
    pub opened_at: Option<DisplayTime>,
    /// The number of its ticket.
    pub ticket_number: Option<String>,
}

impl FloodView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            source: row.get("source")?,
            held: row.get("held")?,
            incident_id: row.get_optional("incident_id")?,
            opened_at: row.get_optional("opened_at")?,
            ticket_number: row.get_optional("ticket_number")?,
        })
    }
}

/// The rates name every source that ever began an incident, so that no other table is searched.
const FLOODS: &str = "select r.source, \
      (select count(*) from incidents h \
       where h.flood_source = r.source and h.state = 'pending') as held, \
      i.id as incident_id, i.opened_at, i.ticket_number \
     from source_rates r left join incidents i \
      on i.active_key = $1 || r.source || $2 || r.source order by r.source";

impl Store {
    /// Sources that are beyond their limit or still hold keys.
    pub async fn floods(&self) -> Result<Page<FloodView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(FLOODS).bind(RULE_PREFIX).bind(SEPARATOR);
        let rows = select.fetch(&mut tx, FloodView::read).await?;
        let going_on = |one: &FloodView| one.held > 0 || one.incident_id.is_some();
        Ok(Page {
            items: rows.into_iter().filter(going_on).collect(),
            next: None,
        })
    }
}
