//! Deliveries of which nothing would come, although nothing has been sent: they are discarded.
//!
//! They are found by the state of their ticket, not by the change that made them needless: so none
//! is missed.

use super::audit::ChangedBy;
use super::database::Tx;
use super::history::{HistoryEntry, Reference, insert_history};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError, behind, outages};
use crate::domain::doubt::{AfterLookUp, ENDS_WITHIN};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::incident_event::IncidentEvent;
use crate::domain::time::Timestamp;

/// Who discards them, in histories.
const ACTOR: &str = "Ringdown";
/// Most of each kind that are discarded at once.
const LIMIT: u32 = 200;

/// Creates that certainly had no effect, of incidents that are over without a ticket.
const NEVER_CREATED: &str = "select id, incident_id from deliveries \
     where target = $1 and state = 'dead' and operation = 'create' and in_doubt = 0 \
      and unknown_at is null \
      and exists (select 1 from incidents i where i.id = deliveries.incident_id \
        and i.state = 'closed' and i.ticket_id is null) limit $2";
/// The same, where nobody has looked since an earlier request has ended, which it had at `$2`.
const NEVER_LOOKED_UP: &str = "select id, incident_id from deliveries \
     where target = $1 and state = 'dead' and operation = 'create' and in_doubt = 0 \
      and unknown_at <= $2 \
      and exists (select 1 from incidents i where i.id = deliveries.incident_id \
        and i.state = 'closed' and i.ticket_id is null) limit $3";

/// Changes of a ticket that was resolved meanwhile: it would show them after its end.
macro_rules! after_the_end {
    () => {
        "operation in ('update', 'link') and completes = 0 \
          and exists (select 1 from deliveries later \
            where later.incident_id = deliveries.incident_id and later.id > deliveries.id \
              and later.operation = 'resolve' and later.state = 'done')"
    };
}

/// Those that wait until the CRM accepts such changes.
const PASSED: &str = concat!(
    "select id, incident_id from deliveries \
     where target = $1 and parked = 'operation' and state = 'waiting' and ",
    after_the_end!(),
    " limit $2"
);
/// Those that were given up, of incidents that are over.
const OVERTAKEN: &str = concat!(
    "select id, incident_id from deliveries where target = $1 and state = 'dead' \
      and exists (select 1 from incidents i where i.id = deliveries.incident_id \
        and i.state = 'closed') and ",
    after_the_end!(),
    " limit $2"
);

/// Those that were given up, of incidents whose ticket is gone.
const OF_A_TICKET_THAT_IS_GONE: &str = "select id, incident_id from deliveries \
     where target = $1 and state = 'dead' and operation <> 'create' \
      and exists (select 1 from incidents i where i.id = deliveries.incident_id \
        and i.state = 'closed' and i.ticket_fate is not null) limit $2";

type Found = (i64, IncidentId);

impl Store {
    /// Discards the deliveries to `target` of which nothing would come. Returns how many.
    pub async fn end_needless(
        &self,
        target: &TargetName,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(NEVER_CREATED).bind(target).bind(LIMIT);
        let never_created = select.fetch(&mut tx, found).await?;
        let select = Statement::new(NEVER_LOOKED_UP).bind(target);
        let select = select.bind(now.minus(ENDS_WITHIN)).bind(LIMIT);
        let never_looked_up = select.fetch(&mut tx, found).await?;
        let mut after_the_end = Vec::new();
        for text in [PASSED, OVERTAKEN, OF_A_TICKET_THAT_IS_GONE] {
            let select = Statement::new(text).bind(target).bind(LIMIT);
            after_the_end.extend(select.fetch(&mut tx, found).await?);
        }
        drop(tx);
        if never_created.is_empty() && never_looked_up.is_empty() && after_the_end.is_empty() {
            return Ok(0);
        }
        let mut tx = self.database.begin_write().await?;
        let mut count = 0;
        for (id, incident_id) in never_created {
            count += end_without_ticket(&mut tx, id, &incident_id, now).await?;
        }
        for (id, _) in never_looked_up {
            look_up_once_more(&mut tx, id, now).await?;
        }
        for (id, incident_id) in after_the_end {
            // Its state is asked again: a person may have replayed it.
            let update = Statement::new(
                "update deliveries set state = 'discarded', settled_at = $1 \
                 where id = $2 and (state = 'dead' or (state = 'waiting' and parked = 'operation'))",
            );
            let ended = update.bind(now).bind(id).execute(&mut tx).await?;
            if ended > 0 {
                let event = IncidentEvent::DeliveriesEnded { count: ended };
                behind::step_up(&mut tx, &incident_id).await?;
                record(&mut tx, incident_id, event, now).await?;
            }
            count += ended;
        }
        tx.commit().await?;
        Ok(count)
    }
}

fn found(row: &Row) -> Result<Found, StoreError> {
    Ok((row.get("id")?, row.get("incident_id")?))
}

/// Discards the create `id`, all that waits for its ticket, and links to it.
async fn end_without_ticket(
    tx: &mut Tx,
    id: i64,
    incident_id: &IncidentId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let create = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1 \
         where id = $2 and state = 'dead' and in_doubt = 0",
    );
    if create.bind(now).bind(id).execute(tx).await? == 0 {
        return Ok(0);
    }
    end_rest(tx, incident_id, now).await
}

/// A look-up that came too early said nothing: the create `id` is in doubt again until the next one.
async fn look_up_once_more(tx: &mut Tx, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let update = Statement::new(
        "update deliveries set state = 'waiting', behind = 0, settled_at = null, in_doubt = 1, \
          after_look_up = $1, next_attempt_at = $2 where id = $3 and state = 'dead'",
    );
    let update = update.bind(AfterLookUp::Discard.as_str()).bind(now);
    update.bind(id).execute(tx).await?;
    Ok(())
}

/// The create of the incident was just discarded: discards all that waits for its ticket, and links to
/// it. Returns how many deliveries, with the create.
pub(super) async fn end_rest(
    tx: &mut Tx,
    incident_id: &IncidentId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let rest = Statement::new(
        "update deliveries set state = 'discarded', settled_at = $1 \
         where incident_id = $2 and state in ('waiting', 'dead')",
    );
    let rest = rest.bind(now).bind(incident_id).execute(tx).await?;
    let count = 1 + rest;
    let event = IncidentEvent::NeverCreated { count };
    record(tx, incident_id.clone(), event, now).await?;
    let by = ChangedBy {
        actor: ACTOR,
        at: now,
    };
    let links = outages::without_ticket(tx, std::slice::from_ref(incident_id), by).await?;
    Ok(count + links.len() as u64)
}

async fn record(
    tx: &mut Tx,
    incident_id: IncidentId,
    event: IncidentEvent,
    at: Timestamp,
) -> Result<(), StoreError> {
    let entry = HistoryEntry {
        incident_id,
        at,
        event,
        refers: Reference::default(),
    };
    insert_history(tx, &entry).await
}
