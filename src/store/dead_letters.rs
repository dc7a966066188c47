//! Dead letters: replay and discard by a person, one or many. A delivery that is parked can be replayed
//! too.
//!
//! A person's change is one transaction with its entry in the audit log and in the incident's
//! history.

use serde_json::json;

use super::audit::{self, ChangedBy, bulk_detail};
use super::database::Tx;
use super::discarded_creates::{Which, look_up_first, looked_up_first, push_all_ended};
use super::history::HistoryColumns;
use super::outages::{self, ChangedDelivery};
use super::statement::Statement;
use super::views::{DeliveryView, Filter, delivery_in, push_delivery_filter};
use super::{Store, StoreError};
use crate::domain::doubt::ENDS_WITHIN;
use crate::domain::identity::IncidentId;
use crate::domain::incident_event::IncidentEvent;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// Incidents whose deliveries are discarded in one statement.
pub(super) const IDS_PER_STATEMENT: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is rendered again first, unless it is to be sent `as_stored`.
    Replay {
        as_stored: bool,
    },
    Discard,
}

impl Change {
    /// A replay starts its retries again. A delivery in doubt stays in doubt: the ticket is looked
    /// up before anything is sent again, and not before it can be found. Then it is rendered.
    fn update<'a>(self, by: ChangedBy<'a>) -> Statement<'a> {
        let update = Statement::new(match self {
            Self::Replay { as_stored: true } => {
                "update deliveries set state = 'waiting', behind = 0, attempts = 0, settled_at = null, \
                  after_look_up = case when after_look_up = 'render' then null else after_look_up end, \
                  next_attempt_at = case when in_doubt <> 0 and look_up_from > $1 then look_up_from else $1 end, \
                  parked = case when parked = 'target' then parked end"
            }
            Self::Replay { as_stored: false } => {
                "update deliveries set state = 'waiting', behind = 0, attempts = 0, settled_at = null, \
                  next_attempt_at = case when in_doubt <> 0 and look_up_from > $1 then look_up_from else $1 end, \
                  after_look_up = case when in_doubt <> 0 and operation <> 'link' \
                    then coalesce(after_look_up, 'render') else after_look_up end, \
                  parked = case when in_doubt = 0 and operation <> 'link' then 'rendering' \
                    when parked = 'target' then parked end"
            }
            Self::Discard => "update deliveries set state = 'discarded', settled_at = $1",
        });
        update.bind(by.at)
    }

    /// Narrows a statement over `deliveries`, or over `d`, to what may be changed like this, one by one
    /// or many at once.
    fn push_states(self, update: &mut Statement<'_>, is_one: bool) {
        update.push(
            match (self, is_one) {
                (Self::Discard, _) => "state = 'dead'",
                (Self::Replay { .. }, true) => {
                    "(state = 'dead' \
                      or (state = 'waiting' and parked in ('ticket', 'operation', 'target')))"
                }
                // What waits for its target is sent by itself when the target is back.
                (Self::Replay { .. }, false) => {
                    "(state = 'dead' or (state = 'waiting' and parked in ('ticket', 'operation')))"
                }
            },
            [],
        );
    }

    /// What may still create a ticket is not discarded: its incident would be over, and the ticket
    /// would never be resolved.
    fn push_ended(self, update: &mut Statement<'_>, by: ChangedBy<'_>) {
        if self == Self::Discard {
            update.push(" and not ", []).push(looked_up_first!(), []);
            push_all_ended(update, by);
        }
    }

    fn refusal(self) -> &'static str {
        match self {
            Self::Replay { .. } => "only a dead letter or a parked delivery can be replayed",
            Self::Discard => "only a dead letter can be discarded",
        }
    }

    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Replay { .. } => "dead_letter.replay",
            Self::Discard => "dead_letter.discard",
        }
    }

    fn event(self, operation: Operation, by: &str) -> IncidentEvent {
        let by = by.to_owned();
        match self {
            Self::Replay { .. } => IncidentEvent::DeliveryReplayed { operation, by },
            Self::Discard => IncidentEvent::DeliveryDiscarded { operation, by },
        }
    }
}

