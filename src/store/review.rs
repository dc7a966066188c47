//! Review items: events that wait for a person, and what the person decides.

use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::{self, By, bulk_detail};
use super::database::{Tx, on, on_text};
use super::journal::{LAST_PLACE, lock_journal};
use super::review_limit::kept_reason;
use super::views::{Filter, Select, push_review_filter};
use super::{Store, StoreError};

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
    on!(tx, connection => {
        sqlx::query(INSERT)
            .bind(reason)
            .bind(seq)
            .execute(&mut *connection)
            .await?;
        sqlx::query("update events set review = $1 where seq = $2")
            .bind(reason)
            .bind(seq)
            .execute(connection)
            .await?;
    });
    Ok(())
}

/// What a person decided about a review item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewVerdict {
    /// Try it again with today's rules.
    Reprocess,
    /// It is not wanted.
    Discard,
}

impl ReviewVerdict {
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

/// An item that was settled: its id and its event's place in the journal.
type Settled = (i64, i64);

impl Store {
    /// Settles the open review item `id`. Reprocessing appends its event to the journal
    /// again, so that it goes the way of every event.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], or [`StoreError::NotPossible`] when it is settled already.
    pub async fn settle_review(
        &self,
        id: &str,
        verdict: ReviewVerdict,
        by: By<'_>,
    ) -> Result<(), StoreError> {
        let not_found = || StoreError::NotFound {
            what: "review item",
            id: id.chars().take(64).collect(),
        };
        let number: i64 = id.parse().map_err(|_| not_found())?;
        let mut tx = self.database.begin_write().await?;
        lock_journal(&mut tx).await?;
        let mut find = Select::new("select state, source, event_id from review_items");
        find.push(" where id = ?", [number.into()]);
        let row: Option<(String, String, String)> = find.fetch_optional(&mut tx).await?;
        let (state, source, event_id) = row.ok_or_else(not_found)?;
        let mut update = settle(verdict, by);
        update.push(
            " where id = ? and state = 'open' returning id, event_seq",
            [number.into()],
        );
        let settled: Vec<Settled> = update.fetch(&mut tx).await?;
        if settled.is_empty() {
            return Err(StoreError::NotPossible {
                what: "review item",
                id: id.to_owned(),
                state,
                problem: "only an open one can be settled",
            });
        }
        append_again(&mut tx, verdict, &settled, by).await?;
        let detail = json!({ "source": source, "event_id": event_id });
        let subject = format!("review/{number}");
        audit::note(&mut tx, by, verdict.action(), &subject, &detail).await?;
        tx.commit().await
    }

    /// Settles every open review item of `filter`; answers how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written; then nothing was changed.
    pub async fn settle_reviews(
        &self,
        filter: &Filter,
        verdict: ReviewVerdict,
        by: By<'_>,
    ) -> Result<u64, StoreError> {
        let open = Filter {
            state: None,
            ..filter.clone()
        };
        let mut tx = self.database.begin_write().await?;
        lock_journal(&mut tx).await?;
        let mut update = settle(verdict, by);
        update.push(
            " where state = 'open' and id in (select r.id from review_items r where true",
            [],
        );
        push_review_filter(&mut update, &open);
        update.push(") returning id, event_seq", []);
        let mut settled: Vec<Settled> = update.fetch(&mut tx).await?;
        settled.sort_unstable();
        append_again(&mut tx, verdict, &settled, by).await?;
        let ids: Vec<i64> = settled.iter().map(|(id, _)| *id).collect();
        let detail = bulk_detail(&open, &ids);
        audit::note(&mut tx, by, verdict.action(), "review", &detail).await?;
        tx.commit().await?;
        Ok(ids.len() as u64)
    }
}

fn settle(verdict: ReviewVerdict, by: By<'_>) -> Select {
    let mut update = Select::new("update review_items set ");
    update.push(
        "state = ?, settled_at = ?",
        [verdict.state().into(), by.at.into()],
    );
    update
}

/// Appends the settled items' events to the journal again, in their order, when they are to
/// be reprocessed. The caller holds the journal's lock.
async fn append_again(
    tx: &mut Tx,
    verdict: ReviewVerdict,
    settled: &[Settled],
    by: By<'_>,
) -> Result<(), StoreError> {
    if verdict != ReviewVerdict::Reprocess {
        return Ok(());
    }
    let insert = on_text!(
        &*tx,
        format!(
            "insert into events (seq, source, event_id, received_at, body) \
             select ({LAST_PLACE}) + row_number() over (order by seq), source, event_id, "
        ),
        "insert into events (source, event_id, received_at, body) select source, event_id, "
            .to_owned()
    );
    for chunk in settled.chunks(ROWS_PER_INSERT) {
        on!(tx, connection => {
            let mut query = QueryBuilder::new(&insert);
            query.push_bind(by.at.as_millis());
            query.push(", body from events where seq in (");
            let mut list = query.separated(", ");
            for (_, event_seq) in chunk {
                list.push_bind(*event_seq);
            }
            query.push(") order by seq");
            query.build().execute(connection).await?;
        });
    }
    Ok(())
}
