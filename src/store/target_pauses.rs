//! Targets that a person has paused. All replicas read the same rows, so a pause is in force for each
//! of them as soon as the request that made it is answered.
//!
//! A pause is recorded as a condition of the target too: so lists and timelines say what waits for
//! it, and why.

use serde_json::json;

use super::audit::{self, ChangedBy};
use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use super::target_conditions::{ConditionState, TargetCondition, begin_condition, end_condition};
use super::{Store, StoreError};
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// A target that a person has paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPause {
    pub target: TargetName,
    pub reason: String,
    /// The name of the admin token, or `local`.
    pub by: String,
    pub since: Timestamp,
    /// When it ends by itself; `None`: only a person ends it.
    pub until: Option<Timestamp>,
}

impl TargetPause {
    /// The condition that the target is in.
    pub fn condition(&self) -> TargetCondition {
        let mut reason = format!("by {}: {}", self.by, self.reason);
        if let Some(until) = self.until {
            reason.push_str(&format!(" (ends by itself at {until})"));
        }
        TargetCondition {
            state: ConditionState::PausedByPerson,
            reason,
        }
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            target: row.get("target")?,
            reason: row.get("reason")?,
            by: row.get("paused_by")?,
            since: row.get("since")?,
            until: row.get_optional("until")?,
        })
    }
}

/// The pauses that are in force at `$1`.
const IN_FORCE: &str = "select p.target, p.reason, p.paused_by, p.since, p.until \
     from target_pauses p where (p.until is null or p.until > $1)";

impl Store {
    /// Pauses `target` until `until`, or until a person resumes it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when it is paused already: a second pause could end the first one.
    pub async fn pause_target(
        &self,
        target: &TargetName,
        (reason, until): (&str, Option<Timestamp>),
        by: ChangedBy<'_>,
    ) -> Result<TargetPause, StoreError> {
        let pause = TargetPause {
            target: target.clone(),
            reason: reason.to_owned(),
            by: by.actor.to_owned(),
            since: by.at,
            until,
        };
        let mut tx = self.database.begin_write().await?;
        let insert = Statement::new(
            "insert into target_pauses (target, reason, paused_by, since, until) \
             values ($1, $2, $3, $4, $5) \
             on conflict (target) do update set reason = excluded.reason, \
              paused_by = excluded.paused_by, since = excluded.since, until = excluded.until \
             where target_pauses.until <= excluded.since",
        );
        let insert = insert
            .bind(target)
            .bind(reason)
            .bind(by.actor)
            .bind(by.at)
            .bind(until);
        if insert.execute(&mut tx).await? == 0 {
            let paused = in_force(&mut tx, target, by.at).await?;
            return Err(StoreError::Conflict {
                what: "target",
                id: target.to_string(),
                state: paused.map_or_else(
                    || "paused already".to_owned(),
                    |one| format!("paused already {}", one.condition().reason),
                ),
                problem: "resume it first",
            });
        }
        end_condition(&mut tx, target, by.at).await?;
        begin_condition(&mut tx, target, &pause.condition(), by.at).await?;
        let detail = json!({ "reason": reason, "until": until.map(Timestamp::in_milliseconds) });
        let subject = format!("targets/{target}");
        audit::record(&mut tx, by, "target.pause", &subject, &detail).await?;
        tx.commit().await?;
        Ok(pause)
    }

    /// Ends the pause of `target`. What waited for it is due at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when no person has paused it.
    pub async fn resume_target(
        &self,
        target: &TargetName,
        by: ChangedBy<'_>,
    ) -> Result<TargetPause, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let pause = in_force(&mut tx, target, by.at).await?;
        let delete = Statement::new("delete from target_pauses where target = $1");
        let deleted = delete.bind(target).execute(&mut tx).await?;
        let Some(pause) = pause.filter(|_| deleted == 1) else {
            return Err(StoreError::Conflict {
                what: "target",
                id: target.to_string(),
                state: "not paused by a person".to_owned(),
                problem: "there is nothing to resume",
            });
        };
        end_condition(&mut tx, target, by.at).await?;
        let detail = json!({
            "reason": pause.reason, "paused_by": pause.by, "since": pause.since.in_milliseconds(),
        });
        let subject = format!("targets/{target}");
        audit::record(&mut tx, by, "target.resume", &subject, &detail).await?;
        tx.commit().await?;
        Ok(pause)
    }

    /// The pause of `target` that is in force at `now`.
    pub async fn target_pause(
        &self,
        target: &TargetName,
        now: Timestamp,
    ) -> Result<Option<TargetPause>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        in_force(&mut tx, target, now).await
    }

    /// Every pause that is in force at `now`.
    pub async fn target_pauses(&self, now: Timestamp) -> Result<Vec<TargetPause>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(IN_FORCE).bind(now);
        select.fetch(&mut tx, TargetPause::read).await
    }

    /// Adds an entry to the audit log about something that changes no row.
    pub async fn note_in_audit(
        &self,
        action: &str,
        subject: &str,
        detail: &serde_json::Value,
        by: ChangedBy<'_>,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        audit::record(&mut tx, by, action, subject, detail).await?;
        tx.commit().await
    }
}

async fn in_force(
    tx: &mut Tx,
    target: &TargetName,
    now: Timestamp,
) -> Result<Option<TargetPause>, StoreError> {
    let mut select = Statement::new(IN_FORCE).bind(now);
    select.push(" and p.target = ?", [target.into()]);
    select.fetch_optional(tx, TargetPause::read).await
}
