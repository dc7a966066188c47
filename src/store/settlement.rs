//! Settling a delivery with what came of its attempt, under the lease by which it was claimed,
//! and keeping the ticket that it brought.

use super::database::{Tx, on};
use super::history::insert_history;
use super::outbox::ClaimedDelivery;
use super::{Store, StoreError, attempts, ticket_changes};
use crate::domain::failure::Failure;
use crate::domain::ticket::Ticket;
use crate::domain::time::Timestamp;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Done; a create brings its ticket.
    Done(Option<Ticket>),
    /// Try again at a time.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        failure: Failure,
        /// Whether the attempt counts.
        counted: bool,
    },
    /// Given up.
    Dead {
        /// Why.
        failure: Failure,
    },
}

impl Store {
    /// Keeps what came of an attempt. A worker that lost its lease changes nothing and
    /// hears `false`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn settle(
        &self,
        delivery: &ClaimedDelivery,
        owner: &str,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let last_kind = match settlement {
            Settlement::Again { counted: false, .. } => {
                attempts::last_error_kind(&mut tx, delivery.id).await?
            }
            _ => None,
        };
        let ours = match settlement {
            Settlement::Done(_) => mark_done(&mut tx, delivery.id, owner, now).await?,
            Settlement::Again {
                at,
                failure,
                counted,
            } => mark_again(&mut tx, delivery.id, owner, *at, failure, *counted).await?,
            Settlement::Dead { failure } => {
                mark_dead(&mut tx, delivery.id, owner, failure, now).await?
            }
        };
        if !ours {
            return Ok(false);
        }
        if let Settlement::Done(Some(ticket)) = settlement {
            write_ticket(&mut tx, &delivery.incident_id, ticket).await?;
        }
        if !matches!(settlement, Settlement::Done(_))
            && ticket_changes::end_if_over(&mut tx, delivery, now).await?
        {
            tx.commit().await?;
            return Ok(true);
        }
        let entry = attempts::entry_of(delivery, settlement, last_kind.as_deref(), now);
        if let Some(entry) = entry {
            insert_history(&mut tx, &entry).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Keeps what was read of an incident's ticket after its create, such as its number. Its
    /// state only when nothing has been seen of the ticket since: that is newer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn note_ticket(&self, incident_id: &str, ticket: &Ticket) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query(
                "update incidents set ticket_number = coalesce($1, ticket_number), ticket_url = $2, \
                  ticket_state = case when ticket_changed_at is null \
                    then coalesce($3, ticket_state) else ticket_state end, \
                  ticket_closed = case when ticket_changed_at is null \
                    then $4 else ticket_closed end \
                 where id = $5 and ticket_id = $6",
            )
            .bind(&ticket.number)
            .bind(&ticket.url)
            .bind(&ticket.state)
            .bind(i64::from(ticket.closed))
            .bind(incident_id)
            .bind(&ticket.id)
            .execute(connection)
            .await?;
        });
        tx.commit().await
    }
}

async fn mark_done(tx: &mut Tx, id: i64, owner: &str, now: Timestamp) -> Result<bool, StoreError> {
    let changed = on!(tx, connection => {
        sqlx::query(
            "update deliveries set state = 'done', settled_at = $1, lease_owner = null, \
              lease_until = null, in_doubt = 0, attempts = attempts + 1 \
             where id = $2 and lease_owner = $3 and state = 'sending'",
        )
        .bind(now.as_millis())
        .bind(id)
        .bind(owner)
        .execute(connection)
        .await?
        .rows_affected()
    });
    Ok(changed == 1)
}

async fn mark_again(
    tx: &mut Tx,
    id: i64,
    owner: &str,
    at: Timestamp,
    failure: &Failure,
    counted: bool,
) -> Result<bool, StoreError> {
    let changed = on!(tx, connection => {
        sqlx::query(
            "update deliveries set state = 'waiting', next_attempt_at = $1, last_error = $2, \
              error_kind = $3, attempts = attempts + $4, \
              in_doubt = case when $5 = 1 then 1 else in_doubt end, \
              lease_owner = null, lease_until = null \
             where id = $6 and lease_owner = $7 and state = 'sending'",
        )
        .bind(at.as_millis())
        .bind(failure_json(failure))
        .bind(failure.kind.as_str())
        .bind(i64::from(counted))
        .bind(i64::from(failure.outcome_unknown))
        .bind(id)
        .bind(owner)
        .execute(connection)
        .await?
        .rows_affected()
    });
    Ok(changed == 1)
}

/// What may still take effect in the CRM cannot be looked up before it has settled, whoever
/// takes the dead letter up again: so the time of its next attempt is kept.
async fn mark_dead(
    tx: &mut Tx,
    id: i64,
    owner: &str,
    failure: &Failure,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = on!(tx, connection => {
        sqlx::query(
            "update deliveries set state = 'dead', settled_at = $1, last_error = $2, \
              error_kind = $3, attempts = attempts + 1, \
              in_doubt = case when $4 = 1 then 1 else in_doubt end, \
              lease_owner = null, lease_until = null, next_attempt_at = $7 \
             where id = $5 and lease_owner = $6 and state = 'sending'",
        )
        .bind(now.as_millis())
        .bind(failure_json(failure))
        .bind(failure.kind.as_str())
        .bind(i64::from(failure.outcome_unknown))
        .bind(id)
        .bind(owner)
        .bind(now.plus(failure.settle_after).as_millis())
        .execute(connection)
        .await?
        .rows_affected()
    });
    Ok(changed == 1)
}

fn failure_json(failure: &Failure) -> String {
    serde_json::to_string(failure).unwrap_or_else(|_| "{}".to_owned())
}

async fn write_ticket(tx: &mut Tx, incident_id: &str, ticket: &Ticket) -> Result<(), StoreError> {
    on!(tx, connection => {
        sqlx::query(
            "update incidents set ticket_id = $1, ticket_number = coalesce($2, ticket_number), \
              ticket_url = $3, ticket_state = coalesce($4, ticket_state), ticket_closed = $5 \
             where id = $6",
        )
        .bind(&ticket.id)
        .bind(&ticket.number)
        .bind(&ticket.url)
        .bind(&ticket.state)
        .bind(i64::from(ticket.closed))
        .bind(incident_id)
        .execute(connection)
        .await?;
    });
    Ok(())
}
