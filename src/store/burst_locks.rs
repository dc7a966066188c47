//! Burst locks: no new ticket for a key until a time. A row also remembers when the key's
//! trouble began lately, beyond the life of its incident.

use super::StoreError;
use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use crate::domain::decision::BurstLock;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::BreachStarts;
use crate::domain::incident::Incident;

const UPSERT_LOCK: &str = "insert into burst_locks \
     (lock_key, rule, key, incident_id, taken_at, locked_until) values ($1, $2, $3, $4, $5, $6) \
     on conflict (lock_key) do update set incident_id = excluded.incident_id, \
      taken_at = excluded.taken_at, locked_until = excluded.locked_until";

const UPSERT_ONSETS: &str = "insert into burst_locks \
     (lock_key, rule, key, incident_id, taken_at, locked_until, onsets) \
     values ($1, $2, $3, $4, $5, $5, $6) \
     on conflict (lock_key) do update set onsets = excluded.onsets, \
      taken_at = case when burst_locks.locked_until < excluded.locked_until \
        then excluded.taken_at else burst_locks.taken_at end, \
      locked_until = case when burst_locks.locked_until < excluded.locked_until \
        then excluded.locked_until else burst_locks.locked_until end";

/// A key's lock as its row has it.
pub(super) struct LockRow {
    pub(super) key: IncidentKey,
    pub(super) lock: BurstLock,
    pub(super) breach_starts: BreachStarts,
}

impl LockRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: IncidentKey::new(row.get::<String>("rule")?, row.get::<String>("key")?),
            lock: BurstLock {
                taken_at: row.get("taken_at")?,
                until: row.get("locked_until")?,
            },
            // Damaged, it is as if nothing had been remembered.
            breach_starts: serde_json::from_str(&row.get::<String>("onsets")?).unwrap_or_default(),
        })
    }
}

/// The locks of `keys`, those included that have ended.
pub(super) async fn locks_of(
    tx: &mut Tx,
    keys: &[IncidentKey],
) -> Result<Vec<LockRow>, StoreError> {
    let mut select = Statement::new(
        "select rule, key, taken_at, locked_until, onsets from burst_locks where lock_key in ",
    );
    select.push_list("", keys.iter().map(IncidentKey::encode));
    select.fetch(tx, LockRow::read).await
}

pub(super) async fn write_lock(
    tx: &mut Tx,
    key: &IncidentKey,
    incident_id: &IncidentId,
    lock: &BurstLock,
) -> Result<(), StoreError> {
    Statement::new(UPSERT_LOCK)
        .bind(key.encode())
        .bind(&*key.rule)
        .bind(&*key.key)
        .bind(incident_id)
        .bind(lock.taken_at)
        .bind(lock.until)
        .execute(tx)
        .await?;
    Ok(())
}

/// Keeps when the key's trouble began, lately, beyond the life of `incident`, which is closed.
/// A lock that has ended is written as one of no length, so that retention deletes it in time.
pub(super) async fn write_breach_starts(
    tx: &mut Tx,
    incident: &Incident,
) -> Result<(), StoreError> {
    if incident.breach_starts.is_empty() && incident.flapping.is_none() {
        return Ok(());
    }
    Statement::new(UPSERT_ONSETS)
        .bind(incident.incident_key().encode())
        .bind(&*incident.rule)
        .bind(&*incident.key)
        .bind(&incident.id)
        .bind(incident.closed_at.unwrap_or(incident.last_breach_at))
        // A list of numbers always serialises.
        .bind(serde_json::to_string(&incident.breach_starts).unwrap_or_default())
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends the key's burst lock, if this incident's ticket took it.
pub(super) async fn end_lock(tx: &mut Tx, incident: &Incident) -> Result<(), StoreError> {
    Statement::new(
        "update burst_locks set locked_until = taken_at \
         where lock_key = $1 and incident_id = $2",
    )
    .bind(incident.incident_key().encode())
    .bind(&incident.id)
    .execute(tx)
    .await?;
    Ok(())
}
