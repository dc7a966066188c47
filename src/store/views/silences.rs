//! Silences as people see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::{
    Cursor, Filter, Item, Page, PageRequest, not_found, page_of, row_cursor, row_number,
    rows_to_read,
};
use super::values::{DisplayTime, Document, RowId};
use crate::domain::time::Timestamp;
use crate::store::database::Tx;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SilenceView {
    pub id: RowId,
    /// `pending` before it starts, `active`, `expired`.
    pub state: String,
    /// Its matchers, as they were written; all of them must hold.
    #[serde(rename = "match")]
    #[schema(value_type = Vec<String>)]
    pub matchers: Document,
    /// From when.
    pub starts_at: DisplayTime,
    /// Until when.
    pub ends_at: DisplayTime,
    /// The name of the admin token that made it, or `local`.
    pub author: String,
    pub reason: String,
    /// When it was made.
    pub created_at: DisplayTime,
    /// The person who ended it before its time.
    pub expired_by: Option<String>,
    /// Incidents that it has held back so far.
    pub held_back: i64,
    /// Incidents that go on and match; not set of one that is over, nor where it is not asked for.
    pub hits_now: Option<u64>,
    /// Whether it is a window of the configuration, not a silence of a person.
    pub read_only: bool,
}

impl SilenceView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            state: row.get("state")?,
            matchers: row.get("matchers")?,
            starts_at: row.get("starts_at")?,
            ends_at: row.get("ends_at")?,
            author: row.get("author")?,
            reason: row.get("reason")?,
            created_at: row.get("created_at")?,
            expired_by: row.get_optional("expired_by")?,
            held_back: row.get("held_back")?,
            hits_now: None,
            read_only: false,
        })
    }
}

impl Item for SilenceView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.created_at, self.id)
    }
}

fn select(now: Timestamp) -> Statement<'static> {
    Statement::new(
        "select s.id, s.matchers, s.starts_at, s.ends_at, s.author, s.reason, s.created_at, \
          s.expired_by, (select count(*) from silenced_incidents h where h.silence_id = s.id) \
            as held_back, case when s.ends_at <= $1 then 'expired' when s.starts_at > $1 \
            then 'pending' else 'active' end as state from silences s where true",
    )
    .bind(now)
}

pub(super) fn silences_select(
    filter: &Filter,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Statement<'static>, StoreError> {
    let mut select = select(now);
    for (number, state) in filter.states.iter().enumerate() {
        select.push(if number == 0 { " and ((" } else { ") or (" }, []);
        let at = [now.into(), now.into()];
        match state.as_str() {
            "active" => select.push("s.ends_at > ? and s.starts_at <= ?", at),
            "pending" => select.push("s.ends_at > ? and s.starts_at > ?", at),
            _ => select.push("s.ends_at <= ?", [now.into()]),
        };
    }
    if !filter.states.is_empty() {
        select.push("))", []);
    }
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
    let silence = select.fetch_optional(tx, SilenceView::read).await?;
    silence.ok_or_else(|| not_found("silence", id))
}

impl Store {
    /// Silences as they are at `now`, newest first.
    pub async fn silences(
        &self,
        filter: &Filter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<SilenceView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = silences_select(filter, page, now)?;
        Ok(page_of(
            select.fetch(&mut tx, SilenceView::read).await?,
            page,
        ))
    }

    /// The silence `id` as it is at `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn silence(&self, id: &str, now: Timestamp) -> Result<SilenceView, StoreError> {
        let mut tx = self.database.begin_read().await?;
        silence_in(&mut tx, id, now).await
    }
}
