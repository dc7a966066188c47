//! The outbox: deliveries owed to targets, claimed by workers with a lease.
//!
//! Order is kept per incident: a delivery is claimed only when nothing older of its incident
//! is under way, and its ticket's create is no dead letter. A claim is durable before anything
//! is sent; a delivery found in `sending` with its lease run out may have been sent, and is
//! looked up first.

use std::time::Duration;

use super::database::{Database, Tx, millis, on, on_text};
use super::due::{self, INSERT};
use super::{Store, StoreError};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// A delivery about to be owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The incident whose ticket it is about.
    pub incident_id: String,
    /// The target.
    pub target: String,
    /// What to do.
    pub operation: Operation,
    /// The rendered content, as JSON; read by the delivery workers only.
    pub payload: String,
    /// The id of the event that caused it, for people and logs.
    pub event_id: String,
    /// When that event was received.
    pub received_at: Timestamp,
    /// Of a link: the incident under whose ticket the ticket is hung.
    pub parent_id: Option<String>,
}

/// The ticket under which another is hung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentTicket {
    /// The target that it is in.
    pub target: String,
    /// Its record id.
    pub id: String,
    /// The number people use, where it is known.
    pub number: Option<String>,
    /// Where a person opens it.
    pub url: String,
}

/// A delivery that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: i64,
    /// The incident whose ticket it is about.
    pub incident_id: String,
    /// What to do.
    pub operation: Operation,
    /// The rendered content, as JSON.
    pub payload: String,
    /// The id of the event that caused it.
    pub event_id: String,
    /// When that event was received.
    pub received_at: Timestamp,
    /// Attempts that counted, before this one.
    pub attempts: u32,
    /// Whether an earlier attempt may have taken effect.
    pub in_doubt: bool,
    /// The ticket's record id, once it exists.
    pub ticket_id: Option<String>,
    /// Of a link: the ticket under which to hang it.
    pub parent: Option<ParentTicket>,
    /// The lane it was taken from: source and rule of its incident.
    pub lane: String,
}

/// Owes `delivery`, in an open transaction.
pub(super) async fn insert(
    tx: &mut Tx,
    delivery: &NewDelivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    on!(tx, connection => {
        sqlx::query(INSERT)
            .bind(&delivery.incident_id)
            .bind(&delivery.target)
            .bind(delivery.operation.as_str())
            .bind(&delivery.payload)
            .bind(&delivery.event_id)
            .bind(delivery.received_at.as_millis())
            .bind(now.as_millis())
            .bind(&delivery.parent_id)
            .execute(connection)
            .await?;
    });
    Ok(())
}

type ClaimRow = (
    i64,
    String,
    String,
    String,
    String,
    i64,
    i64,
    i64,
    Option<String>,
    String,
);

/// Which deliveries a claim is about.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The target.
    pub target: &'a str,
    /// Who claims.
    pub owner: &'a str,
    /// How many at most.
    pub limit: u32,
    /// Only deliveries with at least so many counted attempts: while a circuit is open the
    /// ones that are being retried go on, and fresh ones wait.
    pub attempts_at_least: u32,
    /// The lane that was served last: its turn comes after all others'.
    pub after_lane: &'a str,
}

