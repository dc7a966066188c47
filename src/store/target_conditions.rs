//! The times at which a target accepted no writes: why, from when, until when. The timelines of
//! incidents show them, and the lists say what a delivery waits for.

use super::database::Tx;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// Why a target accepts no writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetCondition {
    /// That of its circuit breaker, or that a person has paused it.
    pub state: &'static str,
    /// The last failure, or the reason of the person.
    pub reason: String,
}

impl Store {
    /// Records that `target` is in `condition` at `now`; `None`: it accepts writes. A condition that
    /// another replica has recorded continues.
    pub async fn record_condition(
        &self,
        target: &TargetName,
        condition: Option<&TargetCondition>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let Some(condition) = condition else {
            end_condition(&mut tx, target, now).await?;
            return tx.commit().await;
        };
        let change = Statement::new(
            "update target_conditions set state = $1, reason = $2 \
             where target = $3 and until is null",
        );
        let change = change
            .bind(condition.state)
            .bind(&condition.reason)
            .bind(target);
        if change.execute(&mut tx).await? == 0 {
            begin_condition(&mut tx, target, condition, now).await?;
        }
        tx.commit().await
    }
}

/// Begins a condition, unless one lasts.
pub(super) async fn begin_condition(
    tx: &mut Tx,
    target: &TargetName,
    condition: &TargetCondition,
    now: Timestamp,
) -> Result<(), StoreError> {
    let begin = Statement::new(
        "insert into target_conditions (target, since, state, reason) \
         values ($1, $2, $3, $4) on conflict do nothing",
    );
    let begin = begin
        .bind(target)
        .bind(now)
        .bind(condition.state)
        .bind(&condition.reason);
    begin.execute(tx).await?;
    Ok(())
}

/// Ends the condition that lasts, if there is one.
pub(super) async fn end_condition(
    tx: &mut Tx,
    target: &TargetName,
    now: Timestamp,
) -> Result<(), StoreError> {
    let end = Statement::new(
        "update target_conditions set until = $1 where target = $2 and until is null",
    );
    end.bind(now).bind(target).execute(tx).await?;
    Ok(())
}
