//! Retention: finished and old rows are deleted in small steps; unfinished deliveries never are.

use super::database::Tx;
use super::dedup;
use super::event_chunks;
use super::event_places::RUN;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;
use crate::fault_points;

/// Events deleted in one statement.
const EVENTS_PER_STATEMENT: usize = 256;
/// Places of events deleted in one step.
const PLACES_PER_STEP: u32 = 4_096;

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

/// Places of events that are gone, in some runs. A run that retention has passed keeps only the
/// places of events that are still needed, so it costs little to look at it again. A subquery for
/// one value is a look-up in both databases; of `not exists` PostgreSQL may make a join that reads
/// all events.
const OLD_PLACES: &str = "delete from event_places where (run, hash, seq) in ( \
     select p.run, p.hash, p.seq from event_places p \
     where p.run >= $1 and p.run < $2 \
       and (select e.seq from events e where e.seq = p.seq) is null \
     order by p.run limit $3)";

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
    let mut next_after = last.filter(|_| old.len() == looked_at);
    let deletable: Vec<OldEvent> = old.into_iter().filter(|event| !event.is_needed).collect();
    for chunk in deletable.chunks(EVENTS_PER_STATEMENT) {
        delete_events(tx, chunk).await?;
    }
    event_chunks::forget(tx, after, last.unwrap_or(after)).await?;
    let passed = (after / RUN, last.unwrap_or(after) / RUN);
    if forget_places(tx, passed).await? == u64::from(PLACES_PER_STEP) {
        // There may be more of them: the next step goes on here.
        next_after = Some(after);
    }
    Ok(RetentionStep {
        next_after,
        events: deletable.len() as u64,
        incidents: 0,
    })
}

/// Deletes some places in the runs from the first to before the second of `passed`. Answers how many.
async fn forget_places(tx: &mut Tx, passed: (i64, i64)) -> Result<u64, StoreError> {
    let places = Statement::new(OLD_PLACES).bind(passed.0).bind(passed.1);
    places.bind(PLACES_PER_STEP).execute(tx).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_event_that_is_still_needed_keeps_no_place_but_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let url = format!("sqlite:{}", path.display());
        let store = Store::open(&url).await.unwrap();
        let mut tx = store.database.begin_write().await.unwrap();
        for text in [
            "insert into events (source, event_id, received_at, body) \
               with recursive n(n) as (select 1 union all select n + 1 from n where n < 36000) \
               select 'genesys', 'evt-' || n, n, '{}' from n",
            "update cursors set position = 36000 where name = 'decide'",
            "insert into review_items (event_seq, source, event_id, received_at, reason, state) \
               values (5, 'genesys', 'evt-5', 5, 'it is not understood', 'open')",
        ] {
            Statement::new(text).execute(&mut tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        while store.write_event_places().await.unwrap() {}
        assert_eq!(places(&store).await, 2 * RUN - 1, "seq begins with 1");
        // All but the newest 2,000 events are old.
        let cutoff = Timestamp::from_millis(34_001);
        let (mut after, mut before, mut deleted) = (Some(0), places(&store).await, 0);
        while let Some(place) = after {
            let step = store.delete_expired(place, cutoff, 500).await.unwrap();
            let left = places(&store).await;
            assert!(before - left <= 4_096, "a step is short");
            (after, before) = (step.next_after, left);
            deleted += step.events;
        }
        assert_eq!(deleted, 33_999);
        assert_eq!(places(&store).await, 1, "of the event in review");
        let found = store.find_event("evt-5").await.unwrap();
        assert_eq!(found.len(), 1, "it is found by its id");
        assert_eq!(store.find_event("evt-36000").await.unwrap().len(), 1);
    }

    async fn places(store: &Store) -> i64 {
        let mut tx = store.database.begin_read().await.unwrap();
        let count = Statement::new("select count(*) as count from event_places");
        let count = count.fetch_one(&mut tx, |row| row.get("count"));
        count.await.unwrap()
    }
}
