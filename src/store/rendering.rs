//! Deliveries whose payload is written again before they are sent: `parked = 'rendering'`.
//!
//! Only what certainly had no effect is rendered again. A delivery in doubt keeps its payload: the
//! CRM may have it already.

use super::dead_letters::is_overtaken;
use super::decision_transaction::DecisionTransaction;
use super::failover::PendingDelivery;
use super::incidents::{IncidentRecord, select_incidents};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

impl Store {
    /// Up to `limit` deliveries that are to be rendered again, oldest first.
    pub async fn deliveries_to_render(&self, limit: u32) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select id from deliveries where parked = 'rendering' and state = 'waiting' \
             order by id limit $1",
        );
        select.bind(limit).fetch(&mut tx, |row| row.get("id")).await
    }

    /// Stores in which records of the CRM the tickets of `target` are, and by which field they are
    /// found.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when that has changed while deliveries are in doubt: their tickets
    /// may exist, and would not be found any more.
    pub async fn register_target(
        &self,
        target: &TargetName,
        records: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let select = Statement::new("select records from rendered_targets where target = $1");
        let before = select
            .bind(target)
            .fetch_optional(&mut tx, |row| row.get::<String>("records"));
        if let Some(before) = before.await?
            && before != records
        {
            let select = Statement::new(
                "select count(*) as count from deliveries \
                 where target = $1 and state in ('waiting', 'sending', 'dead') \
                  and (in_doubt = 1 or state = 'sending')",
            );
            let select = select.bind(target);
            let in_doubt: i64 = select.fetch_one(&mut tx, |row| row.get("count")).await?;
            if in_doubt > 0 {
                return Err(StoreError::Conflict {
                    what: "target",
                    id: target.to_string(),
                    state: format!("configured as {before}"),
                    problem: IN_DOUBT,
                });
            }
        }
        let upsert = Statement::new(
            "insert into rendered_targets (target, records) values ($1, $2) \
             on conflict (target) do update set records = excluded.records",
        );
        upsert.bind(target).bind(records).execute(&mut tx).await?;
        tx.commit().await
    }
}

const IN_DOUBT: &str = "the object, table or key field was changed while deliveries are in doubt: \
     their tickets may exist, and would not be found any more. Start with the settings of before, \
     and wait until no entry of `GET /api/v1/deliveries?target=NAME` has `in_doubt`; replay or \
     discard those that are dead letters with `ringdown dead-letters`";

/// A dead letter with what it would be rendered from.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetterToRender {
    pub record: IncidentRecord,
    pub delivery: PendingDelivery,
    /// Its last attempt may have had an effect.
    pub in_doubt: bool,
    /// A later operation of its ticket was sent.
    pub is_overtaken: bool,
    /// Its incident is closed and has no ticket.
    pub is_over: bool,
}

impl Store {
    /// The dead letter `id` with its incident; `None` when it is none any more.
    pub async fn dead_letter_to_render(
        &self,
        id: i64,
    ) -> Result<Option<DeadLetterToRender>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select d.id, d.incident_id, d.operation, d.payload, d.event_id, d.received_at, \
              d.parent_id, d.in_doubt, \
              (select count(*) from deliveries later where later.incident_id = d.incident_id \
                and later.id > d.id and later.state in ('done', 'sending')) as overtaken, \
              (select count(*) from incidents i where i.id = d.incident_id \
                and i.state = 'closed' and i.ticket_id is null) as is_over \
             from deliveries d where d.id = $1 and d.state = 'dead'",
        );
        let read = |row: &Row| {
            Ok((
                row.get::<IncidentId>("incident_id")?,
                PendingDelivery::read(row)?,
                row.get::<i64>("in_doubt")? != 0,
                row.get::<i64>("overtaken")? != 0,
                row.get::<i64>("is_over")? != 0,
            ))
        };
        let found = select.bind(id).fetch_optional(&mut tx, read).await?;
        let Some((incident_id, delivery, in_doubt, is_overtaken, is_over)) = found else {
            return Ok(None);
        };
        let select = Statement::new(select_incidents!("i.id = $1")).bind(&incident_id);
        let record = select.fetch_optional(&mut tx, IncidentRecord::read).await?;
        Ok(record.map(|record| DeadLetterToRender {
            record,
            delivery,
            in_doubt,
            is_overtaken,
            is_over,
        }))
    }
}

