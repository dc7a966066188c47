//! Sources that begin too many incidents.

use serde::Serialize;
use sqlx::FromRow;

use super::values::Moment;
use super::{Page, Select};
use crate::domain::flood::RULE_PREFIX;
use crate::store::{Store, StoreError};

/// A source that is beyond its limit, or still holds keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct FloodView {
    /// The source.
    pub source: String,
    /// Incidents whose ticket is held back.
    pub held: i64,
    /// The flood's incident; `None` once its ticket is closed.
    pub incident_id: Option<String>,
    /// When it began.
    pub opened_at: Option<Moment>,
    /// The number of its ticket.
    pub ticket_number: Option<String>,
}

/// The rates name every source that ever began an incident, so that no other table is searched.
const FLOODS: &str = "select r.source, \
      (select count(*) from incidents h \
       where h.flood_source = r.source and h.state = 'pending') as held, \
      i.id as incident_id, i.opened_at, i.ticket_number \
     from source_rates r left join incidents i on i.active_key =";

impl Store {
    /// Sources that are beyond their limit or still hold keys.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn floods(&self) -> Result<Page<FloodView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select = Select::new(FLOODS);
        select.push(
            " ? || r.source || ? || r.source order by r.source",
            [RULE_PREFIX.into(), "\u{1f}".into()],
        );
        let rows: Vec<FloodView> = select.fetch(&mut tx).await?;
        let going_on = |one: &FloodView| one.held > 0 || one.incident_id.is_some();
        Ok(Page {
            items: rows.into_iter().filter(going_on).collect(),
            next: None,
        })
    }
}
