//! Silences: what people make and end, and which of them deciding has to heed.
//!
//! Every change is one transaction with its entry in the audit log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::audit::{self, By};
use super::database::{Tx, on, on_text};
use super::decisions::Deciding;
use super::views::{Select, SilenceView, silence_in};
use super::{Store, StoreError};
use crate::domain::silence::{Matcher, Silence};
use crate::domain::time::Timestamp;

/// Silences that may be in force or to come at once: deciding asks each of them.
const MOST_SILENCES: i64 = 1000;

/// A silence that a person wants.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSilence {
    /// All of them must hold; never empty.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when, exclusive.
    pub ends_at: Timestamp,
    /// Why.
    pub reason: String,
}

/// Of one silence; `None`: they cannot be read.
type Matchers = Option<Arc<[Matcher]>>;

/// Matchers by their silence's id, compiled once. A silence's matchers never change.
#[derive(Debug, Clone, Default)]
pub(super) struct Compiled(Arc<Mutex<HashMap<i64, Matchers>>>);

type SilenceRow = (i64, String, i64, i64);

impl Compiled {
    fn silences(&self, rows: Vec<SilenceRow>) -> Vec<Silence> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|id, _| rows.iter().any(|row| row.0 == *id));
        let silence = |(id, text, starts_at, ends_at): SilenceRow| {
            let matchers = known.entry(id).or_insert_with(|| compile(id, &text));
            Some(Silence {
                id: id.to_string(),
                matchers: matchers.clone()?,
                starts_at: Timestamp::from_millis(starts_at),
                ends_at: Timestamp::from_millis(ends_at),
            })
        };
        rows.into_iter().filter_map(silence).collect()
    }
}

/// One that cannot be read silences nothing: a ticket too many is better than one too few.
fn compile(id: i64, text: &str) -> Matchers {
    let texts: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let matchers: Result<Vec<Matcher>, _> = texts.iter().map(|one| Matcher::parse(one)).collect();
    match matchers {
        Ok(matchers) if !matchers.is_empty() => Some(matchers.into()),
        _ => {
            tracing::error!(
                silence = id,
                text,
                "a silence's matchers cannot be read; it silences nothing"
            );
            None
        }
    }
}

/// Waits until the batch that is being decided is kept, and keeps the next one waiting: what
/// it has silenced until a time must be seen when that time changes. On SQLite there is one
/// writer anyway.
pub(super) async fn hold_deciding(tx: &mut Tx) -> Result<(), StoreError> {
    const SQLITE: &str = "select fence from leases where name = 'decide'";
    const POSTGRES: &str = "select fence from leases where name = 'decide' for update";
    let text = on_text!(&*tx, SQLITE, POSTGRES);
    on!(tx, connection => {
        sqlx::query(text).fetch_optional(connection).await?;
    });
    Ok(())
}

impl Store {
    /// Makes a silence. Whatever begins to be decided after this has returned heeds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotPossible`] when there are too many; others when it cannot be kept.
    pub async fn create_silence(
        &self,
        new: &NewSilence,
        by: By<'_>,
    ) -> Result<SilenceView, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let mut count = Select::new("select count(*) from silences");
        count.push(" where ends_at > ?", [by.at.into()]);
        let count: Option<(i64,)> = count.fetch_optional(&mut tx).await?;
        if count.is_some_and(|(count,)| count >= MOST_SILENCES) {
            return Err(StoreError::NotPossible {
                what: "silence",
                id: "new".to_owned(),
                state: format!("one more than {MOST_SILENCES}"),
                problem: "expire some, or match several things by one pattern",
            });
        }
        let texts: Vec<String> = new.matchers.iter().map(Matcher::to_string).collect();
        let matchers = json!(texts).to_string();
        let mut insert = Select::new(
            "insert into silences (matchers, starts_at, ends_at, author, reason, created_at)",
        );
        insert.push(
            " values (?, ?, ?, ?, ?, ?) returning id",
            [
                (&matchers).into(),
                new.starts_at.into(),
                new.ends_at.into(),
                by.actor.into(),
                (&new.reason).into(),
                by.at.into(),
            ],
        );
        let row: Option<(i64,)> = insert.fetch_optional(&mut tx).await?;
        let id = row.map_or(0, |(id,)| id);
        let detail = json!({"match": texts, "starts_at": new.starts_at.to_string(),
            "ends_at": new.ends_at.to_string(), "reason": new.reason});
        let subject = format!("silences/{id}");
        audit::note(&mut tx, by, "silence.create", &subject, &detail).await?;
        let view = silence_in(&mut tx, &id.to_string(), by.at).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Ends the silence `id` now. What it kept waiting is asked about at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::NotPossible`] when it is over already.
    pub async fn expire_silence(&self, id: &str, by: By<'_>) -> Result<SilenceView, StoreError> {
        let mut tx = self.database.begin_write().await?;
        hold_deciding(&mut tx).await?;
        let before = silence_in(&mut tx, id, by.at).await?;
        let mut update = Select::new("update silences set");
        update.push(
            " ends_at = ?, expired_by = ? where id = ? and ends_at > ? returning id",
            [
                by.at.into(),
                by.actor.into(),
                before.id.0.into(),
                by.at.into(),
            ],
        );
        let ended: Option<(i64,)> = update.fetch_optional(&mut tx).await?;
        if ended.is_none() {
            return Err(StoreError::NotPossible {
                what: "silence",
                id: id.to_owned(),
                state: before.state,
                problem: "it is over already",
            });
        }
        let mut wake = Select::new("update incidents set");
        wake.push(
            " due_at = ? where state = 'pending' and due_at > ? returning id",
            [by.at.into(), by.at.into()],
        );
        let _: Vec<(String,)> = wake.fetch(&mut tx).await?;
        let detail = json!({"match": before.matchers.0, "would_have_ended_at":
            before.ends_at.timestamp().to_string()});
        let subject = format!("silences/{id}");
        audit::note(&mut tx, by, "silence.expire", &subject, &detail).await?;
        let view = silence_in(&mut tx, id, by.at).await?;
        tx.commit().await?;
        Ok(view)
    }
}

impl Deciding {
    /// Silences that are in force or to come at `now`. Costs nothing when there are none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn silences(&mut self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        if self.silences_end.is_none_or(|end| end <= now) {
            return Ok(Vec::new());
        }
        let mut select = Select::new("select id, matchers, starts_at, ends_at from silences");
        select.push(" where ends_at > ? order by id", [now.into()]);
        let rows = select.fetch(&mut self.tx).await?;
        Ok(self.compiled.silences(rows))
    }
}
