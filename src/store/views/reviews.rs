//! Review items: events that wait, or waited, for a person.

use serde::Serialize;
use sqlx::FromRow;

use super::values::{Document, Moment, RowId};
use super::{Cursor, Filter, Item, Page, PageRequest, Select};
use super::{not_found, page_of, row_cursor, row_number, rows_to_read};
use crate::store::{Store, StoreError};

/// A review item in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct ReviewView {
    /// Its id.
    pub id: RowId,
    /// The source's name.
    pub source: String,
    /// The event's id, as the sender gave it.
    pub event_id: String,
    /// The event's place in the journal.
    pub event: RowId,
    /// What was not understood.
    pub reason: String,
    /// When the event was received.
    pub received_at: Moment,
    /// `open`, `reprocessed`, `discarded`.
    pub state: String,
    /// When a person decided.
    pub settled_at: Option<Moment>,
}

/// A review item with its event as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewDetail {
    /// As in the list.
    #[serde(flatten)]
    pub item: ReviewView,
    /// The event as it came.
    pub body: Document,
}

/// How many open review items of a source its limit has dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct DroppedReviewsView {
    /// The source.
    pub source: String,
    /// How many, ever.
    pub dropped: i64,
    /// The last time.
    pub dropped_at: Moment,
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
pub(in crate::store) fn push_review_filter(select: &mut Select, filter: &Filter) {
    let state = filter.state.as_deref().unwrap_or("open");
    select
        .push(" and r.state = ?", [state.into()])
        .push_some(" and r.received_at >= ?", filter.since)
        .push_some(" and r.received_at < ?", filter.until)
        .push_some(" and r.source = ?", filter.source.as_ref())
        .push_some(" and r.event_id = ?", filter.event_id.as_ref());
}

pub(super) fn reviews_select(filter: &Filter, page: &PageRequest) -> Result<Select, StoreError> {
    let mut select = Select::new(REVIEWS);
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
    /// Review items, newest first; the open ones unless the filter names another state.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read, or the cursor is of another list.
    pub async fn reviews(
        &self,
        filter: &Filter,
        page: &PageRequest,
    ) -> Result<Page<ReviewView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows = reviews_select(filter, page)?.fetch(&mut tx).await?;
        Ok(page_of(rows, page))
    }

    /// How many open review items were dropped because their source had too many, by source; of
    /// one source when the filter names it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn dropped_reviews(
        &self,
        filter: &Filter,
    ) -> Result<Vec<DroppedReviewsView>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let mut select =
            Select::new("select source, dropped, dropped_at from dropped_reviews where true");
        select.push_some(" and source = ?", filter.source.as_ref());
        select.push(" order by source", []);
        select.fetch(&mut tx).await
    }

    /// The review item `id` with its event as it came.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or another when the database cannot be read.
    pub async fn review_item(&self, id: &str) -> Result<ReviewDetail, StoreError> {
        let number = row_number("review item", id)?;
        let mut tx = self.database.begin_read().await?;
        let mut select = Select::new(REVIEWS);
        select.push(" and r.id = ?", [number.into()]);
        let item: ReviewView = select
            .fetch_optional(&mut tx)
            .await?
            .ok_or_else(|| not_found("review item", id))?;
        let mut select = Select::new("select body from events");
        select.push(" where seq = ?", [item.event.0.into()]);
        let body: Option<(Document,)> = select.fetch_optional(&mut tx).await?;
        Ok(ReviewDetail {
            item,
            body: body.map_or_else(|| Document(String::new()), |(body,)| body),
        })
    }
}
