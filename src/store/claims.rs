//! Claims while they are held, renewed together in one statement; and deliveries whose next
//! attempt comes sooner than planned.

use std::time::Duration;

use super::database::{postgres_now, sqlite_now};
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::doubt::ENDS_WITHIN;
use crate::domain::identity::TargetName;
use crate::domain::retry::MAX_WAIT;
use crate::domain::time::Timestamp;

macro_rules! renew {
    ($now:expr) => {
        concat!(
            "update deliveries set lease_until = ",
            $now,
            " + $1 where state = 'sending' and lease_owner = $2 and id in "
        )
    };
}
const RENEW: Statement<'static> = Statement::either(renew!(sqlite_now!()), renew!(postgres_now!()));

impl Store {
    /// Renews the claims of `owner` among `deliveries` for `lasts` from now on, by the
    /// database's clock. Returns those that still belong to it; another worker has the others.
    pub async fn renew_claims(
        &self,
        deliveries: &[i64],
        owner: &str,
        lasts: Duration,
    ) -> Result<Vec<i64>, StoreError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin_write().await?;
        let mut renew = RENEW.bind(lasts).bind(owner);
        renew
            .push_list("", deliveries.iter().copied())
            .push(" returning id", []);
        let renewed = renew.fetch(&mut tx, |row| row.get("id")).await?;
        tx.commit().await?;
        Ok(renewed)
    }

    /// Limits the waits of deliveries to `target` to `latest`, after the clock was set back at `now`.
    /// A delivery in doubt keeps its time unless `doubtful_too`: where the CRM does not refuse a
    /// second record, it must not be looked up before it can be found, and another replica's clock
    /// may be right. So does one that was refused and is tried rarely: at a start all of them at once
    /// could be too much for the CRM. But no delivery, whatever its state, waits for longer than any ever
    /// does.
    pub async fn cap_waits(
        &self,
        target: &TargetName,
        latest: Timestamp,
        doubtful_too: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let longest = Statement::new(
            "update deliveries set \
              next_attempt_at = case when next_attempt_at > $1 then $1 else next_attempt_at end, \
              look_up_from = case when look_up_from > $2 then $2 else look_up_from end \
             where target = $3 and (state in ('waiting', 'dead') \
               or (completes = 1 and state = 'discarded')) \
              and (next_attempt_at > $1 or look_up_from > $2)",
        );
        let longest = longest
            .bind(now.plus(MAX_WAIT + ENDS_WITHIN))
            .bind(now.plus(ENDS_WITHIN));
        longest.bind(target).execute(&mut tx).await?;
        let update = Statement::new(
            "update deliveries set \
              next_attempt_at = case when next_attempt_at > $1 then $1 else next_attempt_at end, \
              look_up_from = case when look_up_from > $4 then $4 else look_up_from end \
             where target = $2 and state = 'waiting' and in_doubt <= $3 \
              and coalesce(parked, '') not in ('ticket', 'operation') \
              and (next_attempt_at > $1 or look_up_from > $4)",
        );
        // Where the CRM refuses a second record, a look-up can be trusted at once.
        let update = update.bind(latest).bind(target).bind(doubtful_too);
        let update = update.bind(now);
        update.execute(&mut tx).await?;
        tx.commit().await
    }
}