impl DecisionTransaction {
    /// Marks the deliveries of `target` that were rendered from templates with another digest.
    /// Returns how many.
    pub async fn mark_outdated(
        &mut self,
        target: &TargetName,
        digest: &str,
    ) -> Result<u64, StoreError> {
        let tx = &mut self.tx;
        let select = Statement::new("select templates from rendered_targets where target = $1");
        let before = select
            .bind(target)
            .fetch_optional(tx, |row| row.get_optional::<String>("templates"))
            .await?
            .flatten();
        if before.as_deref() == Some(digest) {
            return Ok(0);
        }
        let upsert = Statement::new(
            "insert into rendered_targets (target, records, templates) values ($1, '', $2) \
             on conflict (target) do update set templates = excluded.templates",
        );
        upsert.bind(target).bind(digest).execute(tx).await?;
        if before.is_none() {
            return Ok(0);
        }
        // What the CRM refused may be corrected now.
        let complete = Statement::new(
            "update deliveries set next_attempt_at = 0 \
             where target = $1 and completes = 1 and state = 'discarded'",
        );
        complete.bind(target).execute(tx).await?;
        let mark = Statement::new(concat!(
            "update deliveries set parked = 'rendering', state = 'waiting', settled_at = null, \
              attempts = 0 \
             where target = $1 and state in ('waiting', 'dead') and in_doubt = 0 \
              and operation <> 'link' \
              and (state = 'waiting' or exists (select 1 from incidents i \
                where i.id = deliveries.incident_id \
                 and (i.state <> 'closed' or i.ticket_id is not null))) \
              and (state = 'waiting' or not ",
            is_overtaken!(),
            ")"
        ));
        mark.bind(target).execute(tx).await
    }

    /// The delivery `id` with its incident, locked; `None` when it is not to be rendered any more.
    pub async fn take_for_rendering(
        &mut self,
        id: i64,
    ) -> Result<Option<(IncidentRecord, PendingDelivery)>, StoreError> {
        let tx = &mut self.tx;
        let select = Statement::new(
            "select id, incident_id, operation, payload, event_id, received_at, parent_id \
             from deliveries where id = $1 and parked = 'rendering' and state = 'waiting'",
        );
        let read = |row: &Row| {
            Ok((
                row.get::<IncidentId>("incident_id")?,
                PendingDelivery::read(row)?,
            ))
        };
        let select = select.bind(id).for_update();
        let Some((incident_id, delivery)) = select.fetch_optional(tx, read).await? else {
            return Ok(None);
        };
        let select = Statement::new(select_incidents!("i.id = $1")).bind(&incident_id);
        let record = select.fetch_optional(tx, IncidentRecord::read).await?;
        Ok(record.map(|record| (record, delivery)))
    }

    /// Stores what the delivery `id` was rendered to, and makes it due. `None`: it keeps its payload.
    pub async fn write_rendered(
        &mut self,
        id: i64,
        written: Option<(Operation, String)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let tx = &mut self.tx;
        if let Some((operation, payload)) = written {
            let write =
                Statement::new("update deliveries set operation = $1, payload = $2 where id = $3");
            let write = write.bind(operation.as_str()).bind(payload).bind(id);
            write.execute(tx).await?;
        }
        let due = Statement::new(
            "update deliveries set parked = null, next_attempt_at = $1 where id = $2",
        );
        due.bind(now).bind(id).execute(tx).await?;
        Ok(())
    }

    /// Lets the delivery `id` be sent as it is stored, if it is still to be rendered: its incident
    /// cannot be read.
    pub async fn keep_payload(&mut self, id: i64) -> Result<(), StoreError> {
        let update = Statement::new(
            "update deliveries set parked = null where id = $1 and parked = 'rendering'",
        );
        update.bind(id).execute(&mut self.tx).await?;
        Ok(())
    }

    pub async fn commit_rendered(self) -> Result<(), StoreError> {
        self.tx.commit().await
    }
}
