//! Review items: events that wait for a person, and the decision of the person.

use serde_json::json;

use super::audit::{self, ChangedBy, bulk_detail};
use super::database::Tx;
use super::decisions::{DecisionRecord, insert_decisions};
use super::journal::lock_journal;
use super::review_reason::kept_reason;
use super::row::Row;
use super::statement::Statement;
use super::views::{Filter, push_review_filter};
use super::{Store, StoreError};
use crate::domain::decision::SignalOutcome;

const INSERT: &str = "insert into review_items (event_seq, source, event_id, reason, received_at, state) \
     select seq, source, event_id, $1, received_at, 'open' from events where seq = $2 \
     on conflict (event_seq) do nothing";

/// Events appended again in one statement.
const ROWS_PER_INSERT: usize = 500;

/// Puts the event `seq` up for review, in an open transaction.
pub(super) async fn insert_for_event(
    tx: &mut Tx,
    seq: i64,
    reason: &str,
) -> Result<(), StoreError> {
    let reason = kept_reason(reason);
    for text in [INSERT, "update events set review = $1 where seq = $2"] {
        let statement = Statement::new(text).bind(reason).bind(seq);
        statement.execute(tx).await?;
    }
    Ok(())
}

/// The decision of a person about a review item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewDecision {
    /// Try it again with today's rules.
    Reprocess,
    /// It is not wanted.
    Discard,
}

impl ReviewDecision {
    fn state(self) -> &'static str {
        match self {
            Self::Reprocess => "reprocessed",
            Self::Discard => "discarded",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Reprocess => "review.reprocess",
            Self::Discard => "review.discard",
        }
    }
}

/// An item that a person has decided on.
#[derive(Debug, Clone, Copy)]
struct DecidedItem {
    id: i64,
    /// Its event's place in the journal.
    event_seq: i64,
}

impl DecidedItem {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            event_seq: row.get("event_seq")?,
        })
    }
}

impl Store {
    /// Settles the open review item `id`. Reprocessing appends its event to the journal
    /// again, so that it goes the way of every event.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when it is decided already.
    pub async fn decide_review(
        &self,
        id: &str,
        verdict: ReviewDecision,
        by: ChangedBy<'_>,
    ) -> Result<(), StoreError> {
        let not_found = || StoreError::NotFound {
            what: "review item",
            id: id.chars().take(64).collect(),
        };
        let number: i64 = id.parse().map_err(|_| not_found())?;
        let mut tx = self.database.begin_write().await?;
        lock_journal(&mut tx).await?;
        let find = Statement::new("select state, source, event_id from review_items where id = $1");
        let item = find.bind(number).fetch_optional(&mut tx, |row| {
            let state: String = row.get("state")?;
            let detail = json!({
                "source": row.get::<String>("source")?,
                "event_id": row.get::<String>("event_id")?,
            });
            Ok((state, detail))
        });
        let (state, detail) = item.await?.ok_or_else(not_found)?;
        let mut update = decide(verdict, by);
        update.push(
            " where id = ? and state = 'open' returning id, event_seq",
            [number.into()],
        );
        let decided = update.fetch(&mut tx, DecidedItem::read).await?;
        if decided.is_empty() {
            return Err(StoreError::Conflict {
                what: "review item",
                id: id.to_owned(),
                state,
                problem: "only an open one can be settled",
            });
        }
        append_again(&mut tx, verdict, &decided, by).await?;
        let subject = format!("review/{number}");
        audit::record(&mut tx, by, verdict.action(), &subject, &detail).await?;
        tx.commit().await
    }

