//! Where events are, by the ids that their senders gave them. An index over these ids would change
//! a random page for each event, in the webhook's own transaction. So the places are written later,
//! a run of events at a time, each run behind the one before; a search looks into every run.

use sha2::{Digest as _, Sha256};

use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};

/// Events of a run: few enough that its transaction is short.
pub(super) const RUN: i64 = 16_384;
/// Places written by one statement.
const PER_STATEMENT: usize = 1_000;

const CURSOR: &str = "event_places";

/// The next run of decided events after a cursor; no row when it is not full yet.
const NEXT_RUN: &str = "select c.start / $1 * $1 as start from ( \
       select case when p.position > coalesce(e.first, 0) then p.position else coalesce(e.first, 0) end as start \
       from cursors p, (select min(seq) as first from events) e where p.name = $2) c \
     where (c.start / $1 + 1) * $1 <= (select position from cursors where name = 'decide')";

const WRITTEN: &str = "update cursors set position = $1 where name = $2 and position < $1";

/// The places of events with one hash, in a condition over `e.seq`: those of the runs, and the
/// newer events, which are in no run yet.
pub(super) const PLACES: &str = "in ( \
     with recursive runs(run) as ( \
       select (select min(run) from event_places) \
       union all select run + 1 from runs where run < (select max(run) from event_places)) \
     select p.seq from runs cross join event_places p where p.run = runs.run and p.hash = ? \
     union all select t.seq from events t \
       where t.seq >= (select position from cursors where name = 'event_places') and t.event_id = ?)";

/// By what an event id is found.
pub(super) fn hash_of(event_id: &str) -> i64 {
    let hash = Sha256::digest(event_id.as_bytes());
    let first = hash.first_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(first)
}

impl Store {
    /// Writes the places of the next run of events. Answers whether there may be another one. Of
    /// several replicas one does so at a time.
    pub async fn write_event_places(&self) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let Some(start) = next_run(&mut tx, CURSOR).await? else {
            return Ok(false);
        };
        drop(tx);
        self.write_run_from(start).await?;
        Ok(true)
    }

    /// Writes the places of the run that begins with the event `start`.
    async fn write_run_from(&self, start: i64) -> Result<(), StoreError> {
        let mut tx = self.database.begin_read().await?;
        let events =
            Statement::new("select seq, event_id from events where seq >= $1 and seq < $2");
        let place = |row: &Row| {
            let event_id: String = row.get("event_id")?;
            Ok((hash_of(&event_id), row.get::<i64>("seq")?))
        };
        let events = events.bind(start).bind(start + RUN).fetch(&mut tx, place);
        let mut places: Vec<(i64, i64)> = events.await?;
        drop(tx);
        // In the order of the table: each page is written once.
        places.sort_unstable();
        let mut tx = self.database.begin_write().await?;
        for part in places.chunks(PER_STATEMENT) {
            let mut insert = Statement::new("insert into event_places (run, hash, seq) values ");
            let run = start / RUN;
            let rows = part
                .iter()
                .map(|(hash, seq)| [run.into(), (*hash).into(), (*seq).into()]);
            insert.push_rows("", rows);
            // Another replica may have written the run since its start was read.
            insert.push(" on conflict do nothing", []);
            insert.execute(&mut tx).await?;
        }
        set_written(&mut tx, CURSOR, start + RUN).await?;
        tx.commit().await
    }
}

/// Where the next run after `cursor` begins; `None` when it is not full yet.
pub(super) async fn next_run(tx: &mut Tx, cursor: &'static str) -> Result<Option<i64>, StoreError> {
    let next = Statement::new(NEXT_RUN).bind(RUN).bind(cursor);
    next.fetch_optional(tx, |row| row.get::<i64>("start")).await
}

/// Runs before `to` are written. One that slept through its lease never sets back what others have
/// written since.
pub(super) async fn set_written(
    tx: &mut Tx,
    cursor: &'static str,
    to: i64,
) -> Result<(), StoreError> {
    let written = Statement::new(WRITTEN).bind(to).bind(cursor);
    written.execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_is_found_by_its_senders_id_before_and_after_its_place_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringdown.db");
        let url = format!("sqlite:{}", path.display());
        let store = Store::open(&url).await.unwrap();
        let mut tx = store.database.begin_write().await.unwrap();
        let insert = "insert into events (source, event_id, received_at, body) \
             with recursive n(n) as (select 1 union all select n + 1 from n where n < 40000) \
             select 'genesys', 'evt-' || n, n, '{}' from n";
        Statement::new(insert).execute(&mut tx).await.unwrap();
        let decided = "update cursors set position = 40000 where name = 'decide'";
        Statement::new(decided).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let mut written = 0;
        loop {
            for id in ["evt-1", "evt-16383", "evt-16384", "evt-39999", "evt-40000"] {
                let found = store.find_event(id).await.unwrap();
                let ids: Vec<&str> = found.iter().map(|one| one.event_id.as_str()).collect();
                assert_eq!(ids, [id], "after {written} runs");
            }
            assert!(store.find_event("evt-0").await.unwrap().is_empty());
            if !store.write_event_places().await.unwrap() {
                break;
            }
            written += 1;
        }
        assert_eq!(written, 2, "a run that is not full is not written");
        // A replica that slept through its lease writes a run that another has written.
        store.write_run_from(0).await.unwrap();
        assert!(!store.write_event_places().await.unwrap(), "set back");
        assert_eq!(store.find_event("evt-1").await.unwrap().len(), 1);
    }
}
