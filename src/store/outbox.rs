//! The outbox: deliveries to targets, claimed by workers with a lease.
//!
//! The order of an incident's deliveries is kept: a delivery is claimed only when no older one of
//! its incident is unfinished, and its ticket's create is no dead letter. A claim is durable before
//! anything is sent. A delivery in the state `sending` whose lease has run out may have been sent:
//! `abandoned` puts it back, in doubt.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::database::Tx;
use super::due::{self, INSERT};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::allowance::Shortage;
use crate::domain::doubt::{AfterLookUp, EarlierRequest, RunTimes};
use crate::domain::failure::Failure;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::ticket::{OmittedField, Operation};
use crate::domain::time::Timestamp;

/// A delivery to enqueue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The incident whose ticket it is about.
    pub incident_id: IncidentId,
    pub target: TargetName,
    pub operation: Operation,
    /// The rendered content, as JSON; read by the delivery workers only.
    pub payload: String,
    /// The id of the event that caused it, for people and logs.
    pub event_id: String,
    /// When that event was received.
    pub received_at: Timestamp,
    /// Of a link: the incident whose ticket becomes the parent.
    pub parent_id: Option<IncidentId>,
}

/// The ticket that becomes the parent of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentTicket {
    /// The target that it is in.
    pub target: TargetName,
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
    pub id: i64,
    /// The incident whose ticket it is about.
    pub incident_id: IncidentId,
    pub operation: Operation,
    /// The rendered content, as JSON.
    pub payload: String,
    /// The id of the event that caused it.
    pub event_id: String,
    /// When that event was received.
    pub received_at: Timestamp,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Attempts that counted, before this one, in this cycle of retries.
    pub attempts: u32,
    /// Attempts that counted, before this one.
    pub tries: u32,
    /// How often it was parked alone, or tried again as a dead letter.
    pub resumptions: u32,
    /// Whether an earlier attempt may have taken effect.
    pub in_doubt: bool,
    /// That attempt.
    pub earlier: EarlierRequest,
    /// The ticket's record id, once it exists.
    pub ticket_id: Option<String>,
    /// In which records the ticket is, where the target is configured for others since.
    pub ticket_elsewhere: Option<String>,
    /// Of a link: the ticket that becomes the parent.
    pub parent: Option<ParentTicket>,
    /// The lane it was taken from: source and rule of its incident.
    pub lane: String,
    /// Whether it sets fields that the CRM refused at the create.
    pub completes: bool,
    /// Of a create in doubt: the fields that it was last sent without.
    pub omitted: Vec<OmittedField>,
    /// Whether its last attempt was answered with a success without a record.
    pub had_empty_success: bool,
}

/// Enqueues `delivery`, in an open transaction.
pub(super) async fn insert(
    tx: &mut Tx,
    delivery: &NewDelivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    Statement::new(INSERT)
        .bind(&delivery.incident_id)
        .bind(&delivery.target)
        .bind(delivery.operation.as_str())
        .bind(&delivery.payload)
        .bind(&delivery.event_id)
        .bind(delivery.received_at)
        .bind(now)
        .bind(&delivery.parent_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Which deliveries a claim is about.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    pub target: &'a TargetName,
    /// The process that claims.
    pub owner: &'a str,
    /// How many at most.
    pub limit: u32,
    /// The lane that was served last: its turn comes after all others'.
    pub after_lane: &'a str,
    /// Which operations.
    pub operations: &'a [Operation],
    /// How few calls the CRM still allows: it decides which of them are claimed.
    pub shortage: Shortage,
    /// For how long the CRM may be at work on what is sent. Stored with the claim: after the death of
    /// this process no other knows it.
    pub runs_for: RunTimes,
}

impl Store {
    /// Claims deliveries that are due at `now`, with a lease that `lasts` from now on by the
    /// database's clock: from each lane in turn, and within a lane oldest first.
    pub async fn claim(
        &self,
        claim: Claim<'_>,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let candidates = match &tx {
            Tx::Sqlite(_) => due::CANDIDATES_SQLITE,
            Tx::Postgres(_) => due::CANDIDATES_POSTGRES,
        };
        let update = due::CLAIM
            .bind(claim.owner)
            .bind(lasts)
            .bind(claim.target)
            .bind(now)
            .bind(claim.limit)
            .bind(claim.after_lane)
            .bind(i64::from(claim.limit) * candidates)
            .bind(names(admitted(&claim)))
            .bind(claim.runs_for.create)
            .bind(claim.runs_for.comment);
        let mut claimed = update.fetch(&mut tx, ClaimedDelivery::read).await?;
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        for (delivery, parent_id) in &mut claimed {
            (delivery.ticket_id, delivery.ticket_elsewhere) =
                ticket_of(&mut tx, &delivery.incident_id).await?;
            if let Some(parent_id) = parent_id {
                delivery.parent = parent_ticket(&mut tx, parent_id).await?;
            }
        }
        tx.commit().await?;
        let mut claimed: Vec<_> = claimed.into_iter().map(|(delivery, _)| delivery).collect();
        claimed.sort_by_key(|delivery| delivery.id);
        Ok(claimed)
    }

    /// When one of `operations` can next be claimed for `target`. Cheaper than claiming in vain: it waits
    /// for no other writer, and its cost does not grow with the number of deliveries.
    pub async fn next_delivery_at(
        &self,
        target: &TargetName,
        operations: &[Operation],
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let next = due::NEXT
            .bind(target)
            .bind(names(operations.iter().copied()));
        next.fetch_one(&mut tx, |row| row.get_optional("at")).await
    }
}

