//! Creates that a person discards although their tickets may exist: they are looked up first, so that a
//! ticket which is there is not forgotten.

use serde_json::json;

use super::audit::{self, ChangedBy};
use super::database::Tx;
use super::dead_letters::{Change, IDS_PER_STATEMENT, record_in_histories};
use super::outages::ChangedDelivery;
use super::row::Row;
use super::statement::Statement;
use super::views::{Filter, push_delivery_filter};
use super::{Store, StoreError};
use crate::domain::doubt::{AfterLookUp, ENDS_WITHIN};
use crate::domain::time::Timestamp;

/// Whether the ticket of a create may exist, and nobody has looked since its last request has ended. Of a
/// target that is not configured nobody can look.
macro_rules! looked_up_first {
    () => {
        "(operation = 'create' and (in_doubt <> 0 or unknown_at is not null) \
          and coalesce(last_error, '') not like '%\"code\":\"NOT_CONFIGURED\"%')"
    };
}

pub(super) use looked_up_first;

/// Narrows to what no request can bring to effect any more.
pub(super) fn push_all_ended(update: &mut Statement<'_>, by: ChangedBy<'_>) {
    update.push(
        " and (operation <> 'create' or coalesce(unknown_at, 0) <= ?)",
        [by.at.minus(ENDS_WITHIN).into()],
    );
}

/// What came of discarding many dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiscardedDeadLetters {
    /// Those that went with a create included.
    pub discarded: u64,
    /// Creates that are looked up first.
    pub looked_up: u64,
    /// Creates that a lost request may still bring to effect …
    pub left_out: u64,
    /// … until then at the latest.
    pub until: Option<Timestamp>,
}

impl Store {
    /// Gives every dead letter of `filter` up for good, save the creates that may still make a ticket.
    pub async fn discard_dead_letters(
        &self,
        filter: &Filter,
        by: ChangedBy<'_>,
    ) -> Result<DiscardedDeadLetters, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let looked_up = look_up_first(&mut tx, Which::All(filter), by).await?;
        let mut left_out = Statement::new(
            "select count(*) as count, max(d.unknown_at) as unknown_at from deliveries d \
             where d.state = 'dead' and d.operation = 'create' and d.unknown_at > ",
        );
        left_out.push("?", [by.at.minus(ENDS_WITHIN).into()]);
        push_delivery_filter(&mut left_out, filter);
        let read = |row: &Row| {
            let unknown_at: Option<Timestamp> = row.get_optional("unknown_at")?;
            Ok((row.get("count")?, unknown_at.map(|at| at.plus(ENDS_WITHIN))))
        };
        let (left_out, until) = left_out.fetch_one(&mut tx, read).await?;
        tx.commit().await?;
        let discarded = self.change_many(filter, Change::Discard, by).await?;
        Ok(DiscardedDeadLetters {
            discarded: discarded.len() as u64,
            looked_up: looked_up.len() as u64,
            left_out,
            until,
        })
    }
}

#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    One(i64),
    All(&'a Filter),
}

/// A discarded create whose ticket may exist is looked up first. If the ticket is there, the incident has
/// it. If not, the worker discards the create and all that goes with it.
pub(super) async fn look_up_first(
    tx: &mut Tx,
    which: Which<'_>,
    by: ChangedBy<'_>,
) -> Result<Vec<ChangedDelivery>, StoreError> {
    let mut update = Statement::new(
        "update deliveries set state = 'waiting', behind = 0, settled_at = null, attempts = 0, in_doubt = 1, \
          after_look_up = $1, next_attempt_at = $2 where state = 'dead' and ",
    )
    .bind(AfterLookUp::Discard.as_str())
    .bind(by.at);
    update.push(looked_up_first!(), []);
    push_all_ended(&mut update, by);
    match which {
        Which::One(id) => {
            update.push(" and id = ?", [id.into()]);
        }
        Which::All(filter) => {
            update.push(
                " and id in (select d.id from deliveries d where d.state = 'dead'",
                [],
            );
            push_delivery_filter(&mut update, filter);
            update.push(")", []);
        }
    }
    update.push(" returning id, incident_id, operation", []);
    let changed = update.fetch(tx, ChangedDelivery::read).await?;
    for chunk in changed.chunks(IDS_PER_STATEMENT) {
        record_in_histories(tx, Change::Discard, chunk, by).await?;
    }
    if !changed.is_empty() {
        let ids: Vec<String> = changed.iter().map(|one| one.id.to_string()).collect();
        let detail = json!({ "looked_up_first": ids });
        audit::record(tx, by, Change::Discard.action(), "dead-letters", &detail).await?;
    }
    Ok(changed)
}
