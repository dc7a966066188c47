//! In which chunks of the journal a source or a target has events. A list that is filtered by it reads
//! only these chunks, however many events of others are between. An index over the source would
//! change a page for each event in the webhook's own transaction; a chunk is written once for all its
//! events, some time after them.

use super::database::Tx;
use super::event_places::{self, RUN};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};

/// Events of a chunk. [`RUN`] is a multiple of it.
pub(super) const CHUNK: i64 = 256;
/// Chunks written by one statement.
const PER_STATEMENT: usize = 500;
const CURSOR: &str = "event_chunks";

/// What a run of events says: its sources, and the targets of the incidents that it is part of.
const OF_RUN: &str = "select distinct 'source' as kind, source as name, seq / 256 as chunk \
       from events where seq >= $1 and seq < $2 \
     union select distinct 'target', i.target, d.event_seq / 256 \
       from decisions d join incidents i on i.id = d.incident_id \
       where d.event_seq >= $1 and d.event_seq < $2";

/// The chunks of the incident of a delivery, for the target that it has moved to.
const OF_MOVED: &str = "insert into event_chunks (kind, name, chunk) \
     select distinct 'target', i.target, d.event_seq / 256 from deliveries x \
       join incidents i on i.id = x.incident_id join decisions d on d.incident_id = i.id \
     where x.id = $1 on conflict do nothing";

/// Chunks without any event, in some of them.
const GONE: &str = "delete from event_chunks where chunk >= $1 and chunk < $2 and \
     (select e.seq from events e where e.seq >= event_chunks.chunk * 256 \
        and e.seq < (event_chunks.chunk + 1) * 256 limit 1) is null";

