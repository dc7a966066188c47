//! The events of the journal that are not decided on yet.

use super::journal::{Content, JournalEvent};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};

const POSITION: &str = "select position from cursors where name = 'decide'";
const UNDECIDED: &str = "select seq, source, event_id, received_at, \
      review is not null as in_review, body \
     from events where seq > $1 order by seq limit $2";
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
    /// The next events to decide on, oldest first, at most `limit`.
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
        select.fetch(&mut tx, read_event).await
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
    })
}
