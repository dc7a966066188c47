//! What sources have sent of late. Events have no index by source, so only the newest are counted.

use serde::Serialize;

use super::values::DisplayTime;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The newest events that are counted.
const COUNTED: i64 = 5_000;

/// What one source has sent among the newest events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceActivity {
    pub source: String,
    pub events: u64,
    /// Of these, not understood.
    pub not_understood: u64,
    pub first_at: DisplayTime,
    pub last_at: DisplayTime,
}

const ACTIVITY: &str = "select n.source, count(*) as events, count(n.review) as not_understood, \
      min(n.received_at) as first_at, max(n.received_at) as last_at \
     from (select e.source, e.review, e.received_at from events e order by e.seq desc limit $1) n \
     group by n.source order by n.source";

impl SourceActivity {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            source: row.get("source")?,
            events: row.get("events")?,
            not_understood: row.get("not_understood")?,
            first_at: row.get("first_at")?,
            last_at: row.get("last_at")?,
        })
    }
}

impl Store {
    /// The newest events of all sources together, counted by source.
    pub async fn source_activity(&self) -> Result<Vec<SourceActivity>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(ACTIVITY).bind(COUNTED);
        select.fetch(&mut tx, SourceActivity::read).await
    }
}
