//! Retention: what is settled and old is deleted, in small steps; what is owed never is.

use sqlx::QueryBuilder;

use super::database::{Database, Tx, on};
use super::dedup;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;
use crate::fault_points;

/// Pages given back to the file system after one step.
const VACUUM_PAGES: &str = "pragma incremental_vacuum(256)";

/// What one step of retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Where the next step goes on; `None` when everything old has been looked at.
    pub next_after: Option<i64>,
    /// Events deleted.
    pub events: u64,
    /// Incidents deleted, with their deliveries and history.
    pub incidents: u64,
}

/// Old events after a place in the journal. One that waits for a person, or belongs to an
/// incident that is still kept, stays.
const OLD_EVENTS: &str = "select e.seq, e.received_at, \
       cast(case when exists (select 1 from review_items r where r.event_seq = e.seq and r.state = 'open') \
              or exists (select 1 from decisions d join incidents i on i.id = d.incident_id \
                   where d.event_seq = e.seq) \
            then 1 else 0 end as bigint) \
     from events e where e.seq > $1 \
       and e.seq <= (select position from cursors where name = 'decide') \
     order by e.seq limit $2";

/// Closed incidents whose deliveries are all settled for good.
const OLD_INCIDENTS: &str = "select i.id from incidents i \
     where i.state = 'closed' and i.opened_at < $1 and i.closed_at < $1 \
       and not exists (select 1 from deliveries d where d.incident_id = i.id \
            and d.state in ('waiting', 'sending', 'dead')) \
     order by i.opened_at limit $2";

type EventRow = (i64, i64, i64);

impl Store {
    /// Deletes what is settled and older than `cutoff`: looks at up to `limit` events after
    /// the place `after` in the journal, and at up to `limit` incidents.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written; then nothing was deleted.
    pub async fn forget(
        &self,
        after: i64,
        cutoff: Timestamp,
        limit: u32,
    ) -> Result<Forgotten, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let incidents = forget_incidents(&mut tx, cutoff, limit).await?;
        let mut forgotten = forget_events(&mut tx, after, cutoff, limit).await?;
        forgotten.incidents = incidents;
        on!(&mut tx, connection => {
            sqlx::query("delete from burst_locks where locked_until < $1")
                .bind(cutoff.as_millis())
                .execute(connection)
                .await?;
        });
        on!(&mut tx, connection => {
            sqlx::query("delete from silences where ends_at < $1")
                .bind(cutoff.as_millis())
                .execute(connection)
                .await?;
        });
        tx.commit().await?;
        fault_points::reach("retention-step");
        if let Database::Sqlite { writer, .. } = &self.database {
            sqlx::query(VACUUM_PAGES).execute(writer).await?;
        }
        Ok(forgotten)
    }
}

impl Store {
    /// Deletes up to `limit` keys of duplicate detection that are older than its window; answers
    /// how many. SQLite deletes its own when it writes a new run.
    pub async fn delete_expired_keys(&self, limit: u32) -> Result<u64, StoreError> {
        dedup::delete_expired_keys(&self.database, limit).await
    }
}

async fn forget_incidents(tx: &mut Tx, cutoff: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let old: Vec<(String,)> = on!(tx, connection => {
        sqlx::query_as(OLD_INCIDENTS)
            .bind(cutoff.as_millis())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
    });
    for (id,) in &old {
        for statement in [
            "delete from deliveries where incident_id = $1",
            "delete from incident_history where incident_id = $1",
            "delete from incidents where id = $1",
        ] {
            on!(tx, connection => {
                sqlx::query(statement).bind(id).execute(connection).await?;
            });
        }
    }
    Ok(old.len() as u64)
}

async fn forget_events(
    tx: &mut Tx,
    after: i64,
    cutoff: Timestamp,
    limit: u32,
) -> Result<Forgotten, StoreError> {
    let rows: Vec<EventRow> = on!(tx, connection => {
        sqlx::query_as(OLD_EVENTS)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
    });
    let old: Vec<&EventRow> = rows
        .iter()
        .take_while(|row| row.1 < cutoff.as_millis())
        .collect();
    let next_after = (old.len() == rows.len())
        .then(|| rows.last().map(|row| row.0))
        .flatten();
    let deletable: Vec<&EventRow> = old.into_iter().filter(|row| row.2 == 0).collect();
    for chunk in deletable.chunks(256) {
        delete_events(tx, chunk).await?;
    }
    Ok(Forgotten {
        next_after,
        events: deletable.len() as u64,
        incidents: 0,
    })
}

async fn delete_events(tx: &mut Tx, rows: &[&EventRow]) -> Result<(), StoreError> {
    for (table, column) in [
        ("decisions", "event_seq"),
        ("review_items", "event_seq"),
        ("events", "seq"),
    ] {
        on!(tx, connection => {
            let mut query = QueryBuilder::new(format!("delete from {table} where {column} in ("));
            let mut list = query.separated(", ");
            for row in rows {
                list.push_bind(row.0);
            }
            query.push(")");
            query.build().execute(connection).await?;
        });
    }
    Ok(())
}