    /// Settles every open review item of `filter`; answers how many.
    pub async fn decide_reviews(
        &self,
        filter: &Filter,
        verdict: ReviewDecision,
        by: ChangedBy<'_>,
    ) -> Result<u64, StoreError> {
        let open = Filter {
            states: Vec::new(),
            ..filter.clone()
        };
        let mut tx = self.database.begin_write().await?;
        lock_journal(&mut tx).await?;
        let mut update = decide(verdict, by);
        update.push(
            " where state = 'open' and id in (select r.id from review_items r where true",
            [],
        );
        push_review_filter(&mut update, &open);
        update.push(") returning id, event_seq", []);
        let mut decided = update.fetch(&mut tx, DecidedItem::read).await?;
        decided.sort_unstable_by_key(|item| item.id);
        append_again(&mut tx, verdict, &decided, by).await?;
        let ids: Vec<i64> = decided.iter().map(|item| item.id).collect();
        let detail = bulk_detail(&open, &ids);
        audit::record(&mut tx, by, verdict.action(), "review", &detail).await?;
        tx.commit().await?;
        Ok(ids.len() as u64)
    }
}

fn decide(verdict: ReviewDecision, by: ChangedBy<'_>) -> Statement<'static> {
    Statement::new("update review_items set state = $1, settled_at = $2")
        .bind(verdict.state())
        .bind(by.at)
}

/// On SQLite this gives the places itself, after the last one that may still matter, as the
/// journal does: the newest event may have been forgotten, but never before it was decided on.
const APPEND_AGAIN: Statement<'static> = Statement::either(
    "insert into events (seq, source, event_id, received_at, body) \
     select (select max(coalesce((select max(seq) from events), 0), \
        (select position from cursors where name = 'decide'))) \
        + row_number() over (order by seq), source, event_id, $1, body from events where seq in ",
    "insert into events (source, event_id, received_at, body) \
     select source, event_id, $1, body from events where seq in ",
);

/// The events, and the rules that have decided on each.
const DECIDED: &str = "select e.seq, d.rule from events e \
     left join decisions d on d.event_seq = e.seq where e.seq in ";

/// Appends the items' events to the journal again, in their order, when they are to
/// be reprocessed. A rule that has decided on an event has done so on its repetition too: it must
/// not count the event twice. The caller holds the journal's lock.
async fn append_again(
    tx: &mut Tx,
    verdict: ReviewDecision,
    items: &[DecidedItem],
    by: ChangedBy<'_>,
) -> Result<(), StoreError> {
    if verdict != ReviewDecision::Reprocess {
        return Ok(());
    }
    for chunk in items.chunks(ROWS_PER_INSERT) {
        let places = || chunk.iter().map(|item| item.event_seq);
        let mut decided = Statement::new(DECIDED);
        decided.push_list("", places()).push(" order by e.seq", []);
        let decided = decided.fetch(tx, |row| Ok((row.get("seq")?, row.get_optional("rule")?)));
        let decided: Vec<(i64, Option<String>)> = decided.await?;
        let mut insert = APPEND_AGAIN.bind(by.at);
        insert
            .push_list("", places())
            .push(" order by seq returning seq", []);
        let mut appended: Vec<i64> = insert.fetch(tx, |row| row.get("seq")).await?;
        appended.sort_unstable();
        let decisions = decisions_before(&decided, &appended);
        insert_decisions(tx, &decisions, by.at).await?;
    }
    Ok(())
}

/// The decisions on events as those on their repetitions, which have the places `appended`. Both are in
/// the order of the journal.
fn decisions_before(decided: &[(i64, Option<String>)], appended: &[i64]) -> Vec<DecisionRecord> {
    let of_one_event = decided.chunk_by(|(one, _), (other, _)| one == other);
    let repeated = of_one_event.zip(appended);
    let decisions = repeated.flat_map(|(rules, seq)| {
        let rules = rules.iter().filter_map(|(_, rule)| rule.clone());
        rules.map(|rule| DecisionRecord {
            event_seq: *seq,
            rule,
            outcome: SignalOutcome::DecidedBefore.as_str(),
            incident_id: None,
            detail: None,
        })
    });
    decisions.collect()
}
