//! The last 24 hours: what came in, what was held back, what went out, and the outages.

use std::cmp::Reverse;

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
/// Outages that are over and shown, the newest.
const MAX_OVER: u32 = 30;
/// Outages that go on and are shown. Each stays in its place however many have begun since.
const MAX_ONGOING: u32 = 300;

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

/// Each in the order of its index.
pub(super) const OVER: &str = "select i.id, i.rule, i.key, i.opened_at, i.closed_at \
     from incidents i where substr(i.rule, 1, 7) = 'outage:' and i.closed_at is not null \
     order by i.opened_at desc limit $1";
pub(super) const ONGOING: &str = "select i.id, i.rule, i.key, i.opened_at, i.closed_at \
     from incidents i where substr(i.rule, 1, 7) = 'outage:' and i.closed_at is null \
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
        let ongoing = Statement::new(ONGOING).bind(MAX_ONGOING);
        let mut outages = ongoing.fetch(&mut tx, OutageSpan::read).await?;
        let over = Statement::new(OVER).bind(MAX_OVER);
        outages.extend(over.fetch(&mut tx, OutageSpan::read).await?);
        outages.retain(|one| one.to.is_none_or(|to| hour_of(to) >= first_hour));
        outages.sort_by_key(|one| Reverse(one.from));
        Ok(LastDay {
            first_hour,
            counts: counts.into_iter().flatten().collect(),
            outages,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_outage_that_goes_on_is_shown_however_many_have_begun_since() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let url = format!("sqlite:{}", path.display());
        let store = Store::open(&url).await.unwrap();
        let mut tx = store.database.begin_write().await.unwrap();
        let insert = "insert into incidents (id, rule, key, source, state, severity, target, \
               opened_at, closed_at, occurrences, suppressed, life, context) \
             with recursive n(n) as (select 1 union all select n + 1 from n where n < 50) \
             select 'id-' || n, 'outage:site', 'Berlin', '', \
               case when n = 1 then 'open' else 'closed' end, 'high', 'servicenow', \
               n * 1000, case when n > 1 then n * 1000 + 500 end, 1, 0, '{}', '{}' from n";
        Statement::new(insert).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let day = store.last_day(Timestamp::from_millis(60_000)).await;
        let outages = day.unwrap().outages;
        assert_eq!(outages.len(), 31);
        let newest = outages.first().unwrap();
        assert_eq!(newest.id.as_str(), "id-50");
        let oldest = outages.last().unwrap();
        assert_eq!((oldest.id.as_str(), oldest.to), ("id-1", None));
    }
}
