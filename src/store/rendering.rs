//! Deliveries whose payload is written again before they are sent: `parked = 'rendering'`.
//!
//! Only what certainly had no effect is rendered again. A delivery in doubt keeps its payload, because
//! the CRM may have it already. When a look-up has shown that it has not, the delivery is rendered
//! before it is sent (`after_look_up`).

use super::dead_retries::is_overtaken;
use super::decision_transaction::DecisionTransaction;
use super::failover::PendingDelivery;
use super::incidents::{IncidentRecord, select_incidents};
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::doubt::AfterLookUp;
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
}

/// A dead letter, or a delivery that is parked alone, with what it would be rendered from.
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
    /// The dead letter or parked delivery `id` with its incident; `None` when it is neither any more.
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
             from deliveries d where d.id = $1 \
              and (d.state = 'dead' or (d.state = 'waiting' and d.parked is not null))",
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

/// Whether a delivery that waits or is a dead letter is rendered again after a change of the templates.
macro_rules! may_be_rendered {
    () => {
        concat!(
            "and operation <> 'link' \
              and (state = 'waiting' or exists (select 1 from incidents i \
                where i.id = deliveries.incident_id \
                 and (i.state <> 'closed' or i.ticket_id is not null))) \
              and (state = 'waiting' or not ",
            is_overtaken!(),
            ")"
        )
    };
}

impl DecisionTransaction {
    /// Marks the deliveries of `target` that were rendered from templates with another digest.
    /// Returns how many.
    pub async fn mark_outdated(
        &mut self,
        target: &TargetName,
        digest: &str,
        now: Timestamp,
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
            "update deliveries set parked = 'rendering', state = 'waiting', behind = 0, settled_at = null, \
              attempts = 0 \
             where target = $1 and state in ('waiting', 'dead') and in_doubt = 0 ",
            may_be_rendered!()
        ));
        let marked = mark.bind(target).execute(tx).await?;
        // The CRM may have it already. It is looked up soon, and rendered if it is not there.
        let look_up = Statement::new(concat!(
            "update deliveries set after_look_up = $1, state = 'waiting', behind = 0, settled_at = null, \
              attempts = 0, parked = case when parked = 'target' then parked end, \
              next_attempt_at = case when look_up_from > $2 then look_up_from else $2 end \
             where target = $3 and state in ('waiting', 'dead') and in_doubt = 1 \
              and completes = 0 and coalesce(after_look_up, $1) = $1 ",
            may_be_rendered!()
        ));
        let look_up = look_up.bind(AfterLookUp::Render.as_str()).bind(now);
        let in_doubt = look_up.bind(target).execute(tx).await?;
        // Another process may be sending it, or has died while it did.
        let sending = Statement::new(
            "update deliveries set after_look_up = $1 \
             where target = $2 and state = 'sending' and operation <> 'link' and completes = 0 \
              and after_look_up is null",
        );
        let sending = sending.bind(AfterLookUp::Render.as_str()).bind(target);
        sending.execute(tx).await?;
        Ok(marked + in_doubt)
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
