//! Dead letters: what a person does about them, one or many, and which are taken up again by
//! themselves.
//!
//! A person's change is one transaction with its entry in the audit log and in the incident's
//! history.

use serde_json::json;
use sqlx::QueryBuilder;

use super::audit::{self, By, bulk_detail};
use super::database::{Tx, on};
use super::history::HistoryColumns;
use super::outages;
use super::views::{DeliveryView, Filter, Select, delivery_in, push_dead_letter_filter};
use super::{Store, StoreError};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// Incidents whose deliveries are discarded in one statement.
const IDS_PER_STATEMENT: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Replay,
    Discard,
}

/// A delivery that was changed: id, incident, operation.
type Changed = (i64, String, String);

impl Change {
    /// A replay starts its retries afresh, but what is in doubt stays in doubt: the ticket is
    /// looked for before anything is sent again, and not before it can be found.
    fn update(self, by: By<'_>) -> Select {
        let mut select = Select::new("update deliveries set ");
        match self {
            Self::Replay => select.push(
                "state = 'waiting', attempts = 0, settled_at = null, next_attempt_at = \
                  case when next_attempt_at > ? then next_attempt_at else ? end",
                [by.at.into(), by.at.into()],
            ),
            Self::Discard => select.push("state = 'discarded', settled_at = ?", [by.at.into()]),
        };
        select
    }

    fn action(self) -> &'static str {
        match self {
            Self::Replay => "dead_letter.replay",
            Self::Discard => "dead_letter.discard",
        }
    }

    fn event(self, operation: Operation, by: &str) -> IncidentEvent {
        let by = by.to_owned();
        match self {
            Self::Replay => IncidentEvent::DeliveryReplayed { operation, by },
            Self::Discard => IncidentEvent::DeliveryDiscarded { operation, by },
        }
    }
}

impl Store {
    /// Takes dead letters of `target` with one of `kinds` up again; returns how many. One that
    /// keeps coming back waits longer each time, so that it does not circle.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn resume_dead(
        &self,
        target: &str,
        kinds: &[&'static str],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let resumed = on!(&mut tx, connection => {
            let mut query = QueryBuilder::new(
                "update deliveries set state = 'waiting', attempts = 0, \
                  resumptions = resumptions + 1, settled_at = null, \
                  next_attempt_at = case when next_attempt_at > ",
            );
            query.push_bind(now.as_millis());
            query.push(" then next_attempt_at else ").push_bind(now.as_millis());
            query.push(" end where state = 'dead' and target = ").push_bind(target.to_owned());
            query.push(" and error_kind in (");
            let mut list = query.separated(", ");
            for kind in kinds {
                list.push_bind(*kind);
            }
            query.push(
                ") and settled_at + case resumptions when 0 then 0 when 1 then 60000 \
                  when 2 then 600000 else 3600000 end <= ",
            );
            query.push_bind(now.as_millis());
            query.build().execute(connection).await?.rows_affected()
        });
        tx.commit().await?;
        Ok(resumed)
    }

    /// Whether `target` has a dead letter of `kind`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn has_dead(&self, target: &str, kind: &str) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let row: Option<(i64,)> = on!(&mut tx, connection => {
            sqlx::query_as(
                "select id from deliveries where state = 'dead' and target = $1 and error_kind = $2 limit 1",
            )
            .bind(target)
            .bind(kind)
            .fetch_optional(connection)
            .await?
        });
        Ok(row.is_some())
    }

    /// Owes the dead letter `id` again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::NotPossible`] when it is no dead letter (any
    /// more), or another when the database cannot be written.
    pub async fn replay_dead_letter(
        &self,
        id: &str,
        by: By<'_>,
    ) -> Result<DeliveryView, StoreError> {
        self.change_one(id, Change::Replay, by).await
    }

    /// Gives the dead letter `id` up for good. Without its create a ticket will never exist,
    /// so whatever else is owed to it goes with it; where it was an outage's, so do the links
    /// to it, and its members go on alone.
    ///
    /// # Errors
    ///
    /// As [`Store::replay_dead_letter`].
    pub async fn discard_dead_letter(
        &self,
        id: &str,
        by: By<'_>,
    ) -> Result<DeliveryView, StoreError> {
        self.change_one(id, Change::Discard, by).await
    }

    /// Owes every dead letter of `filter` again; answers how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written; then nothing was changed.
    pub async fn replay_dead_letters(
        &self,
        filter: &Filter,
        by: By<'_>,
    ) -> Result<u64, StoreError> {
        self.change_many(filter, Change::Replay, by).await
    }

    /// Gives every dead letter of `filter` up for good; answers how many deliveries that
    /// concerned, those that went with a create included.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written; then nothing was changed.
    pub async fn discard_dead_letters(
        &self,
        filter: &Filter,
        by: By<'_>,
    ) -> Result<u64, StoreError> {
        self.change_many(filter, Change::Discard, by).await
    }

    async fn change_one(
        &self,
        id: &str,
        change: Change,
        by: By<'_>,
    ) -> Result<DeliveryView, StoreError> {
        let not_found = || StoreError::NotFound {
            what: "dead letter",
            id: id.chars().take(64).collect(),
        };
        let number: i64 = id.parse().map_err(|_| not_found())?;
        let mut tx = self.database.begin_write().await?;
        let mut update = change.update(by);
        update.push(
            " where id = ? and state = 'dead' returning id, incident_id, operation",
            [number.into()],
        );
        let mut changed: Vec<Changed> = update.fetch(&mut tx).await?;
        let delivery = delivery_in(&mut tx, number).await?.ok_or_else(not_found)?;
        if changed.is_empty() {
            return Err(StoreError::NotPossible {
                what: "delivery",
                id: id.to_owned(),
                state: delivery.state,
                problem: "only a dead letter can be replayed or discarded",
            });
        }
        finish(&mut tx, change, &mut changed, by).await?;
        let with_it: Vec<String> = changed
            .iter()
            .skip(1)
            .map(|(id, ..)| id.to_string())
            .collect();
        let detail = json!({
            "incident_id": delivery.incident_id,
            "target": delivery.target,
            "operation": delivery.operation,
            "event_id": delivery.event_id,
            "discarded_with_it": with_it,
        });
        let subject = format!("dead-letters/{number}");
        audit::note(&mut tx, by, change.action(), &subject, &detail).await?;
        tx.commit().await?;
        Ok(delivery)
    }

    async fn change_many(
        &self,
        filter: &Filter,
        change: Change,
        by: By<'_>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let mut update = change.update(by);
        update.push(
            " where state = 'dead' and id in (select d.id from deliveries d where d.state = 'dead'",
            [],
        );
        push_dead_letter_filter(&mut update, filter);
        update.push(") returning id, incident_id, operation", []);
        let mut changed: Vec<Changed> = update.fetch(&mut tx).await?;
        finish(&mut tx, change, &mut changed, by).await?;
        let mut ids: Vec<i64> = changed.iter().map(|(id, ..)| *id).collect();
        ids.sort_unstable();
        let detail = bulk_detail(filter, &ids);
        audit::note(&mut tx, by, change.action(), "dead-letters", &detail).await?;
        tx.commit().await?;
        Ok(ids.len() as u64)
    }
}