impl Store {
    /// Makes the dead letter or parked delivery `id` due again: rendered again, or `as_stored`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] when it is neither (any more).
    pub async fn replay_dead_letter(
        &self,
        id: &str,
        as_stored: bool,
        by: ChangedBy<'_>,
    ) -> Result<DeliveryView, StoreError> {
        self.change_one(id, Change::Replay { as_stored }, by).await
    }

    /// Discards the dead letter `id` for good; a create not before all its requests have ended, and after a
    /// look-up where its ticket may exist. Without its create a ticket will never exist, so all
    /// other deliveries of the ticket are discarded with it. The incident is closed, and its key is
    /// released: the next breach begins a new one. An outage is ended, links to it are discarded,
    /// and its members continue alone.
    ///
    /// # Errors
    ///
    /// As [`Store::replay_dead_letter`].
    pub async fn discard_dead_letter(
        &self,
        id: &str,
        by: ChangedBy<'_>,
    ) -> Result<DeliveryView, StoreError> {
        self.change_one(id, Change::Discard, by).await
    }

    /// Owes every dead letter of `filter` again, and what is parked alone or until its operation is
    /// accepted again; answers their ids.
    pub async fn replay_dead_letters(
        &self,
        filter: &Filter,
        as_stored: bool,
        by: ChangedBy<'_>,
    ) -> Result<Vec<i64>, StoreError> {
        self.change_many(filter, Change::Replay { as_stored }, by)
            .await
    }

    async fn change_one(
        &self,
        id: &str,
        change: Change,
        by: ChangedBy<'_>,
    ) -> Result<DeliveryView, StoreError> {
        let not_found = || StoreError::NotFound {
            what: "dead letter",
            id: id.chars().take(64).collect(),
        };
        let number: i64 = id.parse().map_err(|_| not_found())?;
        let mut tx = self.database.begin_write().await?;
        if change == Change::Discard
            && !look_up_first(&mut tx, Which::One(number), by)
                .await?
                .is_empty()
        {
            let delivery = delivery_in(&mut tx, number).await?.ok_or_else(not_found)?;
            tx.commit().await?;
            return Ok(delivery);
        }
        let mut update = change.update(by);
        update.push(" where id = ? and ", [number.into()]);
        change.push_states(&mut update, true);
        change.push_ended(&mut update, by);
        update.push(" returning id, incident_id, operation", []);
        let mut changed = update.fetch(&mut tx, ChangedDelivery::read).await?;
        let delivery = delivery_in(&mut tx, number).await?.ok_or_else(not_found)?;
        if changed.is_empty() {
            return Err(refused(&mut tx, change, number, delivery.state).await?);
        }
        finish(&mut tx, change, &mut changed, by).await?;
        let with_it: Vec<String> = changed
            .iter()
            .skip(1)
            .map(|one| one.id.to_string())
            .collect();
        let detail = json!({
            "incident_id": delivery.incident_id,
            "target": delivery.target,
            "operation": delivery.operation,
            "event_id": delivery.event_id,
            "discarded_with_it": with_it,
        });
        let subject = format!("dead-letters/{number}");
        audit::record(&mut tx, by, change.action(), &subject, &detail).await?;
        tx.commit().await?;
        Ok(delivery)
    }

