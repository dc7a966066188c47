//! Keeps the number of open review items within limits: how many there are, and dropping those
//! beyond, a bounded number in one transaction.

use std::collections::BTreeMap;

use super::database::{Tx, answered, on, on_text};
use super::{Store, StoreError};
use crate::domain::review_limit::{ReasonCount, drops};
use crate::domain::time::Timestamp;

/// Of two replicas that drop at once, both would drop what is beyond the limit.
const LOCK_REVIEW_LIMIT: &str = "select pg_advisory_xact_lock(7464501)";
/// Longest reason that is kept, in characters. A reason can quote what a sender wrote.
const MAX_REASON: usize = 500;

/// Asked once a second. Left to itself SQLite walks the older index and looks every row up.
const OPEN_SQLITE: &str = "select source, count(*) from review_items \
     indexed by review_items_by_state_and_reason where state = 'open' group by source";
const OPEN_POSTGRES: &str =
    "select source, count(*) from review_items where state = 'open' group by source";

/// Reasons are equal when their beginnings are: an index holds no longer text.
const NEWEST_BY_REASON: &str = "select substr(reason, 1, 200) as shown, count(*) from \
     (select reason from review_items where state = 'open' and source = $1 \
      order by received_at desc, id desc limit $2) as newest group by substr(reason, 1, 200)";
const BY_REASON: &str = "select substr(reason, 1, 200), count(*), min(id) from review_items \
     where state = 'open' and source = $1 group by substr(reason, 1, 200)";
const DROP_OLDEST: &str = "delete from review_items where id in (select id from review_items \
     where state = 'open' and source = $1 and substr(reason, 1, 200) = $2 order by id limit $3)";
const NOTE_DROPPED: &str = "insert into dropped_reviews (source, dropped, dropped_at) \
     values ($1, $2, $3) on conflict (source) do update set \
     dropped = dropped_reviews.dropped + excluded.dropped, dropped_at = excluded.dropped_at";
const OLD_OPEN: &str = "delete from review_items where id in (select id from review_items \
     where state = 'open' and received_at < $1 order by received_at, id limit $2)";

/// `reason` as it is kept.
pub(super) fn kept_reason(reason: &str) -> &str {
    match reason.char_indices().nth(MAX_REASON) {
        Some((end, _)) => reason.get(..end).unwrap_or(reason),
        None => reason,
    }
}

impl Store {
    /// How many review items of each source are open.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn open_reviews(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let text = on_text!(&tx, OPEN_SQLITE, OPEN_POSTGRES);
        let rows: Vec<(String, i64)> = on!(&mut tx, connection => {
            sqlx::query_as(text).fetch_all(connection).await?
        });
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok(rows
            .into_iter()
            .map(|(source, open)| (source, count(open)))
            .collect())
    }

    /// Drops open review items of `source` beyond `most`, at most `limit` of them; answers how
    /// many. Their events stay in the journal until retention deletes them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written; then nothing was dropped.
    pub async fn drop_reviews(
        &self,
        source: &str,
        most: u64,
        limit: u64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        if let Tx::Postgres(inner) = &mut tx {
            let locking = sqlx::query(LOCK_REVIEW_LIMIT).execute(&mut **inner);
            answered(async { Ok(locking.await?) }).await?;
        }
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
        on!(&mut tx, connection => {
            sqlx::query(NOTE_DROPPED)
                .bind(source)
                .bind(as_i64(dropped))
                .bind(now.as_millis())
                .execute(connection)
                .await?;
        });
        tx.commit().await?;
        Ok(dropped)
    }

    /// Deletes open review items received before `cutoff`, at most `limit`; answers how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written; then nothing was deleted.
    pub async fn forget_open_reviews(
        &self,
        cutoff: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let deleted = on!(&mut tx, connection => {
            sqlx::query(OLD_OPEN)
                .bind(cutoff.as_millis())
                .bind(i64::from(limit))
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(deleted)
    }
}

async fn by_reason(tx: &mut Tx, source: &str) -> Result<Vec<ReasonCount>, StoreError> {
    let rows: Vec<(String, i64, i64)> = on!(tx, connection => {
        sqlx::query_as(BY_REASON).bind(source).fetch_all(connection).await?
    });
    Ok(rows
        .into_iter()
        .map(|(reason, count, oldest)| ReasonCount {
            reason,
            count: u64::try_from(count).unwrap_or(0),
            oldest,
        })
        .collect())
}

async fn newest_by_reason(
    tx: &mut Tx,
    source: &str,
    count: u64,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows: Vec<(String, i64)> = on!(tx, connection => {
        sqlx::query_as(NEWEST_BY_REASON)
            .bind(source)
            .bind(as_i64(count))
            .fetch_all(connection)
            .await?
    });
    Ok(rows
        .into_iter()
        .map(|(reason, count)| (reason, u64::try_from(count).unwrap_or(0)))
        .collect())
}

async fn drop_oldest(
    tx: &mut Tx,
    source: &str,
    reason: &str,
    count: u64,
) -> Result<u64, StoreError> {
    Ok(on!(tx, connection => {
        sqlx::query(DROP_OLDEST)
            .bind(source)
            .bind(reason)
            .bind(as_i64(count))
            .execute(connection)
            .await?
            .rows_affected()
    }))
}

fn as_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
