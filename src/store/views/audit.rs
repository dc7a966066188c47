//! The audit log: who changed what.

use serde::Serialize;
use sqlx::FromRow;

use super::values::{Document, Moment, RowId};
use super::{Cursor, Filter, Item, Page, PageRequest, Select, page_of, row_cursor, rows_to_read};
use crate::store::{Store, StoreError};

/// A change that a person made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct AuditView {
    /// Its id.
    pub id: RowId,
    /// When.
    pub at: Moment,
    /// The name of the admin token, or `local`.
    pub actor: String,
    /// What was done: `dead_letter.replay`, …
    pub action: String,
    /// To what.
    pub subject: String,
    /// More about it.
    pub detail: Document,
}

impl Item for AuditView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.at, self.id)
    }
}

pub(super) fn audit_select(filter: &Filter, page: &PageRequest) -> Result<Select, StoreError> {
    let mut select = Select::new(
        "select a.id, a.at, a.actor, a.action, a.subject, a.detail from audit a where true",
    );
    if let Some(after) = &page.after {
        let place = [after.at.into(), after.number()?.into()];
        select.push(" and (a.at, a.id) < (?, ?)", place);
    }
    select
        .push_some(" and a.at >= ?", filter.since)
        .push_some(" and a.at < ?", filter.until)
        .push(
            " order by a.at desc, a.id desc limit ?",
            [rows_to_read(page)],
        );
    Ok(select)
}

impl Store {
    /// Changes that people made, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read, or the cursor is of another list.
    pub async fn audit(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<AuditView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows = audit_select(filter, page)?.fetch(&mut tx).await?;
        Ok(page_of(rows, page))
    }
}
