//! The window of duplicate detection in PostgreSQL, where a unique index recognises repetitions.

use super::expiry::WINDOW;
use crate::store::StoreError;
use crate::store::database::{Database, Tx, answered};

/// Time is that of the server: replicas whose clocks differ, or are wrong, agree on it.
const DELETE_EXPIRED: &str = "delete from event_keys where ctid = any(array( \
     select ctid from event_keys where added_at < now() - make_interval(secs => $1) limit $2))";

/// Deletes up to `limit` keys that are older than the window; answers how many.
pub(in crate::store) async fn delete_expired_keys(
    database: &Database,
    limit: u32,
) -> Result<u64, StoreError> {
    if let Database::Sqlite { .. } = database {
        return Ok(0);
    }
    let mut tx = database.begin_write().await?;
    let mut deleted = 0;
    if let Tx::Postgres(connection) = &mut tx {
        let deleting = sqlx::query(DELETE_EXPIRED)
            .bind(WINDOW.as_secs_f64())
            .bind(i64::from(limit))
            .execute(&mut **connection);
        deleted = answered(async { Ok(deleting.await?) })
            .await?
            .rows_affected();
    }
    tx.commit().await?;
    Ok(deleted)
}
