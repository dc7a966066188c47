//! Tickets that lack fields which the CRM refused, grouped by what they lack: one misspelt value in
//! the configuration is one thing to mend.

use serde::Serialize;
use utoipa::ToSchema;

use super::person::MAX_GROUPS;
use super::values::DisplayTime;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::ticket::OmittedField;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Tickets that are not closed and lack the same fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IncompleteGroup {
    pub target: TargetName,
    pub count: u64,
    /// The incident of the newest of them.
    pub example: IncidentId,
    /// The number of its ticket.
    pub ticket: Option<String>,
    pub newest_at: DisplayTime,
    pub fields: Vec<RefusedField>,
}

/// A field that the CRM refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedField {
    pub field: String,
    /// The CRM's code and message.
    pub reason: String,
}

pub(super) const INCOMPLETE_GROUPS: &str = "select g.target, g.count, g.example, \
      x.ticket_incomplete, coalesce(x.ticket_number, x.ticket_id) as ticket, \
      x.opened_at as newest \
     from (select i.target, count(*) as count, max(i.id) as example from incidents i \
        where i.ticket_incomplete is not null and i.ticket_closed = 0 and i.ticket_fate is null \
        group by i.target, substr(i.ticket_incomplete, 1, 300) \
        order by count(*) desc limit $1) g \
     join incidents x on x.id = g.example order by g.count desc, g.example desc";

/// The fields in the column `ticket_incomplete`.
pub fn refused_fields(incomplete: &str) -> Vec<RefusedField> {
    let fields: Vec<OmittedField> = serde_json::from_str(incomplete).unwrap_or_default();
    let fields = fields.into_iter();
    fields
        .map(|one| RefusedField {
            field: one.field,
            reason: one.reason,
        })
        .collect()
}

impl IncompleteGroup {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            target: row.get("target")?,
            count: row.get("count")?,
            example: row.get("example")?,
            ticket: row.get_optional("ticket")?,
            newest_at: row.get("newest")?,
            fields: refused_fields(&row.get::<String>("ticket_incomplete")?),
        })
    }
}

impl Store {
    /// Incomplete tickets that are not closed, by target and by what they lack, the largest group
    /// first.
    pub async fn incomplete_groups(&self) -> Result<Vec<IncompleteGroup>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(INCOMPLETE_GROUPS).bind(MAX_GROUPS);
        select.fetch(&mut tx, IncompleteGroup::read).await
    }
}