    pub(super) async fn change_many(
        &self,
        filter: &Filter,
        change: Change,
        by: ChangedBy<'_>,
    ) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let mut update = change.update(by);
        update.push(" where ", []);
        change.push_states(&mut update, false);
        change.push_ended(&mut update, by);
        update.push(" and id in (select d.id from deliveries d where ", []);
        change.push_states(&mut update, false);
        push_delivery_filter(&mut update, filter);
        update.push(") returning id, incident_id, operation", []);
        let mut changed = update.fetch(&mut tx, ChangedDelivery::read).await?;
        finish(&mut tx, change, &mut changed, by).await?;
        let mut ids: Vec<i64> = changed.iter().map(|one| one.id).collect();
        ids.sort_unstable();
        let detail = bulk_detail(filter, &ids);
        audit::record(&mut tx, by, change.action(), "dead-letters", &detail).await?;
        tx.commit().await?;
        Ok(ids)
    }
}

/// Why the delivery `id`, which is in `state`, is not changed.
async fn refused(
    tx: &mut Tx,
    change: Change,
    id: i64,
    state: String,
) -> Result<StoreError, StoreError> {
    let refused = |state, problem| StoreError::Conflict {
        what: "delivery",
        id: id.to_string(),
        state,
        problem,
    };
    if change != Change::Discard || state != "dead" {
        return Ok(refused(state, change.refusal()));
    }
    let select = Statement::new("select unknown_at from deliveries where id = $1").bind(id);
    let unknown_at = select.fetch_optional(tx, |row| row.get_optional::<Timestamp>("unknown_at"));
    let ended_at = unknown_at.await?.flatten().map(|at| at.plus(ENDS_WITHIN));
    let until = ended_at.map_or_else(String::new, |at| format!(" until {at}"));
    let state =
        format!("dead, but a request whose answer was lost may still create its ticket{until}");
    Ok(refused(state, "discard it after that time"))
}

/// Discards the deliveries that a discarded create makes pointless, and records the change in the
/// incidents' histories.
async fn finish(
    tx: &mut Tx,
    change: Change,
    changed: &mut Vec<ChangedDelivery>,
    by: ChangedBy<'_>,
) -> Result<(), StoreError> {
    let without_ticket = match change {
        Change::Replay { .. } => Vec::new(),
        Change::Discard => incidents_of_creates(changed),
    };
    for incidents in without_ticket.chunks(IDS_PER_STATEMENT) {
        changed.extend(discard_rest(tx, incidents, by).await?);
    }
    for chunk in changed.chunks(IDS_PER_STATEMENT) {
        record_in_histories(tx, change, chunk, by).await?;
    }
    if change == Change::Discard {
        let without_ticket = incidents_of_creates(changed);
        changed.extend(outages::without_ticket(tx, &without_ticket, by).await?);
    }
    Ok(())
}

fn incidents_of_creates(changed: &[ChangedDelivery]) -> Vec<IncidentId> {
    let creates = changed.iter().filter(|one| one.operation == "create");
    creates.map(|create| create.incident_id.clone()).collect()
}

async fn discard_rest(
    tx: &mut Tx,
    incidents: &[IncidentId],
    by: ChangedBy<'_>,
) -> Result<Vec<ChangedDelivery>, StoreError> {
    let mut update = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1 \
         where state in ('waiting', 'dead') and incident_id in ",
    )
    .bind(by.at);
    update
        .push_list("", incidents)
        .push(" returning id, incident_id, operation", []);
    update.fetch(tx, ChangedDelivery::read).await
}

pub(super) async fn record_in_histories(
    tx: &mut Tx,
    change: Change,
    changed: &[ChangedDelivery],
    by: ChangedBy<'_>,
) -> Result<(), StoreError> {
    let mut insert = Statement::new(
        "insert into incident_history (incident_id, at, what, cause, event) values ",
    );
    let rows = changed.iter().filter_map(|delivery| {
        let operation = Operation::from_name(&delivery.operation)?;
        let columns = HistoryColumns::of(&change.event(operation, by.actor), None);
        Some([
            (&delivery.incident_id).into(),
            by.at.into(),
            columns.what.into(),
            columns.cause.into(),
            columns.event.into(),
        ])
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    insert.push_rows("", rows);
    insert.execute(tx).await?;
    Ok(())
}
