//! What waits for a person, grouped by its reason: ten thousand tickets that one misspelt value
//! refused are one thing to mend.

use serde::Serialize;
use utoipa::ToSchema;

use super::values::{DisplayTime, RowId, StoredFailure};
use crate::domain::identity::{IncidentId, TargetName};
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Groups of each kind that are shown, the largest ones.
pub const MAX_GROUPS: u32 = 100;

/// Dead letters with one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterGroup {
    pub target: TargetName,
    /// `create`, `update`, `resolve`, `link`.
    pub operation: String,
    pub count: u64,
    pub oldest_at: DisplayTime,
    pub newest_at: DisplayTime,
    /// The newest of them. The filter `like` with it means the whole group.
    pub example: RowId,
    /// Kind, HTTP status, the CRM's own code, message and field.
    #[serde(flatten)]
    pub failure: StoredFailure,
}

/// Open review items with one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReviewGroup {
    pub source: String,
    pub reason: String,
    pub count: u64,
    pub oldest_at: DisplayTime,
    pub newest_at: DisplayTime,
    /// The newest of them. The filter `like` with it means the whole group.
    pub example: RowId,
}

/// Grouped in the order of an index. The whole reason is read once for each group.
pub(super) const DEAD_LETTER_GROUPS: &str = "select g.target, g.operation, g.count, g.oldest, g.newest, g.example, \
      coalesce(x.last_error, '') as last_error \
     from (select d.target, d.operation, count(*) as count, min(d.created_at) as oldest, \
        max(d.created_at) as newest, max(d.id) as example from deliveries d where d.state = 'dead' \
        group by d.target, d.operation, d.error_kind, substr(d.last_error, 1, 300) \
        order by count(*) desc limit $1) g \
     join deliveries x on x.id = g.example order by g.count desc, g.example desc";

/// Left to itself SQLite walks an older index, looks every row up and sorts.
const REVIEW_GROUPS: Statement<'static> = Statement::either(
    "select g.source, g.count, g.example, x.reason, y.received_at as oldest, \
      x.received_at as newest \
     from (select r.source, count(*) as count, min(r.id) as first, max(r.id) as example \
        from review_items r indexed by review_items_by_state_and_reason where r.state = 'open'",
    "select g.source, g.count, g.example, x.reason, y.received_at as oldest, \
      x.received_at as newest \
     from (select r.source, count(*) as count, min(r.id) as first, max(r.id) as example \
        from review_items r where r.state = 'open'",
);

/// Open review items by source and reason, from the index of their reasons alone.
pub(super) fn review_groups_select(source: Option<&str>, limit: u32) -> Statement<'_> {
    let mut select = REVIEW_GROUPS.clone();
    select.push_some(" and r.source = ?", source);
    select.push(
        " group by r.source, substr(r.reason, 1, 200) order by count(*) desc limit ?) g \
          join review_items x on x.id = g.example join review_items y on y.id = g.first \
         order by g.count desc, g.example desc",
        [limit.into()],
    );
    select
}

/// A ticket or a change of one that is refused alone, until a person acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedAlone {
    /// Of the delivery.
    pub id: RowId,
    pub target: TargetName,
    /// `create`, `resolve`, `link`.
    pub operation: String,
    pub incident_id: IncidentId,
    pub key: Option<String>,
    pub created_at: DisplayTime,
    /// It is tried again by itself, rarely.
    pub next_attempt_at: DisplayTime,
    /// Kind, HTTP status, the CRM's own code, message and field.
    #[serde(flatten)]
    pub failure: StoredFailure,
}

/// Sorted by an expression: for the order by the column, SQLite would walk every delivery.
pub(super) const REFUSED_ALONE: &str = "select d.id, d.target, d.operation, d.incident_id, i.key, d.created_at, \
      d.next_attempt_at, coalesce(d.last_error, '') as last_error \
     from deliveries d left join incidents i on i.id = d.incident_id \
     where d.parked = 'ticket' and d.state = 'waiting' \
      and d.last_error like '%\"resolved_by\":\"person_in_crm\"%' \
     order by d.id + 0 limit $1";

impl RefusedAlone {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            target: row.get("target")?,
            operation: row.get("operation")?,
            incident_id: row.get("incident_id")?,
            key: row.get_optional("key")?,
            created_at: row.get("created_at")?,
            next_attempt_at: row.get("next_attempt_at")?,
            failure: row.get("last_error")?,
        })
    }
}

impl DeadLetterGroup {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            target: row.get("target")?,
            operation: row.get("operation")?,
            count: row.get("count")?,
            oldest_at: row.get("oldest")?,
            newest_at: row.get("newest")?,
            example: row.get("example")?,
            failure: row.get("last_error")?,
        })
    }
}

impl ReviewGroup {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            source: row.get("source")?,
            reason: row.get("reason")?,
            count: row.get("count")?,
            oldest_at: row.get("oldest")?,
            newest_at: row.get("newest")?,
            example: row.get("example")?,
        })
    }
}

impl Store {
    /// What is refused alone until a person acts, the oldest first.
    pub async fn refused_alone(&self) -> Result<Vec<RefusedAlone>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(REFUSED_ALONE).bind(MAX_GROUPS);
        select.fetch(&mut tx, RefusedAlone::read).await
    }

    /// Dead letters by target, operation and reason, the largest group first.
    pub async fn dead_letter_groups(&self) -> Result<Vec<DeadLetterGroup>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(DEAD_LETTER_GROUPS).bind(MAX_GROUPS);
        select.fetch(&mut tx, DeadLetterGroup::read).await
    }

    /// Open review items by source and reason, the largest group first; of one source when
    /// `source` names it.
    pub async fn review_groups(
        &self,
        source: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ReviewGroup>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = review_groups_select(source, limit.min(MAX_GROUPS));
        select.fetch(&mut tx, ReviewGroup::read).await
    }
}