/// The operations of a claim that the shortage of calls admits.
fn admitted(claim: &Claim<'_>) -> impl Iterator<Item = Operation> {
    let operations = claim.operations.iter().copied();
    operations.filter(|one| claim.shortage.admits(*one))
}

/// The names of `operations`, as a statement takes them.
pub(super) fn names(operations: impl Iterator<Item = Operation>) -> String {
    let names: Vec<&str> = operations.map(Operation::as_str).collect();
    names.join(" ")
}

/// The id of the incident's ticket; and in which records it is, where its target is configured for
/// others.
async fn ticket_of(
    tx: &mut Tx,
    incident_id: &IncidentId,
) -> Result<(Option<String>, Option<String>), StoreError> {
    let select = Statement::new("select ticket_id, ticket_records from incidents where id = $1");
    let ticket = |row: &Row| {
        let elsewhere = row.get_optional("ticket_records")?;
        Ok((row.get_optional("ticket_id")?, elsewhere))
    };
    let found = select.bind(incident_id).fetch_optional(tx, ticket).await?;
    Ok(found.unwrap_or_default())
}

async fn parent_ticket(
    tx: &mut Tx,
    incident_id: &IncidentId,
) -> Result<Option<ParentTicket>, StoreError> {
    let select = Statement::new(
        "select target, ticket_id, ticket_number, ticket_url from incidents where id = $1",
    );
    let parent = select.bind(incident_id).fetch_optional(tx, |row| {
        let Some(id) = row.get_optional("ticket_id")? else {
            return Ok(None);
        };
        Ok(Some(ParentTicket {
            target: row.get("target")?,
            id,
            number: row.get_optional("ticket_number")?,
            url: row.get_optional("ticket_url")?.unwrap_or_default(),
        }))
    });
    Ok(parent.await?.flatten())
}

impl ClaimedDelivery {
    /// The delivery, without the data of the incidents' rows, and its parent.
    fn read(row: &Row) -> Result<(Self, Option<IncidentId>), StoreError> {
        let attempts: u64 = row.get("attempts")?;
        let tries: u64 = row.get("tries")?;
        let resumptions: u64 = row.get("resumptions")?;
        let delivery = Self {
            id: row.get("id")?,
            incident_id: row.get("incident_id")?,
            operation: read_operation(row)?,
            payload: row.get("payload")?,
            event_id: row.get("event_id")?,
            received_at: row.get("received_at")?,
            decided_at: row.get("created_at")?,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            tries: u32::try_from(tries).unwrap_or(u32::MAX),
            resumptions: u32::try_from(resumptions).unwrap_or(u32::MAX),
            in_doubt: row.get::<i64>("in_doubt")? != 0,
            earlier: EarlierRequest {
                unknown_at: row.get_optional("unknown_at")?,
                look_up_from: row.get("look_up_from")?,
                then: row
                    .get_optional::<String>("after_look_up")?
                    .and_then(|name| AfterLookUp::from_name(&name)),
            },
            ticket_id: None,
            ticket_elsewhere: None,
            parent: None,
            lane: row.get("lane")?,
            completes: row.get::<i64>("completes")? != 0,
            omitted: read_json(row, "omitted")?.unwrap_or_default(),
            had_empty_success: read_json(row, "last_error")?
                .is_some_and(|failure: Failure| failure.is_empty_success()),
        };
        Ok((delivery, row.get_optional("parent_id")?))
    }
}

/// What cannot be read is left out: it only adds to what a delivery needs.
fn read_json<T: DeserializeOwned>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.get_optional(column)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// The operation of a row of `deliveries`.
pub(super) fn read_operation(row: &Row) -> Result<Operation, StoreError> {
    let name: String = row.get("operation")?;
    let id: i64 = row.get("id")?;
    Operation::from_name(&name).ok_or_else(|| StoreError::Damaged {
        table: "deliveries",
        row: id.to_string(),
        problem: format!("unknown operation {name:?}"),
    })
}
