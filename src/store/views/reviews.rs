//! Review items: events that wait, or waited, for a person.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Cursor, Filter, Item, Page, PageRequest};
use super::page::{not_found, page_of, row_cursor, row_number, rows_to_read};
use super::values::{DisplayTime, Document, RowId};
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// A review item in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReviewView {
    pub id: RowId,
    pub source: String,
    /// The event's id, as the sender gave it.
    pub event_id: String,
    /// The event's place in the journal.
    pub event: RowId,
    /// The reason: the part of the event that could not be read.
    pub reason: String,
    /// When the event was received.
    pub received_at: DisplayTime,
    /// `open`, `reprocessed`, `discarded`.
    pub state: String,
    /// When a person decided.
    pub settled_at: Option<DisplayTime>,
}

impl ReviewView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            source: row.get("source")?,
            event_id: row.get("event_id")?,
            event: row.get("event")?,
            reason: row.get("reason")?,
            received_at: row.get("received_at")?,
            state: row.get("state")?,
            settled_at: row.get_optional("settled_at")?,
        })
    }
}

/// A review item with its event as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReviewDetail {
    /// As in the list.
    #[serde(flatten)]
    pub item: ReviewView,
    /// The event as it came.
    pub body: Document,
}

/// How many open review items of a source its limit has dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DroppedReviewsView {
    pub source: String,
    /// How many, ever.
    pub dropped: i64,
    /// The last time.
    pub dropped_at: DisplayTime,
}

impl DroppedReviewsView {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            source: row.get("source")?,
            dropped: row.get("dropped")?,
            dropped_at: row.get("dropped_at")?,
        })
    }
}

impl Item for ReviewView {
    fn cursor(&self) -> Cursor {
        row_cursor(self.received_at, self.id)
    }
}

const REVIEWS: &str = "select r.id, r.source, r.event_id, r.event_seq as event, r.reason, \
      r.received_at, r.state, r.settled_at from review_items r where true";

/// Narrows a statement over review items `r` to `filter`: the list and the operations in bulk
/// mean the same rows. Without a state the open ones are meant.
pub(in crate::store) fn push_review_filter<'a>(select: &mut Statement<'a>, filter: &'a Filter) {
    match filter.states.is_empty() {
        true => select.push(" and r.state = 'open'", []),
        false => select.push_any(" and r.state in ", &filter.states),
    };
    select
        .push_some(" and r.received_at >= ?", filter.since)
        .push_some(" and r.received_at < ?", filter.until)
        .push_some(" and r.source = ?", filter.source.as_ref())
        .push_some(" and r.event_id = ?", filter.event_id.as_ref())
        .push_some(
            " and exists (select 1 from review_items x where x.id = ? and x.source = r.source \
               and substr(x.reason, 1, 200) = substr(r.reason, 1, 200))",
            filter.like,
        );
}

pub(super) fn reviews_select<'a>(
    filter: &'a Filter,
    page: &'a PageRequest,
) -> Result<Statement<'a>, StoreError> {
    let mut select = Statement::new(REVIEWS);
    push_review_filter(&mut select, filter);
    if let Some(after) = &page.after {
        let place = [after.at.into(), after.number()?.into()];
        select.push(" and (r.received_at, r.id) < (?, ?)", place);
    }
    select.push(
        " order by r.received_at desc, r.id desc limit ?",
        [rows_to_read(page)],
    );
    Ok(select)
}

impl Store {
    /// Review items, newest first; the open ones unless the filter names other states.
    pub async fn reviews(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<ReviewView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = reviews_select(filter, page)?;
        Ok(page_of(
            select.fetch(&mut tx, ReviewView::read).await?,
            page,
        ))
    }

    /// How many open review items were dropped because their source had too many, by source; of
    /// one source when the filter names it.
    pub async fn dropped_reviews(
        &self,
        filter: &Filter,
    ) -> Result<Vec<DroppedReviewsView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select =
            Statement::new("select source, dropped, dropped_at from dropped_reviews where true");
        select.push_some(" and source = ?", filter.source.as_ref());
        select.push(" order by source", []);
        select.fetch(&mut tx, DroppedReviewsView::read).await
    }

    /// The review item `id` with its event as it came.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`].
    pub async fn review_item(&self, id: &str) -> Result<ReviewDetail, StoreError> {
        let number = row_number("review item", id)?;
        let mut tx = self.database.begin_read().await?;
        let mut select = Statement::new(REVIEWS);
        select.push(" and r.id = ?", [number.into()]);
        let item = select.fetch_optional(&mut tx, ReviewView::read);
        let item = item.await?.ok_or_else(|| not_found("review item", id))?;
        let body = Statement::new("select body from events where seq = $1").bind(item.event.0);
        let body = body.fetch_optional(&mut tx, |row| row.get("body")).await?;
        Ok(ReviewDetail {
            item,
            body: body.unwrap_or_default(),
        })
    }
}
