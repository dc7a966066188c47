//! Silences: people create and end them; deciding reads those that are in force now or later.
//!
//! Every change is one transaction with its entry in the audit log.

use serde_json::json;

use super::audit::{self, ChangedBy};
use super::decision_transaction::DecisionTransaction;
use super::fencing::hold_deciding;
use super::row::Row;
use super::silence_matchers::SilenceRow;
use super::statement::Statement;
use super::views::{SilenceView, silence_in};
use super::{Store, StoreError};
use crate::domain::silence::{Matcher, Silence};
use crate::domain::time::Timestamp;

/// Silences that may be in force or to come at once: deciding asks each of them.
const MAX_SILENCES: i64 = 1000;

/// A silence that a person wants.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSilence {
    /// All of them must hold; never empty.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when, exclusive.
    pub ends_at: Timestamp,
    pub reason: String,
}

impl Store {
    /// Creates a silence. It is in force for every decision that begins after this has returned.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when there are too many.
    pub async fn create_silence(
        &self,
        new: &NewSilence,
        by: ChangedBy<'_>,
    ) -> Result<SilenceView, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let count = Statement::new("select count(*) as count from silences where ends_at > $1");
        let count = count.bind(by.at);
        let count: i64 = count.fetch_one(&mut tx, |row| row.get("count")).await?;
        if count >= MAX_SILENCES {
            return Err(StoreError::Conflict {
                what: "silence",
                id: "new".to_owned(),
                state: format!("one more than {MAX_SILENCES}"),
                problem: "expire some, or match several things by one pattern",
            });
        }
        let texts: Vec<String> = new.matchers.iter().map(Matcher::to_string).collect();
        let matchers = json!(texts).to_string();
        let insert = Statement::new(
            "insert into silences (matchers, starts_at, ends_at, author, reason, created_at) \
             values ($1, $2, $3, $4, $5, $6) returning id",
        );
        let insert = insert
            .bind(matchers)
            .bind(new.starts_at)
            .bind(new.ends_at)
            .bind(by.actor)
            .bind(&new.reason)
            .bind(by.at);
        let id: i64 = insert.fetch_one(&mut tx, |row| row.get("id")).await?;
        let detail = json!({"match": texts, "starts_at": new.starts_at.in_milliseconds(),
            "ends_at": new.ends_at.in_milliseconds(), "reason": new.reason});
        let subject = format!("silences/{id}");
        audit::record(&mut tx, by, "silence.create", &subject, &detail).await?;
        let view = silence_in(&mut tx, &id.to_string(), by.at).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Ends the silence `id` now. The incidents that wait for it are due at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when it is over already.
    pub async fn expire_silence(
        &self,
        id: &str,
        by: ChangedBy<'_>,
    ) -> Result<SilenceView, StoreError> {
        let mut tx = self.database.begin_write().await?;
        hold_deciding(&mut tx).await?;
        let before = silence_in(&mut tx, id, by.at).await?;
        let update = Statement::new(
            "update silences set ends_at = $1, expired_by = $2 where id = $3 and ends_at > $1",
        );
        let update = update.bind(by.at).bind(by.actor).bind(before.id.0);
        if update.execute(&mut tx).await? == 0 {
            return Err(StoreError::Conflict {
                what: "silence",
                id: id.to_owned(),
                state: before.state,
                problem: "it is over already",
            });
        }
        let wake = Statement::new(
            "update incidents set due_at = $1 where state = 'pending' and due_at > $1",
        );
        wake.bind(by.at).execute(&mut tx).await?;
        let detail = json!({"match": before.matchers, "would_have_ended_at": before.ends_at});
        let subject = format!("silences/{id}");
        audit::record(&mut tx, by, "silence.expire", &subject, &detail).await?;
        let view = silence_in(&mut tx, id, by.at).await?;
        tx.commit().await?;
        Ok(view)
    }
}

impl Store {
    /// Lets the silence `id` end later.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when it is over, or would not end later.
    pub async fn extend_silence(
        &self,
        id: &str,
        ends_at: Timestamp,
        by: ChangedBy<'_>,
    ) -> Result<SilenceView, StoreError> {
        let mut tx = self.database.begin_write().await?;
        hold_deciding(&mut tx).await?;
        let before = silence_in(&mut tx, id, by.at).await?;
        let update = Statement::new(
            "update silences set ends_at = $1 where id = $2 and ends_at > $3 and ends_at < $1",
        );
        let update = update.bind(ends_at).bind(before.id.0).bind(by.at);
        if update.execute(&mut tx).await? == 0 {
            return Err(StoreError::Conflict {
                what: "silence",
                id: id.to_owned(),
                state: before.state,
                problem: "only one that is not over can be extended, to a later end",
            });
        }
        let detail = json!({"match": before.matchers, "ended_at": before.ends_at,
            "ends_at": ends_at.in_milliseconds()});
        let subject = format!("silences/{id}");
        audit::record(&mut tx, by, "silence.extend", &subject, &detail).await?;
        let view = silence_in(&mut tx, id, by.at).await?;
        tx.commit().await?;
        Ok(view)
    }
}

impl DecisionTransaction {
    /// Silences that are in force or to come at `now`. Costs nothing when there are none.
    pub async fn silences(&mut self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        if self.silences_end.is_none_or(|end| end <= now) {
            return Ok(Vec::new());
        }
        let select = Statement::new(
            "select id, matchers, starts_at, ends_at from silences where ends_at > $1 order by id",
        );
        let rows = select.bind(now).fetch(&mut self.tx, SilenceRow::read);
        Ok(self.matchers.silences(rows.await?))
    }
}

impl SilenceRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            matchers: row.get("matchers")?,
            starts_at: row.get("starts_at")?,
            ends_at: row.get("ends_at")?,
        })
    }
}
