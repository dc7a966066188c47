//! Silences as people see them.

use serde::Serialize;
use sqlx::FromRow;

use super::values::{Moment, RowId};
use super::{
    Cursor, Filter, Item, Page, PageRequest, Select, not_found, page_of, row_cursor, row_number,
    rows_to_read,
};
use crate::domain::time::Timestamp;
use crate::store::database::Tx;
use crate::store::{Document, Store, StoreError};

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct SilenceView {
    /// Its id.
    pub id: RowId,
    /// `pending` before it starts, `active`, `expired`.
    pub state: String,
    /// Its matchers, as they were written; all of them must hold.
    #[serde(rename = "match")]
    pub matchers: Document,
    /// From when.
    pub starts_at: Moment,
    /// Until when.
    pub ends_at: Moment,
    /// The name of the admin token that made it, or `local`.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub created_at: Moment,
    /// Who ended it before its time.
    pub expired_by: Option<String>,
    /// Whether it stands in the configuration; what a person made does not.
    #[sqlx(default)]
    pub read_only: bool,
}

impl Item for SilenceView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.created_at, self.id)
    }
}

fn select(now: Timestamp) -> Select {
    let mut select = Select::new(
        "select s.id, s.matchers, s.starts_at, s.ends_at, s.author, s.reason, s.created_at, \
          s.expired_by",
    );
    select.push(
        ", case when s.ends_at <= ? then 'expired' when s.starts_at > ? then 'pending' \
          else 'active' end as state from silences s where true",
        [now.into(), now.into()],
    );
    select
}

pub(super) fn silences_select(
    filter: &Filter,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Select, StoreError> {
    let mut select = select(now);
    match filter.state.as_deref() {
        Some("active") => select.push(
            " and s.ends_at > ? and s.starts_at <= ?",
            [now.into(), now.into()],
        ),
        Some("pending") => select.push(
            " and s.ends_at > ? and s.starts_at > ?",
            [now.into(), now.into()],
        ),
        Some(_) => select.push(" and s.ends_at <= ?", [now.into()]),
        None => &mut select,
    };
    if let Some(after) = &page.after {
        let place = [after.at.into(), after.number()?.into()];
        select.push(" and (s.created_at, s.id) < (?, ?)", place);
    }
    select
        .push_some(" and s.created_at >= ?", filter.since)
        .push_some(" and s.created_at < ?", filter.until)
        .push(
            " order by s.created_at desc, s.id desc limit ?",
            [rows_to_read(page)],
        );
    Ok(select)
}

/// The silence `id` in an open transaction.
pub(in crate::store) async fn silence_in(
    tx: &mut Tx,
    id: &str,
    now: Timestamp,
) -> Result<SilenceView, StoreError> {
    let number = row_number("silence", id)?;
    let mut select = select(now);
    select.push(" and s.id = ?", [number.into()]);
    let silence = select.fetch_optional(tx).await?;
    silence.ok_or_else(|| not_found("silence", id))
}

impl Store {
    /// Silences as they are at `now`, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read, or the cursor is of another list.
    pub async fn silences(
        &self,
        filter: &Filter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<SilenceView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows = silences_select(filter, page, now)?.fetch(&mut tx).await?;
        Ok(page_of(rows, page))
    }

    /// The silence `id` as it is at `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another when the database cannot be read.
    pub async fn silence(&self, id: &str, now: Timestamp) -> Result<SilenceView, StoreError> {
        let mut tx = self.database.begin_read().await?;
        silence_in(&mut tx, id, now).await
    }
}
