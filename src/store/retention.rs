//! Retention: finished and old rows are deleted in small steps; unfinished deliveries never are.

use super::database::Tx;
use super::dedup;
use super::event_places::RUN;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;
use crate::fault_points;

/// Events deleted in one statement.
const EVENTS_PER_STATEMENT: usize = 256;

/// The result of one step of retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionStep {
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
            then 1 else 0 end as bigint) as is_needed \
     from events e where e.seq > $1 \
       and e.seq <= (select position from cursors where name = 'decide') \
     order by e.seq limit $2";

/// Closed incidents whose deliveries are all settled for good.
const OLD_INCIDENTS: &str = "select i.id from incidents i \
     where i.state = 'closed' and i.opened_at < $1 and i.closed_at < $1 \
       and not exists (select 1 from deliveries d where d.incident_id = i.id \
            and d.state in ('waiting', 'sending', 'dead')) \
     order by i.opened_at limit $2";

/// Places of runs before the oldest event.
const OLD_PLACES: &str = "delete from event_places \
     where run < (select coalesce(min(seq), 0) from events) / $1";

struct OldEvent {
    seq: i64,
    received_at: Timestamp,
    /// It is not deleted at any age.
    is_needed: bool,
}

impl OldEvent {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.get("seq")?,
            received_at: row.get("received_at")?,
            is_needed: row.get::<i64>("is_needed")? != 0,
        })
    }
}

impl Store {
    /// Deletes finished rows that are older than `cutoff`: looks at up to `limit` events after the
    /// place `after` in the journal, and at up to `limit` incidents.
    pub async fn delete_expired(
        &self,
        after: i64,
        cutoff: Timestamp,
        limit: u32,
    ) -> Result<RetentionStep, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let incidents = forget_incidents(&mut tx, cutoff, limit).await?;
        let mut forgotten = forget_events(&mut tx, after, cutoff, limit).await?;
        forgotten.incidents = incidents;
        for text in [
            "delete from burst_locks where locked_until < $1",
            "delete from silenced_incidents where silence_id in \
              (select id from silences where ends_at < $1)",
            "delete from silences where ends_at < $1",
            "delete from target_conditions where until < $1",
            "delete from match_counts where heard_at < $1",
            "delete from incident_requests where settled_at < $1",
            "delete from target_pauses where until < $1",
            "delete from activity_hours where hour < $1 / 3600000",
        ] {
            Statement::new(text).bind(cutoff).execute(&mut tx).await?;
        }
        Statement::new(OLD_PLACES)
            .bind(RUN)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        fault_points::reach("retention-step");
        self.database.give_back_pages().await?;
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
    let old = Statement::new(OLD_INCIDENTS).bind(cutoff).bind(limit);
    let old = old.fetch(tx, |row| row.get::<String>("id")).await?;
    for id in &old {
        for text in [
            "delete from deliveries where incident_id = $1",
            "delete from incident_history where incident_id = $1",
            "delete from incidents where id = $1",
        ] {
            Statement::new(text).bind(id).execute(tx).await?;
        }
    }
    Ok(old.len() as u64)
}

async fn forget_events(
    tx: &mut Tx,
    after: i64,
    cutoff: Timestamp,
    limit: u32,
) -> Result<RetentionStep, StoreError> {
    let events = Statement::new(OLD_EVENTS).bind(after).bind(limit);
    let events = events.fetch(tx, OldEvent::read).await?;
    let looked_at = events.len();
    let last = events.last().map(|event| event.seq);
    let old: Vec<OldEvent> = events
        .into_iter()
        .take_while(|event| event.received_at < cutoff)
        .collect();
    let next_after = last.filter(|_| old.len() == looked_at);
    let deletable: Vec<OldEvent> = old.into_iter().filter(|event| !event.is_needed).collect();
    for chunk in deletable.chunks(EVENTS_PER_STATEMENT) {
        delete_events(tx, chunk).await?;
    }
    Ok(RetentionStep {
        next_after,
        events: deletable.len() as u64,
        incidents: 0,
    })
}

async fn delete_events(tx: &mut Tx, events: &[OldEvent]) -> Result<(), StoreError> {
    for text in [
        "delete from decisions where event_seq in ",
        "delete from review_items where event_seq in ",
        "delete from events where seq in ",
    ] {
        let mut delete = Statement::new(text);
        delete.push_list("", events.iter().map(|event| event.seq));
        delete.execute(tx).await?;
    }
    Ok(())
}
