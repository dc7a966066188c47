//! Dead letters and parked deliveries that become due again by themselves, and when a person has seen
//! that their target works.

use super::outbox::names;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::TargetName;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// Whether a later operation of its ticket has overtaken the delivery. A field that is set later and
/// a link come in any order.
macro_rules! is_overtaken {
    () => {
        "exists (select 1 from deliveries later \
           where later.incident_id = deliveries.incident_id and later.id > deliveries.id \
             and later.completes = 0 and later.operation <> 'link' \
             and later.state in ('done', 'sending'))"
    };
}
pub(super) use is_overtaken;

/// The dead letters of the target `$1` that are to be tried at `$2`. A closed incident needs no
/// ticket; but if it has one, that must say that the incident is over. A create in doubt may have
/// made it, so it is looked up even then. Operations on one ticket stay in order: what a later one
/// has overtaken is left to a person.
macro_rules! dead_and_due {
    () => {
        concat!(
            "where target = $1 and state = 'dead' and next_attempt_at <= $2 \
              and exists (select 1 from incidents i where i.id = deliveries.incident_id \
                and (i.state <> 'closed' \
                  or i.ticket_id is not null or deliveries.in_doubt <> 0)) and not ",
            $crate::store::dead_retries::is_overtaken!()
        )
    };
}

impl Store {
    /// Makes dead letters of `target` due again that are to be tried at `now`, while their incident
    /// or its ticket lives. Returns how many.
    pub async fn resume_dead(
        &self,
        target: &TargetName,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let update = Statement::new(concat!(
            "update deliveries set state = 'waiting', behind = 0, attempts = 0, \
              resumptions = resumptions + 1, settled_at = null, \
              next_attempt_at = case when in_doubt <> 0 and look_up_from > $2 then look_up_from else $2 end ",
            dead_and_due!()
        ));
        self.update_alone(update.bind(target).bind(now)).await
    }

    /// Makes every delivery of `operations` due that waits for `target` to accept writes again; with
    /// `dead_letters` also those, which it may have refused while it accepted none. Returns how many.
    pub async fn wake_parked(
        &self,
        target: &TargetName,
        operations: &[Operation],
        dead_letters: bool,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let names = names(operations.iter().copied());
        let update = Statement::new(
            "update deliveries set parked = null, attempts = 0 \
             where target = $1 and parked = 'target' and state = 'waiting' \
              and $2 like '%' || operation || '%'",
        );
        let woken = self.update_alone(update.bind(target).bind(&names)).await?;
        if !dead_letters {
            return Ok(woken);
        }
        let update = Statement::new(
            "update deliveries set next_attempt_at = $1 \
             where target = $2 and state = 'dead' and next_attempt_at > $1 \
              and $3 like '%' || operation || '%'",
        );
        let update = update.bind(now).bind(target).bind(&names);
        self.update_alone(update).await?;
        Ok(woken + self.resume_dead(target, now).await?)
    }

    /// Makes everything due at `now` that the CRM refused `target` alone, or for an operation: a person
    /// has seen that the target works. Returns how many.
    pub async fn try_refused_now(
        &self,
        target: &TargetName,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let update = Statement::new(
            "update deliveries set \
              next_attempt_at = case when in_doubt <> 0 and look_up_from > $1 then look_up_from else $1 end \
             where target = $2 and next_attempt_at > $1 \
              and (state = 'dead' or (state = 'waiting' and parked in ('ticket', 'operation')))",
        );
        self.update_alone(update.bind(now).bind(target)).await
    }

    pub(super) async fn update_alone(&self, update: Statement<'_>) -> Result<u64, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let changed = update.execute(&mut tx).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Whether a dead letter of `target` is to be tried at `now`.
    pub async fn has_dead_due(
        &self,
        target: &TargetName,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(concat!(
            "select id from deliveries ",
            dead_and_due!(),
            " limit 1"
        ));
        let select = select.bind(target).bind(now);
        let found = select.fetch_optional(&mut tx, |row| row.get::<i64>("id"));
        Ok(found.await?.is_some())
    }
}
