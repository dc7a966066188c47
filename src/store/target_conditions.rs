//! The times at which a target accepted no writes: why, from when, until when. The timelines of
//! incidents show them, and the lists say what a delivery waits for.

use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

/// Why a target accepts no writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetCondition {
    pub state: ConditionState,
    /// The last failure, or the reason of the person.
    pub reason: String,
}

/// What keeps a target from accepting writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionState {
    /// The state of its circuit breaker.
    Breaker(BreakerState),
    PausedByPerson,
}

const PAUSED_BY_PERSON: &str = "paused_by_person";

impl ConditionState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Breaker(state) => state.as_str(),
            Self::PausedByPerson => PAUSED_BY_PERSON,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            PAUSED_BY_PERSON => Some(Self::PausedByPerson),
            name => BreakerState::from_name(name).map(Self::Breaker),
        }
    }
}

/// A condition that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCondition {
    pub target: TargetName,
    pub since: Timestamp,
    pub condition: TargetCondition,
}

impl OpenCondition {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let target: TargetName = row.get("target")?;
        let state: String = row.get("state")?;
        let Some(state) = ConditionState::from_name(&state) else {
            return Err(StoreError::Damaged {
                table: "target_conditions",
                row: target.to_string(),
                problem: format!("unknown state {state:?}"),
            });
        };
        let reason = row.get("reason")?;
        Ok(Self {
            target,
            since: row.get("since")?,
            condition: TargetCondition { state, reason },
        })
    }
}

impl Store {
    /// Why targets accept no writes now, and since when.
    pub async fn open_conditions(&self) -> Result<Vec<OpenCondition>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select target, since, state, reason from target_conditions where until is null",
        );
        select.fetch(&mut tx, OpenCondition::read).await
    }

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
            .bind(condition.state.as_str())
            .bind(&condition.reason)
            .bind(target);
        if change.execute(&mut tx).await? == 0 {
            begin_condition(&mut tx, target, condition, now).await?;
        }
        tx.commit().await
    }

    /// Whether `target` accepted no writes at last, as far as the store knows: its condition has not
    /// ended, or a delivery waits for that. Changes of tickets may wait by themselves.
    pub async fn refuses_writes(&self, target: &TargetName) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select 1 as found from target_conditions where target = $1 and until is null \
             union all \
             select 1 as found from deliveries where target = $1 and parked = 'target' \
              and state = 'waiting' and (operation = 'create' \
                or not exists (select 1 from stopped_changes where target = $1)) limit 1",
        );
        let select = select.bind(target);
        let found = select.fetch_optional(&mut tx, |row| row.get::<i64>("found"));
        Ok(found.await?.is_some())
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
        .bind(condition.state.as_str())
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