/// Takes along what a discarded create makes pointless, and tells the incidents' histories.
async fn finish(
    tx: &mut Tx,
    change: Change,
    changed: &mut Vec<Changed>,
    by: By<'_>,
) -> Result<(), StoreError> {
    if change == Change::Discard {
        let without_ticket: Vec<String> = changed
            .iter()
            .filter(|(_, _, operation)| operation == "create")
            .map(|(_, incident_id, _)| incident_id.clone())
            .collect();
        for incidents in without_ticket.chunks(IDS_PER_STATEMENT) {
            changed.extend(discard_rest(tx, incidents, by).await?);
        }
    }
    for chunk in changed.chunks(IDS_PER_STATEMENT) {
        tell_histories(tx, change, chunk, by).await?;
    }
    if change == Change::Discard {
        let gone: Vec<String> = changed
            .iter()
            .filter(|(_, _, operation)| operation == "create")
            .map(|(_, incident_id, _)| incident_id.clone())
            .collect();
        changed.extend(outages::without_ticket(tx, &gone, by).await?);
    }
    Ok(())
}

async fn discard_rest(
    tx: &mut Tx,
    incidents: &[String],
    by: By<'_>,
) -> Result<Vec<Changed>, StoreError> {
    Ok(on!(tx, connection => {
        let mut query =
            QueryBuilder::new("update deliveries set state = 'discarded', settled_at = ");
        query.push_bind(by.at.as_millis());
        query.push(" where state in ('waiting', 'dead') and incident_id in (");
        let mut list = query.separated(", ");
        for incident in incidents {
            list.push_bind(incident.clone());
        }
        query.push(") returning id, incident_id, operation");
        query.build_query_as().fetch_all(connection).await?
    }))
}

async fn tell_histories(
    tx: &mut Tx,
    change: Change,
    changed: &[Changed],
    by: By<'_>,
) -> Result<(), StoreError> {
    let told: Vec<(&String, HistoryColumns)> = changed
        .iter()
        .filter_map(|(_, incident_id, operation)| {
            let event = change.event(Operation::from_name(operation)?, by.actor);
            Some((incident_id, HistoryColumns::of(&event, None)))
        })
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    on!(tx, connection => {
        let mut query =
            QueryBuilder::new("insert into incident_history (incident_id, at, what, cause, event) ");
        query.push_values(&told, |mut row, (incident_id, columns)| {
            row.push_bind((*incident_id).clone())
                .push_bind(by.at.as_millis())
                .push_bind(columns.what.clone())
                .push_bind(columns.cause.clone())
                .push_bind(columns.event.clone());
        });
        query.build().execute(connection).await?;
    });
    Ok(())
}
