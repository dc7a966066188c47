//! Deliveries that wait for the CRM to accept their operation again, of any ticket.

use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::TargetName;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

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
}