impl Store {
    /// Writes the chunks of the next run of events. Answers whether there may be another one.
    pub async fn write_event_chunks(&self) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let Some(start) = event_places::next_run(&mut tx, CURSOR).await? else {
            return Ok(false);
        };
        let select = Statement::new(OF_RUN).bind(start).bind(start + RUN);
        let chunk = |row: &Row| {
            let (kind, name): (String, String) = (row.get("kind")?, row.get("name")?);
            Ok((kind, name, row.get::<i64>("chunk")?))
        };
        let chunks = select.fetch(&mut tx, chunk).await?;
        drop(tx);
        let mut tx = self.database.begin_write().await?;
        for part in chunks.chunks(PER_STATEMENT) {
            let mut insert = Statement::new("insert into event_chunks (kind, name, chunk) values ");
            let rows = part
                .iter()
                .map(|(kind, name, chunk)| [kind.into(), name.into(), (*chunk).into()]);
            insert.push_rows("", rows);
            insert.push(" on conflict do nothing", []);
            insert.execute(&mut tx).await?;
        }
        event_places::set_written(&mut tx, CURSOR, start + RUN).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The incident of the delivery `id` has another target now.
pub(super) async fn note_moved(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    Statement::new(OF_MOVED).bind(id).execute(tx).await?;
    Ok(())
}

/// Deletes chunks whose events are gone, from the place `after` in the journal to before that of `to`.
pub(super) async fn forget(tx: &mut Tx, after: i64, to: i64) -> Result<(), StoreError> {
    let gone = Statement::new(GONE).bind(after / CHUNK).bind(to / CHUNK);
    gone.execute(tx).await?;
    Ok(())
}

/// Up to where chunks are written: later events are looked at one by one.
pub(super) async fn written_to(tx: &mut Tx) -> Result<i64, StoreError> {
    let select = Statement::new("select position from cursors where name = $1").bind(CURSOR);
    select.fetch_one(tx, |row| row.get("position")).await
}

/// Chunks from `from` to before `to` in which there are events of all of `wanted`, the last first.
pub(super) fn chunks_of<'a>(
    wanted: &[(&'static str, &'a str)],
    (from, to): (i64, i64),
    limit: i64,
) -> Statement<'a> {
    let mut select = Statement::new("select c.chunk from event_chunks c where ");
    for (number, (kind, name)) in wanted.iter().enumerate() {
        let text = match number {
            0 => "c.kind = ? and c.name = ?",
            _ => {
                " and exists (select 1 from event_chunks x \
                   where x.kind = ? and x.name = ? and x.chunk = c.chunk)"
            }
        };
        select.push(text, [(*kind).into(), (*name).into()]);
    }
    let bounds = [from.into(), to.into(), limit.into()];
    select.push(
        " and c.chunk >= ? and c.chunk < ? order by c.chunk desc limit ?",
        bounds,
    );
    select
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Filter, PageRequest};

    /// The events of one filter, page by page.
    async fn ids(store: &Store, filter: &Filter) -> Vec<i64> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit: 50 };
            let found = store.events(filter, &page).await.unwrap();
            ids.extend(found.items.iter().map(|one| one.id.0));
            after = found.next;
            if after.is_none() {
                return ids;
            }
        }
    }

    async fn run(store: &Store, text: &'static str) {
        let mut tx = store.database.begin_write().await.unwrap();
        Statement::new(text).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// 40,000 decided events. Those of `old` have an incident in the target `crm`.
    async fn filled() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("ringdown.db").display());
        let store = Store::open(&url).await.unwrap();
        for text in [
            "insert into events (seq, source, event_id, received_at, body) \
             with recursive n(n) as (select 1 union all select n + 1 from n where n < 40000) \
             select n, case when n <= 300 or n in (20000, 20001, 39990) then 'old' else 'new' end, \
               'evt-' || n, n, '{}' from n",
            "insert into incidents (id, rule, key, source, state, severity, target, opened_at, \
               occurrences, suppressed, life, context) \
             values ('i', 'r', 'k', 'old', 'closed', 'high', 'crm', 1, 1, 0, '{}', '{}')",
            "insert into decisions (event_seq, rule, outcome, incident_id, decided_at) \
             select seq, 'r', 'opened', 'i', 1 from events where source = 'old'",
            "update cursors set position = 40000 where name = 'decide'",
        ] {
            run(&store, text).await;
        }
        (folder, store)
    }

    fn of(change: impl Fn(&mut Filter)) -> Filter {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    }

    #[tokio::test]
    async fn events_of_a_source_or_a_target_are_the_same_before_and_after_their_chunks_are_written()
    {
        let (_folder, store) = filled().await;
        let mut all: Vec<i64> = (1..=300).chain([20_000, 20_001, 39_990]).collect();
        all.reverse();
        for written in [false, true] {
            while written && store.write_event_chunks().await.unwrap() {}
            for filter in [
                of(|filter| filter.source = Some("old".to_owned())),
                of(|filter| filter.target = Some("crm".to_owned())),
                of(|filter| {
                    filter.source = Some("old".to_owned());
                    filter.target = Some("crm".to_owned());
                    filter.rule = Some("r".to_owned());
                    filter.states = vec!["decided".to_owned()];
                }),
            ] {
                assert_eq!(ids(&store, &filter).await, all, "{written} {filter:?}");
                let since = Filter {
                    since: Some(crate::domain::time::Timestamp::from_millis(290)),
                    until: Some(crate::domain::time::Timestamp::from_millis(20_001)),
                    ..filter
                };
                let between: Vec<i64> = [20_000].into_iter().chain((290..=300).rev()).collect();
                assert_eq!(ids(&store, &since).await, between, "{written} {since:?}");
            }
            let new = of(|filter| filter.source = Some("new".to_owned()));
            assert_eq!(ids(&store, &new).await.len(), 40_000 - all.len());
            let none = of(|filter| filter.source = Some("none".to_owned()));
            assert!(ids(&store, &none).await.is_empty());
        }
    }

    #[tokio::test]
    async fn a_list_of_what_is_old_reads_only_its_chunks() {
        let (_folder, store) = filled().await;
        while store.write_event_chunks().await.unwrap() {}
        let mut tx = store.database.begin_read().await.unwrap();
        let chunks = chunks_of(&[("source", "old"), ("target", "crm")], (0, 1_000), 64);
        let plan = chunks.plan(&mut tx).await;
        assert!(plan.contains("SEARCH c USING"), "{plan}");
        assert!(
            plan.contains("kind=? AND name=? AND chunk>? AND chunk<?"),
            "{plan}"
        );
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
        let chunks = chunks_of(&[("source", "old")], (0, 1_000), 64);
        let chunks = chunks.fetch(&mut tx, |row| row.get::<i64>("chunk"));
        assert_eq!(
            chunks.await.unwrap(),
            [78, 1, 0],
            "39990 is in no full run yet"
        );
        assert_eq!(written_to(&mut tx).await.unwrap(), 2 * RUN);
    }

    #[tokio::test]
    async fn chunks_go_with_their_events_and_follow_an_incident_that_moves() {
        let (_folder, store) = filled().await;
        while store.write_event_chunks().await.unwrap() {}
        run(
            &store,
            "update incidents set target = 'other' where id = 'i'",
        )
        .await;
        run(
            &store,
            "insert into deliveries (id, incident_id, target, operation, state, payload, event_id, \
               received_at, next_attempt_at, created_at) \
             values (7, 'i', 'crm', 'create', 'discarded', '{}', 'evt-1', 1, 1, 1)",
        )
        .await;
        let moved = of(|filter| filter.target = Some("other".to_owned()));
        assert_eq!(
            ids(&store, &moved).await,
            [39_990],
            "of what is not written yet"
        );
        let mut tx = store.database.begin_write().await.unwrap();
        note_moved(&mut tx, 7).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ids(&store, &moved).await.len(), 303);

        run(&store, "delete from events where seq < 20000").await;
        let mut tx = store.database.begin_write().await.unwrap();
        forget(&mut tx, 0, 30_000).await.unwrap();
        let count = Statement::new("select min(chunk) as first from event_chunks");
        let first = count.fetch_one(&mut tx, |row| row.get::<i64>("first"));
        assert_eq!(first.await.unwrap(), 20_000 / CHUNK);
    }
}
