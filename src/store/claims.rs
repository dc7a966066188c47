//! Claims while they are held: prolonged together, in one statement. And what may be claimed
//! sooner than was thought.

use std::time::Duration;

use sqlx::QueryBuilder;

use super::database::{Tx, millis, on, on_text, postgres_now, sqlite_now};
use super::{Store, StoreError};
use crate::domain::time::Timestamp;

impl Store {
    /// Prolongs the claims of `owner` among `deliveries` for `lasts` from now on, by the
    /// database's clock. Answers those that are still its own; what is missing was taken over.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn prolong_claims(
        &self,
        deliveries: &[i64],
        owner: &str,
        lasts: Duration,
    ) -> Result<Vec<i64>, StoreError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.database.begin_write().await?;
        let now = on_text!(&tx, sqlite_now!(), postgres_now!());
        let kept = prolong(&mut tx, now, deliveries, owner, lasts).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Lets no delivery to `target` wait for longer than until `latest`: for use after the
    /// clock was set back. One that may have taken effect keeps its time unless `doubtful_too`:
    /// where the CRM does not refuse a second record it must not be looked up before it has
    /// settled, and another replica's clock may be right.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn bring_forward(
        &self,
        target: &str,
        latest: Timestamp,
        doubtful_too: bool,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query(
                "update deliveries set next_attempt_at = $1 where target = $2 \
                  and state = 'waiting' and next_attempt_at > $1 and in_doubt <= $3",
            )
            .bind(latest.as_millis())
            .bind(target)
            .bind(i64::from(doubtful_too))
            .execute(connection)
            .await?;
        });
        tx.commit().await
    }
}

async fn prolong(
    tx: &mut Tx,
    now: &str,
    deliveries: &[i64],
    owner: &str,
    lasts: Duration,
) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<(i64,)> = on!(tx, connection => {
        let mut query = QueryBuilder::new("update deliveries set lease_until = ");
        query.push(now).push(" + ").push_bind(millis(lasts));
        query.push(" where state = 'sending' and lease_owner = ").push_bind(owner.to_owned());
        query.push(" and id in (");
        let mut list = query.separated(", ");
        for id in deliveries {
            list.push_bind(*id);
        }
        query.push(") returning id");
        query.build_query_as().fetch_all(connection).await?
    });
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
