//! What is kept of targets that cannot be reached: one row for each that ever was.
//!
//! Any replica may keep a new state, on top of the version it has seen. A row is never right
//! for long by itself: whoever reads that a target is away looks for itself
//! (`domain::failover::word_on`).

use super::database::{Tx, on};
use super::{Deciding, Store, StoreError};
use crate::domain::failover::Away;
use crate::domain::gate::GateState;
use crate::domain::time::Timestamp;

/// What is kept of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target.
    pub target: String,
    /// Whether it is away.
    pub away: Option<Away>,
    /// Since when it is away, or up.
    pub since: Timestamp,
    /// Who kept it.
    pub replica: String,
    /// Grows with every change.
    pub version: i64,
}

const COLUMNS: &str = "select target, state, since, reason, replica, version from target_health";

type Row = (String, String, i64, String, String, i64);

impl Store {
    /// What is kept of `target`; `None` when it was never away.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or the row is damaged.
    pub async fn target_health(&self, target: &str) -> Result<Option<TargetHealth>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows = read(&mut tx).await?;
        Ok(rows.into_iter().find(|row| row.target == target))
    }

    /// What is kept of all targets.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn targets_health(&self) -> Result<Vec<TargetHealth>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        read(&mut tx).await
    }

    /// Keeps `health`, whose version is one more than that of what is kept now (0: nothing).
    /// Answers whether it was kept; otherwise somebody else was faster.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn keep_target_health(&self, health: &TargetHealth) -> Result<bool, StoreError> {
        let state = health
            .away
            .as_ref()
            .map_or(GateState::Up, |away| away.state);
        let reason = health.away.as_ref().map_or("", |away| &away.reason);
        let mut tx = self.database.begin_write().await?;
        let kept = on!(&mut tx, connection => {
            sqlx::query(
                "insert into target_health (target, state, since, reason, replica, version) \
                 values ($1, $2, $3, $4, $5, $6) \
                 on conflict (target) do update set state = excluded.state, \
                  since = excluded.since, reason = excluded.reason, replica = excluded.replica, \
                  version = excluded.version \
                 where target_health.version = excluded.version - 1",
            )
            .bind(&health.target)
            .bind(state.as_str())
            .bind(health.since.as_millis())
            .bind(reason)
            .bind(&health.replica)
            .bind(health.version)
            .execute(connection)
            .await?
            .rows_affected()
        });
        tx.commit().await?;
        Ok(kept == 1)
    }
}

impl Deciding {
    /// What is kept of all targets.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn targets_health(&mut self) -> Result<Vec<TargetHealth>, StoreError> {
        read(&mut self.tx).await
    }
}

async fn read(tx: &mut Tx) -> Result<Vec<TargetHealth>, StoreError> {
    let rows: Vec<Row> = on!(tx, connection => {
        sqlx::query_as(COLUMNS).fetch_all(connection).await?
    });
    rows.into_iter().map(health).collect()
}

fn health(
    (target, state, since, reason, replica, version): Row,
) -> Result<TargetHealth, StoreError> {
    let since = Timestamp::from_millis(since);
    let away = |state| Away {
        state,
        since,
        reason,
    };
    let away = match state.as_str() {
        "up" => None,
        "held" => Some(away(GateState::Held)),
        "circuit_open" => Some(away(GateState::CircuitOpen)),
        other => {
            return Err(StoreError::Damaged {
                table: "target_health",
                row: target,
                problem: format!("unknown state {other:?}"),
            });
        }
    };
    Ok(TargetHealth {
        target,
        away,
        since,
        replica,
        version,
    })
}
