//! Whether anything has changed that a page shows: read often, so only the ends of indexes are read.

use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The ends of the tables that pages show. Two equal marks: nothing was added in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeMark {
    history: i64,
    deliveries: i64,
    reviews: i64,
    audit: i64,
    conditions: i64,
}

pub(super) const MARK: &str = "select \
     (select coalesce(max(id), 0) from incident_history) as history, \
     (select coalesce(max(id), 0) from deliveries) as deliveries, \
     (select coalesce(max(id), 0) from review_items) as reviews, \
     (select coalesce(max(id), 0) from audit) as audit, \
     (select 2 * coalesce(max(id), 0) - count(*) from target_conditions where until is null) \
       as conditions";

impl ChangeMark {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            history: row.get("history")?,
            deliveries: row.get("deliveries")?,
            reviews: row.get("reviews")?,
            audit: row.get("audit")?,
            conditions: row.get("conditions")?,
        })
    }
}

impl Store {
    pub async fn change_mark(&self) -> Result<ChangeMark, StoreError> {
        let mut tx = self.database.begin_read().await?;
        Statement::new(MARK)
            .fetch_one(&mut tx, ChangeMark::read)
            .await
    }
}
