//! Stores the result of an attempt of a delivery, under the lease by which it was claimed, and the
//! ticket of a create.

use super::database::Tx;
use super::delivery_result::{DeliveryResult, history_entry};
use super::history::insert_history;
use super::outbox::ClaimedDelivery;
use super::row::Row;
use super::statement::Statement;
use super::{
    HourCounts, Store, StoreError, activity, behind, completion, needless, ticket_changes,
};
use crate::domain::activity::Activity;
use crate::domain::doubt::{ENDS_WITHIN, Unsent};
use crate::domain::failure::{EarlierAttempts, Failure};
use crate::domain::identity::IncidentId;
use crate::domain::ticket::{Operation, Ticket};
use crate::domain::time::Timestamp;

impl Store {
    /// Stores the result of an attempt. A worker that lost its lease changes nothing and gets
    /// `false`.
    pub async fn record_result(
        &self,
        delivery: &ClaimedDelivery,
        owner: &str,
        result: &DeliveryResult,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let last_kind = match result {
            DeliveryResult::Parked { .. } => last_error_kind(&mut tx, delivery.id).await?,
            _ => None,
        };
        if !update_delivery(&mut tx, delivery.id, owner, result, now).await? {
            return Ok(false);
        }
        match result {
            DeliveryResult::Delivered {
                ticket: Some(ticket),
                omitted,
            } => {
                write_ticket(&mut tx, &delivery.incident_id, ticket).await?;
                completion::begin(&mut tx, delivery, omitted, now).await?;
            }
            DeliveryResult::Completed { left, .. } => {
                completion::write_incomplete(&mut tx, delivery, left).await?;
            }
            DeliveryResult::Unsent(Unsent::Discard) => {
                needless::end_rest(&mut tx, &delivery.incident_id, now).await?;
            }
            DeliveryResult::Delivered { .. }
            | DeliveryResult::PutOff { .. }
            | DeliveryResult::Unsent(_) => {}
            DeliveryResult::RetryAt { .. }
            | DeliveryResult::Parked { .. }
            | DeliveryResult::DeadLettered { .. } => {
                if ticket_changes::end_if_over(&mut tx, delivery, now).await? {
                    behind::step_up(&mut tx, &delivery.incident_id).await?;
                    tx.commit().await?;
                    return Ok(true);
                }
            }
        }
        if !still_stands_before_others(result) {
            behind::step_up(&mut tx, &delivery.incident_id).await?;
        }
        let entry = history_entry(delivery, result, last_kind.as_deref(), now);
        if let Some(entry) = entry {
            insert_history(&mut tx, &entry).await?;
        }
        if let Some(what) = counted_as(delivery, result) {
            let mut counts = HourCounts::default();
            counts.add(now, what);
            activity::add(&mut tx, &counts).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Whether what stood behind the delivery does so as before.
const fn still_stands_before_others(result: &DeliveryResult) -> bool {
    matches!(
        result,
        DeliveryResult::RetryAt { .. }
            | DeliveryResult::Unsent(Unsent::NotYet { .. } | Unsent::Render)
    )
}

/// What the attempt counts as, in its hour.
fn counted_as(delivery: &ClaimedDelivery, result: &DeliveryResult) -> Option<Activity> {
    match result {
        DeliveryResult::Delivered { .. } => {
            (delivery.operation == Operation::Create).then_some(Activity::Ticket)
        }
        DeliveryResult::RetryAt { .. }
        | DeliveryResult::Parked { .. }
        | DeliveryResult::DeadLettered { .. } => Some(Activity::Failure),
        DeliveryResult::Completed { .. }
        | DeliveryResult::PutOff { .. }
        | DeliveryResult::Unsent(_) => None,
    }
}

/// The kind of the failure that the delivery met last.
async fn last_error_kind(tx: &mut Tx, id: i64) -> Result<Option<String>, StoreError> {
    let select = Statement::new("select error_kind from deliveries where id = $1").bind(id);
    let kind = |row: &Row| row.get_optional("error_kind");
    Ok(select.fetch_optional(tx, kind).await?.flatten())
}

const MARK_DONE: &str = "update deliveries set state = 'done', settled_at = $1, parked = null, \
      lease_owner = null, lease_until = null, in_doubt = 0, attempts = attempts + 1, tries = tries + 1 \
     where id = $2 and lease_owner = $3 and state = 'sending'";

/// The doubt after a failure: `$1` is its [`Doubt`], `$2` the time, `$3` from when on a look-up means
/// something if it began one. A request whose outcome was unknown before `$4` has ended, so a look-up
/// that ended the doubt did so for good.
macro_rules! doubt {
    () => {
        "in_doubt = case when $1 < 0 then in_doubt when $1 = 1 then 1 else 0 end, \
          unknown_at = case when $1 >= 1 then $2 when $1 = 0 and in_doubt = 1 and unknown_at <= $4 then null \
            else unknown_at end, \
          look_up_from = case when $1 = 1 then $3 else look_up_from end, "
    };
}

const MARK_WAITING: &str = concat!(
    "update deliveries set state = 'waiting', ",
    doubt!(),
    "last_error = $5, error_kind = $6, next_attempt_at = $7, parked = null, \
      attempts = attempts + 1, tries = tries + 1, lease_owner = null, lease_until = null \
     where id = $8 and lease_owner = $9 and state = 'sending'"
);

const MARK_PARKED: &str = concat!(
    "update deliveries set state = 'waiting', ",
    doubt!(),
    "last_error = $5, error_kind = $6, next_attempt_at = $7, parked = $8, \
      resumptions = resumptions + case when $8 in ('ticket', 'operation') then 1 else 0 end, \
      attempts = attempts + $9, tries = tries + $9, lease_owner = null, lease_until = null \
     where id = $10 and lease_owner = $11 and state = 'sending'"
);

/// A dead letter is tried again rarely while its incident or its ticket lives.
const MARK_DEAD: &str = concat!(
    "update deliveries set state = 'dead', settled_at = $2, ",
    doubt!(),
    "last_error = $5, error_kind = $6, next_attempt_at = $7, parked = null, \
      attempts = attempts + 1, tries = tries + 1, lease_owner = null, lease_until = null \
     where id = $8 and lease_owner = $9 and state = 'sending'"
);

const NOT_YET: &str = "update deliveries set state = 'waiting', next_attempt_at = $1, \
      lease_owner = null, lease_until = null \
     where id = $2 and lease_owner = $3 and state = 'sending'";

/// It is known that it had no effect, save of a resolution: that is not looked up.
const TO_RENDER: &str = "update deliveries set state = 'waiting', parked = 'rendering', \
      after_look_up = null, attempts = 0, next_attempt_at = $1, \
      in_doubt = case when operation = 'resolve' then in_doubt else 0 end, \
      unknown_at = case when operation <> 'resolve' and in_doubt = 1 and unknown_at <= $2 then null \
        else unknown_at end, lease_owner = null, lease_until = null \
     where id = $3 and lease_owner = $4 and state = 'sending'";

const NOT_WANTED: &str = "update deliveries set state = 'discarded', settled_at = $1, \
      in_doubt = 0, parked = null, lease_owner = null, lease_until = null \
     where id = $2 and lease_owner = $3 and state = 'sending'";

/// What a failure says about the effect of its delivery.
#[derive(Debug, Clone, Copy)]
enum Doubt {
    /// Nothing: it had none, but an earlier attempt may have had one.
    AsBefore = -1,
    /// Neither it nor an earlier attempt had one.
    Ended = 0,
    /// It may have had one.
    Begun = 1,
    /// It had none so far, as a look-up has shown, and may have one until the request has ended.
    MayComeLate = 2,
}

impl Doubt {
    const fn after(failure: &Failure) -> Self {
        match (failure.outcome_unknown, failure.earlier) {
            (true, _) => Self::Begun,
            (false, EarlierAttempts::AsBefore) => Self::AsBefore,
            (false, EarlierAttempts::HadNone) => Self::Ended,
            (false, EarlierAttempts::MayComeLate) => Self::MayComeLate,
        }
    }
}

/// The statement `text` with the values that every failure has: `$1` to `$7`.
fn failed<'a>(
    text: &'static str,
    failure: &Failure,
    at: Timestamp,
    now: Timestamp,
) -> Statement<'a> {
    Statement::new(text)
        .bind(Doubt::after(failure) as i64)
        .bind(now)
        .bind(now.plus(failure.settle_after))
        .bind(now.minus(ENDS_WITHIN))
        .bind(failure_json(failure))
        .bind(failure.kind.as_str())
        .bind(at)
}

/// Whether the delivery is still claimed by `owner`; otherwise nothing is changed.
async fn update_delivery(
    tx: &mut Tx,
    id: i64,
    owner: &str,
    result: &DeliveryResult,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = match result {
        DeliveryResult::Delivered { .. } => Statement::new(MARK_DONE).bind(now),
        DeliveryResult::Completed { left, .. } if left.is_empty() => {
            Statement::new(MARK_DONE).bind(now)
        }
        DeliveryResult::Completed { left, at, .. } => completion::rest(Some(left), None, *at, now),
        DeliveryResult::PutOff { at, failure } => completion::rest(None, Some(failure), *at, now),
        DeliveryResult::RetryAt { at, failure } => failed(MARK_WAITING, failure, *at, now),
        DeliveryResult::Parked {
            waits_for,
            at,
            failure,
            counted,
        } => failed(MARK_PARKED, failure, *at, now)
            .bind(waits_for.as_str())
            .bind(*counted),
        DeliveryResult::DeadLettered { at, failure } => failed(MARK_DEAD, failure, *at, now),
        DeliveryResult::Unsent(Unsent::NotYet { at }) => Statement::new(NOT_YET).bind(*at),
        DeliveryResult::Unsent(Unsent::Render) => Statement::new(TO_RENDER)
            .bind(now)
            .bind(now.minus(ENDS_WITHIN)),
        DeliveryResult::Unsent(Unsent::Discard) => Statement::new(NOT_WANTED).bind(now),
    };
    Ok(update.bind(id).bind(owner).execute(tx).await? == 1)
}

pub(super) fn failure_json(failure: &Failure) -> String {
    serde_json::to_string(failure).unwrap_or_else(|_| "{}".to_owned())
}

async fn write_ticket(
    tx: &mut Tx,
    incident_id: &IncidentId,
    ticket: &Ticket,
) -> Result<(), StoreError> {
    let update = Statement::new(
        "update incidents set ticket_id = $1, ticket_number = coalesce($2, ticket_number), \
          ticket_url = $3, ticket_state = coalesce($4, ticket_state), ticket_closed = $5, \
          ticket_unread = $6 where id = $7",
    );
    let update = update
        .bind(&ticket.id)
        .bind(&ticket.number)
        .bind(&ticket.url)
        .bind(&ticket.state)
        .bind(ticket.closed)
        .bind(ticket.is_unread)
        .bind(incident_id);
    update.execute(tx).await?;
    Ok(())
}
