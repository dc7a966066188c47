//! The events of the journal that are not decided on yet.

use std::collections::HashMap;

use super::journal::{Content, JournalEvent};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};

const POSITION: &str = "select position from cursors where name = 'decide'";
/// As many as have bodies of some size together, and at least one. Of the others only the lengths
/// are read, which are at the head of a row.
const UNDECIDED: &str = "select seq, source, event_id, received_at, \
      review is not null as in_review, body \
     from events where seq > $1 and seq <= ( \
       select max(l.seq) from ( \
         select n.seq, sum(n.bytes) over (order by n.seq) - n.bytes as before from ( \
           select seq, octet_length(body) as bytes from events \
           where seq > $1 order by seq limit $2) n) l \
       where l.before < $3) \
     order by seq";
/// Only an event that a person has reprocessed has decisions before it is decided on.
const DECIDED_BY: &str = "select event_seq, rule from decisions \
     where event_seq >= $1 and event_seq <= $2 order by event_seq, rule";
/// A batch holds bodies of about so many bytes when it is read back: a backlog of large events must
/// not take memory without a bound.
const MAX_BATCH_BYTES: i64 = 16 << 20;
/// Both ends are found in an index, with any number of events.
const BACKLOG: &str = "select position, coalesce((select max(seq) from events), 0) as last \
     from cursors where name = 'decide'";
const LARGEST_PART: &str = "select source from \
     (select source from events where seq > $1 order by seq desc limit $2) as newest \
     group by source order by count(*) desc limit 1";

/// How far deciding has come, and how far the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The last event that was decided on.
    pub decided_to: i64,
    /// How many events wait.
    pub undecided: u64,
}

impl Store {
    /// The next events to decide on, oldest first, at most `limit`, and fewer where they are large.
    pub async fn undecided(&self, limit: u32) -> Result<Vec<JournalEvent>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let position = Statement::new(POSITION);
        let position: i64 = position
            .fetch_one(&mut tx, |row| row.get("position"))
            .await?;
        let newest = self.hand_off.after(position, limit as usize);
        if !newest.is_empty() {
            return Ok(newest);
        }
        let select = Statement::new(UNDECIDED).bind(position).bind(limit);
        let select = select.bind(MAX_BATCH_BYTES);
        let mut events = select.fetch(&mut tx, read_event).await?;
        let places = (events.first().map(|one| one.seq)).zip(events.last().map(|one| one.seq));
        let Some((first, last)) = places else {
            return Ok(events);
        };
        let decided = Statement::new(DECIDED_BY).bind(first).bind(last);
        let decided = decided.fetch(&mut tx, |row| {
            Ok((row.get("event_seq")?, row.get::<String>("rule")?))
        });
        let mut decided: HashMap<i64, Vec<String>> = by_place(decided.await?);
        for event in &mut events {
            event.decided_by = decided.remove(&event.seq).unwrap_or_default();
        }
        Ok(events)
    }

    /// How far deciding is behind.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let backlog = |row: &Row| {
            let decided_to: i64 = row.get("position")?;
            let last: i64 = row.get("last")?;
            Ok(Backlog {
                decided_to,
                undecided: u64::try_from(last.saturating_sub(decided_to)).unwrap_or(0),
            })
        };
        Statement::new(BACKLOG).fetch_one(&mut tx, backlog).await
    }

    /// The source of which most are among the newest `newest` events after `decided_to`.
    pub async fn largest_part_of_backlog(
        &self,
        decided_to: i64,
        newest: u32,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(LARGEST_PART).bind(decided_to).bind(newest);
        select
            .fetch_optional(&mut tx, |row| row.get("source"))
            .await
    }
}

fn by_place(decided: Vec<(i64, String)>) -> HashMap<i64, Vec<String>> {
    let mut rules: HashMap<i64, Vec<String>> = HashMap::new();
    for (seq, rule) in decided {
        rules.entry(seq).or_default().push(rule);
    }
    rules
}

fn read_event(row: &Row) -> Result<JournalEvent, StoreError> {
    Ok(JournalEvent {
        seq: row.get("seq")?,
        source: row.get::<String>("source")?.into(),
        event_id: row.get("event_id")?,
        received_at: row.get("received_at")?,
        content: if row.get("in_review")? {
            Content::InReview
        } else {
            Content::Body(row.get("body")?)
        },
        decided_by: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_backlog_of_large_events_is_read_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let url = format!("sqlite:{}", path.display());
        let store = Store::open(&url).await.unwrap();
        let mut tx = store.database.begin_write().await.unwrap();
        // One small event, ten of 4 MB, one of 20 MB, ten small ones.
        let insert = "insert into events (source, event_id, received_at, body) \
             with recursive n(n) as (select 1 union all select n + 1 from n where n < 22) \
             select 'genesys', 'evt-' || n, n, case when n = 12 then hex(zeroblob(10000000)) \
               when n between 2 and 11 then hex(zeroblob(2000000)) else '{}' end from n";
        Statement::new(insert).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = Vec::new();
        loop {
            let events = store.undecided(4_096).await.unwrap();
            let Some(last) = events.last() else { break };
            let mut tx = store.database.begin_write().await.unwrap();
            let decided = "update cursors set position = $1 where name = 'decide'";
            let decided = Statement::new(decided).bind(last.seq);
            decided.execute(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            read.push(events.len());
        }
        // The one that reaches 16 MiB is the last of its part.
        assert_eq!(read, [6, 5, 1, 10]);
    }
}
