//! Keeps the number of open review items within limits: how many there are, and dropping those
//! beyond, a bounded number in one transaction.

use std::collections::BTreeMap;

use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::review_limit::{ReasonCount, drops};
use crate::domain::time::Timestamp;

/// Two replicas that drop at the same time would each drop all items beyond the limit.
const LOCK_REVIEW_LIMIT: &str = "select pg_advisory_xact_lock(7464501)";

/// Asked once a second. Left to itself SQLite walks the older index and looks every row up.
const OPEN: Statement<'static> = Statement::either(
    "select source, count(*) as count from review_items \
     indexed by review_items_by_state_and_reason where state = 'open' group by source",
    "select source, count(*) as count from review_items where state = 'open' group by source",
);

/// Reasons are equal when their beginnings are: an index holds no longer text.
const NEWEST_BY_REASON: &str = "select substr(reason, 1, 200) as shown, count(*) as count from \
     (select reason from review_items where state = 'open' and source = $1 \
      order by received_at desc, id desc limit $2) as newest group by substr(reason, 1, 200)";
const BY_REASON: &str = "select substr(reason, 1, 200) as shown, count(*) as count, min(id) as oldest from review_items \
     where state = 'open' and source = $1 group by substr(reason, 1, 200)";
const DROP_OLDEST: &str = "delete from review_items where id in (select id from review_items \
     where state = 'open' and source = $1 and substr(reason, 1, 200) = $2 order by id limit $3)";
const NOTE_DROPPED: &str = "insert into dropped_reviews (source, dropped, dropped_at) \
     values ($1, $2, $3) on conflict (source) do update set \
     dropped = dropped_reviews.dropped + excluded.dropped, dropped_at = excluded.dropped_at";
const OLD_OPEN: &str = "delete from review_items where id in (select id from review_items \
     where state = 'open' and received_at < $1 order by received_at, id limit $2)";

impl Store {
    /// How many review items of each source are open.
    pub async fn open_reviews(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let count = |row: &Row| Ok((row.get("source")?, row.get("count")?));
        Ok(OPEN.fetch(&mut tx, count).await?.into_iter().collect())
    }

    /// Drops open review items of `source` beyond `most`, at most `limit` of them; answers how
    /// many. Their events stay in the journal until retention deletes them.
    pub async fn drop_reviews_over_limit(
        &self,
        source: &str,
        most: u64,
        limit: u64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let lock = Statement::on_postgres(LOCK_REVIEW_LIMIT);
        lock.execute(&mut tx).await?;
        let groups = by_reason(&mut tx, source).await?;
        let open: u64 = groups.iter().map(|group| group.count).sum();
        let beyond = open.saturating_sub(most).min(limit);
        if beyond == 0 {
            return Ok(0);
        }
        let newest = newest_by_reason(&mut tx, source, beyond).await?;
        let mut dropped = 0;
        for (reason, count) in drops(&groups, &newest) {
            dropped += drop_oldest(&mut tx, source, &reason, count).await?;
        }
        let note = Statement::new(NOTE_DROPPED);
        let note = note.bind(source).bind(dropped).bind(now);
        note.execute(&mut tx).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// Deletes open review items received before `cutoff`, at most `limit`; answers how many.
    pub async fn delete_expired_reviews(
        &self,
        cutoff: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let delete = Statement::new(OLD_OPEN).bind(cutoff).bind(limit);
        let deleted = delete.execute(&mut tx).await?;
        tx.commit().await?;
        Ok(deleted)
    }
}

async fn by_reason(tx: &mut Tx, source: &str) -> Result<Vec<ReasonCount>, StoreError> {
    let select = Statement::new(BY_REASON).bind(source);
    let count = |row: &Row| {
        Ok(ReasonCount {
            reason: row.get("shown")?,
            count: row.get("count")?,
            oldest: row.get("oldest")?,
        })
    };
    select.fetch(tx, count).await
}

async fn newest_by_reason(
    tx: &mut Tx,
    source: &str,
    count: u64,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let select = Statement::new(NEWEST_BY_REASON).bind(source).bind(count);
    let count = |row: &Row| Ok((row.get("shown")?, row.get("count")?));
    Ok(select.fetch(tx, count).await?.into_iter().collect())
}

async fn drop_oldest(
    tx: &mut Tx,
    source: &str,
    reason: &str,
    count: u64,
) -> Result<u64, StoreError> {
    let delete = Statement::new(DROP_OLDEST);
    let delete = delete.bind(source).bind(reason).bind(count);
    delete.execute(tx).await
}
