//! Deliveries that something in front of a CRM refuses, and what waits for a target.

use super::outbox::names;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::doubt::ENDS_WITHIN;
use crate::domain::identity::TargetName;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

impl Store {
    /// Makes those of `operations` due that something in front of `target` refused alone: the target takes
    /// such writes again. A request that may still be under way is not followed by another one. Returns how
    /// many.
    pub async fn wake_in_front(
        &self,
        target: &TargetName,
        operations: &[Operation],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let update = Statement::new(
            "update deliveries set next_attempt_at = $1 \
             where target = $2 and state = 'waiting' and parked = 'ticket' \
              and last_error like '%\"in_front\":true%' and next_attempt_at > $1 \
              and (in_doubt = 0 or unknown_at is null or unknown_at <= $3) \
              and $4 like '%' || operation || '%'",
        );
        let update = update.bind(now).bind(target).bind(now.minus(ENDS_WITHIN));
        let names = names(operations.iter().copied());
        self.update_alone(update.bind(names)).await
    }

    /// Whether one of `operations` waits until `target` accepts writes again.
    pub async fn waits_for_target(
        &self,
        target: &TargetName,
        operations: &[Operation],
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select 1 as found from deliveries \
             where target = $1 and parked = 'target' and state = 'waiting' \
              and $2 like '%' || operation || '%' limit 1",
        );
        let found = select
            .bind(target)
            .bind(names(operations.iter().copied()))
            .fetch_optional(&mut tx, |row| row.get::<i64>("found"));
        Ok(found.await?.is_some())
    }
}
