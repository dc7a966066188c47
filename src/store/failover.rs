//! Tickets that do not exist yet and may be opened in another target: found, locked against
//! the workers that claim, and handed to deciding with everything that is owed to them.
//!
//! The create's row is locked before its incident's, as a worker that settles does, and rows
//! that a worker has are passed by. Whether a create may be moved is `domain::failover`'s.

use sqlx::QueryBuilder;

use super::database::{Tx, on};
use super::known::{IncidentRow, KEPT_COLUMNS, kept_incident, route_of};
use super::{Deciding, KeptIncident, Store, StoreError};
use crate::domain::failover::{CreateState, TicketRoute, may_be_moved};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// A create that waits for its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCreate {
    /// The delivery.
    pub id: i64,
    /// Where its ticket may be opened.
    pub route: TicketRoute,
}

/// A delivery that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedDelivery {
    /// Its id.
    pub id: i64,
    /// What to do.
    pub operation: Operation,
    /// The rendered content, as JSON.
    pub payload: String,
    /// The id of the event that caused it.
    pub event_id: String,
    /// When that event was received.
    pub received_at: Timestamp,
    /// Of a link: the incident under whose ticket the ticket is hung.
    pub parent_id: Option<String>,
}

/// An incident whose ticket does not exist yet, locked until the batch is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Unopened {
    /// The incident.
    pub kept: KeptIncident,
    /// What is owed to its ticket, in order; the first is the create.
    pub owed: Vec<OwedDelivery>,
}

type WaitingRow = (
    i64,
    String,
    i64,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
);
type OwedRow = (i64, String, String, String, i64, Option<String>);

const WAITING: &str = "select d.id, d.state, d.in_doubt, d.error_kind, \
       i.target, i.candidates, i.failed_over_from \
     from deliveries d join incidents i on i.id = d.incident_id \
     where d.target = $1 and d.state in ('waiting', 'dead') and d.operation = 'create' \
       and i.candidates is not null and d.id > $2 order by d.id limit $3";

impl Store {
    /// Creates that wait for `target` after the delivery `after`, may be moved, and have
    /// another target to go to; at most `limit` are looked at. And where to go on: `None` when
    /// there are no more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn waiting_creates(
        &self,
        target: &str,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<WaitingCreate>, Option<i64>), StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows: Vec<WaitingRow> = on!(&mut tx, connection => {
            sqlx::query_as(WAITING)
                .bind(target)
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        let full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
        let go_on = rows.last().filter(|_| full).map(|row| row.0);
        let mut waiting = Vec::new();
        for (id, state, in_doubt, kind, target, candidates, from) in rows {
            if may_be_moved(create_state(&state, kind.as_deref()), in_doubt != 0) {
                let route = route_of(&target, candidates.as_deref(), from)?;
                waiting.push(WaitingCreate { id, route });
            }
        }
        Ok((waiting, go_on))
    }
}

impl Deciding {
    /// The incident of the create `id` with all that is owed to it, locked; `None` when the
    /// create may not be moved any more, or a worker is about to claim it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn take_unopened(&mut self, id: i64) -> Result<Option<Unopened>, StoreError> {
        let Some(incident_id) = lock_create(&mut self.tx, id).await? else {
            return Ok(None);
        };
        let lock = self.tx.row_lock();
        let row: Option<IncidentRow> = on!(&mut self.tx, connection => {
            let mut query = QueryBuilder::new(format!(
                "select {KEPT_COLUMNS} from incidents where id = "
            ));
            query.push_bind(incident_id.clone()).push(lock);
            query.build_query_as().fetch_optional(connection).await?
        });
        let Some(row) = row else {
            return Ok(None);
        };
        let owed: Vec<OwedRow> = on!(&mut self.tx, connection => {
            let mut query = QueryBuilder::new(
                "select id, operation, payload, event_id, received_at, parent_id \
                 from deliveries where state in ('waiting', 'dead') and incident_id = ",
            );
            query.push_bind(incident_id).push(" and id >= ").push_bind(id);
            query.push(" order by id").push(lock);
            query.build_query_as().fetch_all(connection).await?
        });
        let owed = owed
            .into_iter()
            .map(owed_delivery)
            .collect::<Result<_, _>>()?;
        Ok(Some(Unopened {
            kept: kept_incident(row)?,
            owed,
        }))
    }
}

fn create_state(state: &str, kind: Option<&str>) -> CreateState {
    match state {
        "waiting" => CreateState::Waiting,
        "sending" => CreateState::Sending,
        "dead" => kind
            .and_then(FailureKind::from_name)
            .map_or(CreateState::Settled, CreateState::Dead),
        _ => CreateState::Settled,
    }
}

/// Locks the create `id`, if it may be moved now; answers its incident.
async fn lock_create(tx: &mut Tx, id: i64) -> Result<Option<String>, StoreError> {
    type Row = (String, String, i64, Option<String>);
    let lock = tx.row_lock_passing_by();
    let row: Option<Row> = on!(tx, connection => {
        let mut query = QueryBuilder::new(
            "select incident_id, state, in_doubt, error_kind from deliveries where id = ",
        );
        query.push_bind(id).push(lock);
        query.build_query_as().fetch_optional(connection).await?
    });
    Ok(row
        .filter(|row| may_be_moved(create_state(&row.1, row.3.as_deref()), row.2 != 0))
        .map(|row| row.0))
}

fn owed_delivery(row: OwedRow) -> Result<OwedDelivery, StoreError> {
    let (id, operation, payload, event_id, received_at, parent_id) = row;
    let operation = Operation::from_name(&operation).ok_or_else(|| StoreError::Damaged {
        table: "deliveries",
        row: id.to_string(),
        problem: format!("unknown operation {operation:?}"),
    })?;
    Ok(OwedDelivery {
        id,
        operation,
        payload,
        event_id,
        received_at: Timestamp::from_millis(received_at),
        parent_id,
    })
}

/// Discards the delivery `id`, which was never sent, for `reason`. The states are asked for
/// again, although the row is locked: nothing that a worker has is ever discarded.
pub(super) async fn discard(
    tx: &mut Tx,
    id: i64,
    reason: &Failure,
    now: Timestamp,
) -> Result<(), StoreError> {
    let changed = on!(tx, connection => {
        sqlx::query(
            "update deliveries set state = 'discarded', settled_at = $1, last_error = $2, \
              error_kind = $3 \
             where id = $4 and in_doubt = 0 and state in ('waiting', 'dead')",
        )
        .bind(now.as_millis())
        .bind(serde_json::to_string(reason).unwrap_or_default())
        .bind(reason.kind.as_str())
        .bind(id)
        .execute(connection)
        .await?
        .rows_affected()
    });
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::NotPossible {
        what: "delivery",
        id: id.to_string(),
        state: "not waiting any more".to_owned(),
        problem: "it cannot be moved to another target",
    })
}
