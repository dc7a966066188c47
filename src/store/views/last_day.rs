//! The last 24 hours: what came in, what was held back, what went out, and the outages.

use super::named::entity_and_name;
use super::values::DisplayTime;
use crate::domain::activity::{Activity, hour_of};
use crate::domain::identity::IncidentId;
use crate::domain::time::Timestamp;
use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// Hours that are shown, the present one included.
pub const LAST_HOURS: i64 = 24;
/// Outages that are shown, the newest.
const MAX_OUTAGES: u32 = 30;

/// What happened in each of the last hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastDay {
    /// The first hour, counted from the epoch.
    pub first_hour: i64,
    /// Hour, what, how often. What did not happen is absent.
    pub counts: Vec<(i64, Activity, u64)>,
    pub outages: Vec<OutageSpan>,
}

/// When an outage went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageSpan {
    pub id: IncidentId,
    /// Such as `site Berlin`.
    pub name: String,
    pub from: Timestamp,
    /// `None`: it goes on.
    pub to: Option<Timestamp>,
}

pub(super) const COUNTS: &str = "select a.hour, a.kind, a.count from activity_hours a \
     where a.hour >= $1 order by a.hour, a.kind";

/// In the order of the index of outages.
pub(super) const OUTAGES: &str = "select i.id, i.rule, i.key, i.opened_at, i.closed_at \
     from incidents i where substr(i.rule, 1, 7) = 'outage:' \
     order by i.opened_at desc limit $1";

impl OutageSpan {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let (rule, key): (String, String) = (row.get("rule")?, row.get("key")?);
        Ok(Self {
            id: row.get("id")?,
            name: entity_and_name(&rule, &key, "").1,
            from: row.get::<DisplayTime>("opened_at")?.timestamp(),
            to: row
                .get_optional::<DisplayTime>("closed_at")?
                .map(DisplayTime::timestamp),
        })
    }
}

impl Store {
    /// The 24 hours that end with the hour of `now`.
    pub async fn last_day(&self, now: Timestamp) -> Result<LastDay, StoreError> {
        let first_hour = hour_of(now) - LAST_HOURS + 1;
        let mut tx = self.database.begin_read().await?;
        let counted = |row: &Row| {
            let kind: String = row.get("kind")?;
            let (hour, count) = (row.get::<i64>("hour")?, row.get::<u64>("count")?);
            Ok(Activity::from_name(&kind).map(|what| (hour, what, count)))
        };
        let counts = Statement::new(COUNTS).bind(first_hour);
        let counts = counts.fetch(&mut tx, counted).await?;
        let outages = Statement::new(OUTAGES).bind(MAX_OUTAGES);
        let mut outages = outages.fetch(&mut tx, OutageSpan::read).await?;
        outages.retain(|one| one.to.is_none_or(|to| hour_of(to) >= first_hour));
        Ok(LastDay {
            first_hour,
            counts: counts.into_iter().flatten().collect(),
            outages,
        })
    }
}
