//! Deliveries that complete tickets: they set fields which the CRM refused at the create.
//!
//! An incomplete ticket has one, made with the result of its create. It rests in the state
//! `discarded` until the time of its next try. Then it waits like every other delivery, so the order
//! of operations on the ticket is kept, and it is rendered again first.

use super::database::Tx;
use super::outbox::ClaimedDelivery;
use super::record_result::failure_json;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, behind};
use crate::domain::failure::Failure;
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::retry::{MAX_WAIT, rare_wait};
use crate::domain::ticket::{Completion, OmittedField};
use crate::domain::time::Timestamp;

/// The oldest completions of the target `$1` whose try has come at `$2`.
const DUE: &str = "select id from deliveries \
     where target = $1 and completes = 1 and state = 'discarded' and next_attempt_at <= $2 \
     order by next_attempt_at, id limit $3";

/// A ticket that is over needs nothing more. Nothing else of the ticket may be owed, because that
/// would wait for the completion.
const WAKE: &str = "update deliveries set state = 'waiting', behind = 0, parked = 'rendering', \
      settled_at = null, in_doubt = 0 \
     where completes = 1 and state = 'discarded' \
      and exists (select 1 from incidents i where i.id = deliveries.incident_id \
        and i.ticket_id is not null and i.ticket_closed = 0 and i.ticket_fate is null) \
      and not exists (select 1 from deliveries other \
        where other.incident_id = deliveries.incident_id \
          and (other.state in ('waiting', 'sending') \
            or (other.operation = 'resolve' and other.state = 'done'))) \
      and id in ";

/// Those that cannot be tried now are looked at again later.
const PUT_OFF: &str = "update deliveries set next_attempt_at = $1 \
     where completes = 1 and state = 'discarded' and id in ";

pub(super) const WAITING: &str = "select id, incident_id from deliveries \
     where target = $1 and completes = 1 and state = 'waiting' order by id limit 64";

const REST: &str = "update deliveries set state = 'discarded', parked = null, in_doubt = 0, settled_at = $1, \
      next_attempt_at = $2 \
     where completes = 1 and state = 'waiting' and id in ";

impl Store {
    /// Makes up to `limit` completions of `target` due whose try has come at `now`. Returns how
    /// many.
    pub async fn wake_completions(
        &self,
        target: &TargetName,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let due = Statement::new(DUE).bind(target).bind(now).bind(limit);
        let due: Vec<i64> = due.fetch(&mut tx, |row| row.get("id")).await?;
        drop(tx);
        if due.is_empty() {
            return Ok(0);
        }
        let mut tx = self.database.begin_write().await?;
        let mut wake = Statement::new(WAKE);
        wake.push_list("", due.iter().copied());
        let woken = wake.execute(&mut tx).await?;
        let mut put_off = Statement::new(PUT_OFF).bind(now.plus(MAX_WAIT));
        put_off.push_list("", due.iter().copied());
        put_off.execute(&mut tx).await?;
        tx.commit().await?;
        Ok(woken)
    }

    /// Completions of `target` that wait rest again, some at a time: too few calls are left for them, and
    /// what is decided meanwhile would stand behind them.
    pub async fn rest_completions(
        &self,
        target: &TargetName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_read().await?;
        let waiting = Statement::new(WAITING).bind(target);
        let read = |row: &Row| Ok((row.get("id")?, row.get("incident_id")?));
        let waiting: Vec<(i64, IncidentId)> = waiting.fetch(&mut tx, read).await?;
        drop(tx);
        if waiting.is_empty() {
            return Ok(());
        }
        let mut tx = self.database.begin_write().await?;
        let mut rest = Statement::new(REST).bind(now).bind(now.plus(rare_wait(0)));
        rest.push_list("", waiting.iter().map(|(id, _)| *id));
        rest.execute(&mut tx).await?;
        for (_, incident_id) in &waiting {
            behind::step_up(&mut tx, incident_id).await?;
        }
        tx.commit().await
    }

    /// Stores what the create `delivery` is sent without, before it is sent: its answer may be lost.
    pub async fn note_omitted(
        &self,
        delivery: &ClaimedDelivery,
        owner: &str,
        omitted: &[OmittedField],
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let update = Statement::new(
            "update deliveries set omitted = $1 \
             where id = $2 and lease_owner = $3 and state = 'sending'",
        );
        let update = update.bind(as_json(omitted)).bind(delivery.id).bind(owner);
        update.execute(&mut tx).await?;
        tx.commit().await
    }
}

/// Stores that the ticket of `create` lacks `omitted`, and the delivery that will set them.
pub(super) async fn begin(
    tx: &mut Tx,
    create: &ClaimedDelivery,
    omitted: &[OmittedField],
    now: Timestamp,
) -> Result<(), StoreError> {
    write_incomplete(tx, create, omitted).await?;
    if omitted.is_empty() {
        return Ok(());
    }
    let insert = Statement::new(
        "insert into deliveries (incident_id, target, operation, state, payload, event_id, \
          received_at, next_attempt_at, created_at, settled_at, lane, completes) \
         select d.incident_id, d.target, 'update', 'discarded', $1, d.event_id, d.received_at, \
          $2, $3, $3, d.lane, 1 from deliveries d where d.id = $4",
    );
    let insert = insert
        .bind(Completion::payload_of(omitted))
        .bind(now.plus(rare_wait(0)))
        .bind(now)
        .bind(create.id);
    insert.execute(tx).await?;
    Ok(())
}

/// Stores what the ticket of `delivery` still lacks.
pub(super) async fn write_incomplete(
    tx: &mut Tx,
    delivery: &ClaimedDelivery,
    left: &[OmittedField],
) -> Result<(), StoreError> {
    let update = Statement::new("update incidents set ticket_incomplete = $1 where id = $2");
    let update = update.bind(as_json(left)).bind(&delivery.incident_id);
    update.execute(tx).await?;
    Ok(())
}

/// The completion `id`, claimed by the owner that is bound last, rests until `at`.
pub(super) fn rest<'a>(
    left: Option<&[OmittedField]>,
    failure: Option<&Failure>,
    at: Timestamp,
    now: Timestamp,
) -> Statement<'a> {
    let update = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1, next_attempt_at = $2, \
          payload = coalesce($3, payload), last_error = $4, error_kind = $5, parked = null, \
          resumptions = resumptions + 1, in_doubt = 0, lease_owner = null, lease_until = null \
         where id = $6 and lease_owner = $7 and state = 'sending'",
    );
    update
        .bind(now)
        .bind(at)
        .bind(left.map(Completion::payload_of))
        .bind(failure.map(failure_json))
        .bind(failure.map(|failure| failure.kind.as_str()))
}

/// `None`: nothing.
fn as_json(omitted: &[OmittedField]) -> Option<String> {
    // Plain texts always serialise.
    (!omitted.is_empty()).then(|| serde_json::to_string(omitted).unwrap_or_default())
}
