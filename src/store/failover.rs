//! Tickets that do not exist yet and may be opened in another target: found, locked against
//! the workers that claim, and handed to deciding with their pending deliveries.
//!
//! The create's row is locked before its incident's, as a worker that records a result does, and
//! rows that a worker has are passed by. Whether a create may be moved is `domain::failover`'s.

use super::database::Tx;
use super::decision_transaction::DecisionTransaction;
use super::incidents::{IncidentRecord, read_route, select_incidents};
use super::outbox::read_operation;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, behind};
use crate::domain::failover::{CreateState, TicketRoute, may_be_moved};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// A create that waits for its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCreate {
    pub id: i64,
    /// Where its ticket may be opened.
    pub route: TicketRoute,
}

/// A delivery that moves with its create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    pub id: i64,
    pub operation: Operation,
    /// The rendered content, as JSON.
    pub payload: String,
    /// The id of the event that caused it.
    pub event_id: String,
    /// When that event was received.
    pub received_at: Timestamp,
    /// Of a link: the incident whose ticket becomes the parent.
    pub parent_id: Option<IncidentId>,
}

/// An incident whose ticket does not exist yet, locked until the batch is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentWithoutTicket {
    pub record: IncidentRecord,
    /// The deliveries that wait for its ticket, in order; the first is the create.
    pub deliveries: Vec<PendingDelivery>,
}

const WAITING: &str = "select d.id, d.state, d.in_doubt, d.unknown_at, d.error_kind, d.incident_id, \
       i.target, i.candidates, i.failed_over_from \
     from deliveries d join incidents i on i.id = d.incident_id \
     where d.target = $1 and d.state in ('waiting', 'dead') and d.operation = 'create' \
       and coalesce(d.after_look_up, '') <> 'discard' \
       and i.candidates is not null and d.id > $2 order by d.id limit $3";

impl Store {
    /// Creates that wait for `target` after the delivery `after`, may be moved, and have
    /// another target to go to; at most `limit` are looked at. And where to go on: `None` when
    /// there are no more.
    pub async fn pending_creates(
        &self,
        target: &TargetName,
        after: i64,
        limit: u32,
        now: Timestamp,
    ) -> Result<(Vec<PendingCreate>, Option<i64>), StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(WAITING).bind(target).bind(after).bind(limit);
        let seen = select
            .fetch(&mut tx, |row| waiting_create(row, now))
            .await?;
        let full = u32::try_from(seen.len()).is_ok_and(|count| count == limit);
        let go_on = seen.last().filter(|_| full).map(|(id, _)| *id);
        let waiting = seen.into_iter().filter_map(|(_, create)| create);
        Ok((waiting.collect(), go_on))
    }
}

/// The delivery's id, and the create if it may be moved.
fn waiting_create(row: &Row, now: Timestamp) -> Result<(i64, Option<PendingCreate>), StoreError> {
    let id = row.get("id")?;
    if !is_movable(row, now)? {
        return Ok((id, None));
    }
    let incident_id: IncidentId = row.get("incident_id")?;
    let target: TargetName = row.get("target")?;
    let route = read_route(row, &incident_id, &target)?;
    Ok((id, Some(PendingCreate { id, route })))
}

impl DecisionTransaction {
    /// The incident of the create `id` with its pending deliveries, locked; `None` when the
    /// create may not be moved any more, or a worker is about to claim it.
    pub async fn lock_without_ticket(
        &mut self,
        id: i64,
        now: Timestamp,
    ) -> Result<Option<IncidentWithoutTicket>, StoreError> {
        let tx = &mut self.tx;
        let Some(incident_id) = lock_create(tx, id, now).await? else {
            return Ok(None);
        };
        let select = Statement::new(select_incidents!("i.id = $1")).bind(&incident_id);
        let record = select.for_update().fetch_optional(tx, IncidentRecord::read);
        let Some(record) = record.await? else {
            return Ok(None);
        };
        let deliveries = Statement::new(
            "select id, operation, payload, event_id, received_at, parent_id \
             from deliveries where state in ('waiting', 'dead') and incident_id = $1 \
              and id >= $2 order by id",
        );
        let deliveries = deliveries.bind(&incident_id).bind(id).for_update();
        let deliveries = deliveries.fetch(tx, PendingDelivery::read).await?;
        Ok(Some(IncidentWithoutTicket { record, deliveries }))
    }
}

/// Locks the create `id`, if it may be moved now; answers its incident.
async fn lock_create(
    tx: &mut Tx,
    id: i64,
    now: Timestamp,
) -> Result<Option<IncidentId>, StoreError> {
    let select = Statement::new(
        "select incident_id, state, in_doubt, unknown_at, error_kind from deliveries where id = $1 \
          and coalesce(after_look_up, '') <> 'discard'",
    );
    let incident = |row: &Row| Ok(is_movable(row, now)?.then_some(row.get("incident_id")?));
    let select = select.bind(id).for_update_skip_locked();
    Ok(select.fetch_optional(tx, incident).await?.flatten())
}

/// Whether a create may be moved; `row` has its state, doubt and kind of failure.
fn is_movable(row: &Row, now: Timestamp) -> Result<bool, StoreError> {
    let kind: Option<String> = row.get_optional("error_kind")?;
    let kind = kind.as_deref().and_then(FailureKind::from_name);
    let state = match row.get::<String>("state")?.as_str() {
        "waiting" => CreateState::Waiting,
        "sending" => CreateState::Sending,
        "dead" => kind.map_or(CreateState::Ended, CreateState::Dead),
        _ => CreateState::Ended,
    };
    let unknown_at: Option<Timestamp> = row.get_optional("unknown_at")?;
    let unknown_for = unknown_at.map(|at| now.since(at));
    let in_doubt = row.get::<i64>("in_doubt")? != 0;
    Ok(may_be_moved(state, in_doubt, unknown_for))
}

impl PendingDelivery {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            operation: read_operation(row)?,
            payload: row.get("payload")?,
            event_id: row.get("event_id")?,
            received_at: row.get("received_at")?,
            parent_id: row.get_optional("parent_id")?,
        })
    }
}

/// Discards the delivery `id`, which has moved, for `reason`. The states are asked for again, although
/// the row is locked: nothing that a worker has is ever discarded. A change in doubt was sent to a
/// ticket that does not exist.
pub(super) async fn discard(
    tx: &mut Tx,
    id: i64,
    reason: &Failure,
    now: Timestamp,
) -> Result<(), StoreError> {
    let update = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1, last_error = $2, \
          error_kind = $3 \
         where id = $4 and (in_doubt = 0 or operation <> 'create') \
          and state in ('waiting', 'dead') returning incident_id",
    );
    let update = update
        .bind(now)
        .bind(serde_json::to_string(reason).unwrap_or_default())
        .bind(reason.kind.as_str())
        .bind(id);
    let discarded = update.fetch_optional(tx, |row| row.get::<IncidentId>("incident_id"));
    if let Some(incident_id) = discarded.await? {
        return behind::step_up(tx, &incident_id).await;
    }
    Err(StoreError::Conflict {
        what: "delivery",
        id: id.to_string(),
        state: "not waiting any more".to_owned(),
        problem: "it cannot be moved to another target",
    })
}
