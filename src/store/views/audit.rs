//! The audit log: the changes that people made.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Cursor, Filter, Item, Page, PageRequest, page_of, row_cursor, rows_to_read};
use super::values::{DisplayTime, Document, RowId};
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// A change that a person made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditView {
    pub id: RowId,
    pub at: DisplayTime,
    /// The name of the admin token, or `local`.
    pub actor: String,
    /// The action: `dead_letter.replay`, …
    pub action: String,
    /// The object of the action.
    pub subject: String,
    /// More about it.
    pub detail: Document,
}

impl AuditView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            subject: row.get("subject")?,
            detail: row.get("detail")?,
        })
    }
}

impl Item for AuditView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.at, self.id)
    }
}

pub(super) fn audit_select(
    filter: &Filter,
    page: &PageRequest,
) -> Result<Statement<'static>, StoreError> {
    let mut select = Statement::new(
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
    pub async fn audit(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<AuditView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = audit_select(filter, page)?;
        Ok(page_of(select.fetch(&mut tx, AuditView::read).await?, page))
    }
}