impl Store {
    /// Claims deliveries that are due at `now`, with a lease that `lasts` from now on by the
    /// database's clock: from each lane in turn, and within a lane oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn claim_due(
        &self,
        claim: Claim<'_>,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let text = on_text!(&tx, due::CLAIM_SQLITE, due::CLAIM_POSTGRES);
        let choice = on_text!(&tx, due::CHOICE_SQLITE, due::CHOICE_POSTGRES);
        let rows: Vec<ClaimRow> = on!(&mut tx, connection => {
            sqlx::query_as(text)
                .bind(claim.owner)
                .bind(millis(lasts))
                .bind(claim.target)
                .bind(now.as_millis())
                .bind(i64::from(claim.attempts_at_least))
                .bind(i64::from(claim.limit))
                .bind(claim.after_lane)
                .bind(i64::from(claim.limit) * choice)
                .fetch_all(connection)
                .await?
        });
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let ticket_id = ticket_of(&mut tx, &row.1).await?;
            let parent = match &row.8 {
                Some(parent_id) => parent_ticket(&mut tx, parent_id).await?,
                None => None,
            };
            claimed.push(claimed_delivery(row, ticket_id, parent)?);
        }
        tx.commit().await?;
        claimed.sort_by_key(|delivery| delivery.id);
        Ok(claimed)
    }

    /// When something can next be claimed for `target`, by the caller's clock, which says
    /// `now`. Cheaper than claiming in vain: it waits for no other writer, and costs no more when
    /// much is owed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn next_delivery_at(
        &self,
        target: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let text = on_text!(&tx, due::NEXT_SQLITE, due::NEXT_POSTGRES);
        let (at,): (Option<i64>,) = on!(&mut tx, connection => {
            sqlx::query_as(text)
                .bind(target)
                .bind(now.as_millis())
                .fetch_one(connection)
                .await?
        });
        Ok(at.map(Timestamp::from_millis))
    }

    /// Gives back a claim without an attempt (the process is stopping).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn release(&self, deliveries: &[i64], owner: &str) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        for id in deliveries {
            on!(&mut tx, connection => {
                sqlx::query(
                    "update deliveries set state = 'waiting', lease_owner = null, lease_until = null \
                     where id = $1 and lease_owner = $2 and state = 'sending'",
                )
                .bind(id)
                .bind(owner)
                .execute(connection)
                .await?;
            });
        }
        tx.commit().await
    }

    /// Takes over what a process that died had claimed, at the start of its successor. A
    /// SQLite file has one process at a time, so every claim found in it is a dead one's; in
    /// PostgreSQL other replicas live, and leases run out by themselves.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn take_over_claims(&self) -> Result<(), StoreError> {
        let Database::Sqlite { writer, .. } = &self.database else {
            return Ok(());
        };
        sqlx::query("update deliveries set lease_until = 0 where state = 'sending'")
            .execute(writer)
            .await?;
        sqlx::query("update leases set until = 0")
            .execute(writer)
            .await?;
        Ok(())
    }
}

async fn ticket_of(tx: &mut Tx, incident_id: &str) -> Result<Option<String>, StoreError> {
    let row: Option<(Option<String>,)> = on!(tx, connection => {
        sqlx::query_as("select ticket_id from incidents where id = $1")
            .bind(incident_id)
            .fetch_optional(connection)
            .await?
    });
    Ok(row.and_then(|(ticket_id,)| ticket_id))
}

async fn parent_ticket(tx: &mut Tx, incident_id: &str) -> Result<Option<ParentTicket>, StoreError> {
    type Row = (String, Option<String>, Option<String>, Option<String>);
    let row: Option<Row> = on!(tx, connection => {
        sqlx::query_as(
            "select target, ticket_id, ticket_number, ticket_url from incidents where id = $1",
        )
        .bind(incident_id)
        .fetch_optional(connection)
        .await?
    });
    Ok(row.and_then(|(target, id, number, url)| {
        Some(ParentTicket {
            target,
            id: id?,
            number,
            url: url.unwrap_or_default(),
        })
    }))
}

fn claimed_delivery(
    row: ClaimRow,
    ticket_id: Option<String>,
    parent: Option<ParentTicket>,
) -> Result<ClaimedDelivery, StoreError> {
    let (id, incident_id, operation, payload, event_id, received_at, attempts, in_doubt, _, lane) =
        row;
    let operation = Operation::from_name(&operation).ok_or_else(|| StoreError::Damaged {
        table: "deliveries",
        row: id.to_string(),
        problem: format!("unknown operation {operation:?}"),
    })?;
    Ok(ClaimedDelivery {
        id,
        incident_id,
        operation,
        payload,
        event_id,
        received_at: Timestamp::from_millis(received_at),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        in_doubt: in_doubt != 0,
        ticket_id,
        parent,
        lane,
    })
}
