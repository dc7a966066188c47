//! Burst locks that still hold.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Cursor, Filter, Item, Page, PageRequest, page_of, rows_to_read};
use super::values::DisplayTime;
use crate::domain::identity::IncidentId;
use crate::domain::time::Timestamp;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LockView {
    #[serde(skip)]
    lock_key: String,
    pub rule: String,
    pub key: String,
    /// The incident whose ticket took it.
    pub incident_id: IncidentId,
    /// When it was taken.
    pub taken_at: DisplayTime,
    /// When it ends.
    pub locked_until: DisplayTime,
}

impl LockView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            lock_key: row.get("lock_key")?,
            rule: row.get("rule")?,
            key: row.get("key")?,
            incident_id: row.get("incident_id")?,
            taken_at: row.get("taken_at")?,
            locked_until: row.get("locked_until")?,
        })
    }
}

impl Item for LockView {
    fn cursor(&self) -> Cursor {
        Cursor {
            at: self.locked_until.timestamp().as_millis(),
            id: self.lock_key.clone(),
        }
    }
}

pub(super) fn locks_select<'a>(
    filter: &'a Filter,
    page: &'a PageRequest,
    now: Timestamp,
) -> Statement<'a> {
    let mut select = Statement::new(
        "select lock_key, rule, key, incident_id, taken_at, locked_until from burst_locks",
    );
    // The second half is `BurstLock::holds_at`: a lock from the future holds no longer than
    // it would have.
    select.push(
        " where locked_until > ? and taken_at <= ? + locked_until - taken_at",
        [now.into(), now.into()],
    );
    if let Some(after) = &page.after {
        let place = [after.at.into(), after.id.as_str().into()];
        select.push(" and (locked_until, lock_key) < (?, ?)", place);
    }
    select
        .push_some(" and taken_at >= ?", filter.since)
        .push_some(" and taken_at < ?", filter.until)
        .push_some(" and rule = ?", filter.rule.as_ref())
        .push_some(" and key = ?", filter.key.as_ref())
        .push(
            " order by locked_until desc, lock_key desc limit ?",
            [rows_to_read(page)],
        );
    select
}

impl Store {
    /// Burst locks that hold at `now`, the last to end first.
    pub async fn locks(
        &self,
        filter: &Filter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<LockView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = locks_select(filter, page, now);
        Ok(page_of(select.fetch(&mut tx, LockView::read).await?, page))
    }
}
