//! The stored health of targets: one row for each target that was ever unreachable.
//!
//! Any replica may store a new state, on top of the version that it has read. A row alone is not
//! reliable for long: a replica that reads of an unreachable target probes the target itself
//! (`domain::failover::health_action`).

use super::database::Tx;
use super::decision_transaction::DecisionTransaction;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::failover::Unreachable;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    pub target: TargetName,
    /// Whether it is unreachable.
    pub unreachable: Option<Unreachable>,
    /// Since when it is unreachable, or reachable.
    pub since: Timestamp,
    /// The replica that stored it.
    pub replica: String,
    /// Grows with every change.
    pub version: i64,
}

impl Store {
    /// The health of `target`; `None` when it was never unreachable.
    pub async fn target_health(
        &self,
        target: &TargetName,
    ) -> Result<Option<TargetHealth>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows = read(&mut tx).await?;
        Ok(rows.into_iter().find(|row| row.target == *target))
    }

    pub async fn targets_health(&self) -> Result<Vec<TargetHealth>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        read(&mut tx).await
    }

    /// Stores `health`, whose version is one more than the stored version (0: no row). Returns
    /// whether it was stored; otherwise another replica was faster.
    pub async fn save_target_health(&self, health: &TargetHealth) -> Result<bool, StoreError> {
        let unreachable = health.unreachable.as_ref();
        let (state, is_paused) = match unreachable.map(|unreachable| unreachable.state) {
            // Older versions know no paused target that is unreachable.
            Some(BreakerState::Paused) => (BreakerState::CircuitOpen, true),
            state => (state.unwrap_or(BreakerState::Up), false),
        };
        let reason = health
            .unreachable
            .as_ref()
            .map_or("", |unreachable| unreachable.reason.as_str());
        let mut tx = self.database.begin_write().await?;
        let upsert = Statement::new(
            "insert into target_health \
              (target, state, since, reason, replica, version, is_paused) \
             values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (target) do update set state = excluded.state, \
              since = excluded.since, reason = excluded.reason, replica = excluded.replica, \
              version = excluded.version, \
              is_paused = excluded.is_paused \
             where target_health.version = excluded.version - 1",
        );
        let upsert = upsert
            .bind(&health.target)
            .bind(state.as_str())
            .bind(health.since)
            .bind(reason)
            .bind(&health.replica)
            .bind(health.version)
            .bind(is_paused);
        let kept = upsert.execute(&mut tx).await?;
        tx.commit().await?;
        Ok(kept == 1)
    }
}

impl DecisionTransaction {
    pub async fn targets_health(&mut self) -> Result<Vec<TargetHealth>, StoreError> {
        read(&mut self.tx).await
    }
}

async fn read(tx: &mut Tx) -> Result<Vec<TargetHealth>, StoreError> {
    let select = Statement::new(
        "select target, state, since, reason, replica, version, is_paused from target_health",
    );
    select.fetch(tx, TargetHealth::read).await
}

impl TargetHealth {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let target: TargetName = row.get("target")?;
        let since = row.get("since")?;
        let state = match row.get::<String>("state")?.as_str() {
            "up" => None,
            "held" => Some(BreakerState::Held),
            "circuit_open" if row.get::<i64>("is_paused")? != 0 => Some(BreakerState::Paused),
            "circuit_open" => Some(BreakerState::CircuitOpen),
            other => {
                return Err(StoreError::Damaged {
                    table: "target_health",
                    row: target.to_string(),
                    problem: format!("unknown state {other:?}"),
                });
            }
        };
        let reason = row.get("reason")?;
        Ok(Self {
            target,
            unreachable: state.map(|state| Unreachable {
                state,
                since,
                reason,
            }),
            since,
            replica: row.get("replica")?,
            version: row.get("version")?,
        })
    }
}
