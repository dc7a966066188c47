//! How far deciding is behind the journal, and whose events wait.

use super::database::on;
use super::{Store, StoreError};

/// Both ends are found in an index, whatever the number of events.
const BACKLOG: &str = "select position, coalesce((select max(seq) from events), 0) \
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
    /// How far deciding is behind.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when the database cannot be read.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let (decided_to, last): (i64, i64) = on!(&mut tx, connection => {
            sqlx::query_as(BACKLOG).fetch_one(connection).await?
        });
        Ok(Backlog {
            decided_to,
            undecided: u64::try_from(last.saturating_sub(decided_to)).unwrap_or(0),
        })
    }

    /// The source of which most are among the newest `newest` events after `decided_to`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when the database cannot be read.
    pub async fn largest_part_of_backlog(
        &self,
        decided_to: i64,
        newest: u32,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let source: Option<(String,)> = on!(&mut tx, connection => {
            sqlx::query_as(LARGEST_PART)
                .bind(decided_to)
                .bind(i64::from(newest))
                .fetch_optional(connection)
                .await?
        });
        Ok(source.map(|(source,)| source))
    }
}
