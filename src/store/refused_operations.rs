//! Deliveries that wait for the CRM to accept their operation again, of any ticket; and those that wait for
//! their ticket.

use super::due::is_free;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::{IncidentId, TargetName};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// So often a change that finds no ticket is tried while a poll shows the ticket.
const TRIES_WHILE_SHOWN: u32 = 3;

impl Store {
    /// Makes everything due that waits for `target` to accept `operation` again. `refused_alone`:
    /// also what was refused before it was known that every ticket is. What a resolution has passed
    /// stays behind it. Returns how many.
    pub async fn wake_refused(
        &self,
        target: &TargetName,
        operation: Operation,
        refused_alone: bool,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let update = Statement::new(
            "update deliveries set parked = null, behind = 0, attempts = 0, next_attempt_at = $1 \
             where target = $2 and state = 'waiting' and operation = $3 \
              and (parked = 'operation' or (parked = 'ticket' and in_doubt = 0 and $4 = 1)) \
              and not exists (select 1 from deliveries later \
                where later.incident_id = deliveries.incident_id and later.id > deliveries.id \
                  and later.operation = 'resolve' and later.state in ('sending', 'done'))",
        );
        let update = update.bind(now).bind(target).bind(operation.as_str());
        let woken = self.update_alone(update.bind(refused_alone)).await?;
        if !refused_alone {
            return Ok(woken);
        }
        let update = Statement::new(
            "update deliveries set next_attempt_at = $1 \
             where target = $2 and state = 'dead' and operation = $3 and in_doubt = 0 \
              and next_attempt_at > $1",
        );
        let update = update.bind(now).bind(target).bind(operation.as_str());
        self.update_alone(update).await?;
        Ok(woken + self.resume_dead(target, now).await?)
    }

    /// Makes changes due at `now` that were refused because their tickets were not there: `target` shows the
    /// tickets `shown`. Those among `back` were not shown before. Of the others a change is tried a few
    /// times only: what is read may not be what can be written. Returns how many.
    pub async fn wake_not_found(
        &self,
        target: &TargetName,
        shown: &[&str],
        back: &[String],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let (back, others): (Vec<&str>, Vec<&str>) = shown
            .iter()
            .partition(|id| back.iter().any(|one| one == *id));
        let mut woken = 0;
        for (tickets, most_tries) in [(back, u32::MAX), (others, TRIES_WHILE_SHOWN)] {
            if tickets.is_empty() {
                continue;
            }
            let mut update = Statement::new(
                "update deliveries set next_attempt_at = \
                  case when in_doubt <> 0 and look_up_from > $1 then look_up_from else $1 end \
                 where next_attempt_at > $1 and operation <> 'create' and resumptions < $2 \
                  and (state = 'dead' or (state = 'waiting' and parked in ('ticket', 'operation'))) \
                  and last_error like '%\"status\":404%' \
                  and incident_id in (select i.id from incidents i where i.target = $3 \
                    and i.ticket_id in ",
            )
            .bind(now)
            .bind(most_tries)
            .bind(target);
            update.push_list("", tickets);
            update.push(")", []);
            woken += self.update_alone(update).await?;
        }
        if woken > 0 {
            self.resume_dead(target, now).await?;
        }
        Ok(woken)
    }

    /// Whether anything of `operation` waits for `target`, or was given up.
    pub async fn owes(
        &self,
        target: &TargetName,
        operation: Operation,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        for text in [
            "select 1 as found from deliveries \
             where target = $1 and operation = $2 and state in ('waiting', 'sending') limit 1",
            "select 1 as found from deliveries \
             where target = $1 and operation = $2 and state = 'dead' limit 1",
        ] {
            let select = Statement::new(text).bind(target).bind(operation.as_str());
            let found = select.fetch_optional(&mut tx, |row| row.get::<i64>("found"));
            if found.await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of what waits for `target` to accept `operation` again the first is due, unless one is being sent.
    pub async fn try_one_refused(
        &self,
        target: &TargetName,
        operation: Operation,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let update = Statement::new(concat!(
            "update deliveries set next_attempt_at = $1 \
             where next_attempt_at > $1 and state = 'waiting' and id = (select d.id from deliveries d \
               where d.target = $2 and d.parked = 'operation' and d.state = 'waiting' \
                and d.operation = $3 and ",
            is_free!(),
            " order by d.next_attempt_at, d.id limit 1) \
              and not exists (select 1 from deliveries sent where sent.target = $2 \
                and sent.operation = $3 and sent.state = 'sending')"
        ));
        let update = update.bind(now).bind(target).bind(operation.as_str());
        self.update_alone(update).await
    }

    /// Dead creates of `incidents` wait for `target`: several tickets were refused like theirs, so it was
    /// not about one. Returns those of the incidents whose creates are still being sent.
    pub async fn join_refused_creates(
        &self,
        target: &TargetName,
        incidents: &[IncidentId],
        now: Timestamp,
    ) -> Result<Vec<IncidentId>, StoreError> {
        if incidents.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin_write().await?;
        // Before the others are changed: on PostgreSQL a result may be stored between the two.
        let mut select = Statement::new(
            "select incident_id from deliveries \
             where target = $1 and operation = 'create' and state = 'sending' and incident_id in ",
        )
        .bind(target);
        select.push_list("", incidents.iter().map(IncidentId::as_str));
        let sending = select.fetch(&mut tx, |row| row.get("incident_id")).await?;
        let mut update = Statement::new(
            "update deliveries set state = 'waiting', parked = 'target', behind = 0, attempts = 0, \
              settled_at = null, next_attempt_at = $1 \
             where target = $2 and operation = 'create' and state = 'dead' and in_doubt = 0 \
              and exists (select 1 from incidents i where i.id = deliveries.incident_id \
                and i.state <> 'closed') \
              and incident_id in ",
        )
        .bind(now)
        .bind(target);
        update.push_list("", incidents.iter().map(IncidentId::as_str));
        update.execute(&mut tx).await?;
        tx.commit().await?;
        Ok(sending)
    }
}

#[cfg(test)]
#[path = "refused_operations_tests.rs"]
mod tests;
