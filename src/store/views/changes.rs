//! Whether anything has changed that a page shows: read often, so only the ends of indexes are read.

use crate::domain::time::Timestamp;
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

pub(super) const BEGUN_BY_HOUR: &str = "select i.opened_at / 3600000 as hour, count(*) as count \
     from incidents i where i.opened_at >= $1 group by i.opened_at / 3600000";

const HOUR_MS: i64 = 3_600_000;
const HOURS: i64 = 24;

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

    /// How many incidents began in each of the last 24 hours, the hour of `now` last; each with
    /// the time at which the hour begins.
    pub async fn begun_by_hour(&self, now: Timestamp) -> Result<Vec<(Timestamp, u64)>, StoreError> {
        let last = now.as_millis() / HOUR_MS;
        let first = last - HOURS + 1;
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(BEGUN_BY_HOUR).bind(first * HOUR_MS);
        let counted = |row: &Row| Ok((row.get::<i64>("hour")?, row.get::<u64>("count")?));
        let counted = select.fetch(&mut tx, counted).await?;
        let count_of = |hour: i64| {
            let found = counted.iter().find(|(known, _)| *known == hour);
            found.map_or(0, |(_, count)| *count)
        };
        Ok((first..=last)
            .map(|hour| (Timestamp::from_millis(hour * HOUR_MS), count_of(hour)))
            .collect())
    }
}
