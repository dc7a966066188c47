//! How many processes share the database: each holds a lease of its own while it runs.

use std::time::Duration;

use super::database::{postgres_now, sqlite_now};
use super::leases::TAKE;
use super::statement::Statement;
use super::{Store, StoreError};

macro_rules! forget_ended {
    ($now:expr) => {
        concat!(
            "delete from leases where name like 'replica:%' and until <= ",
            $now
        )
    };
}
const FORGET_ENDED: Statement<'static> =
    Statement::either(forget_ended!(sqlite_now!()), forget_ended!(postgres_now!()));

impl Store {
    /// Notes that the process `owner` runs, for `lasts` from now on. Answers how many run.
    pub async fn note_replica(&self, owner: &str, lasts: Duration) -> Result<u32, StoreError> {
        let mut tx = self.database.begin_write().await?;
        let name = format!("replica:{owner}");
        let take = TAKE.bind(&name).bind(owner).bind(lasts);
        take.execute(&mut tx).await?;
        FORGET_ENDED.execute(&mut tx).await?;
        let count =
            Statement::new("select count(*) as running from leases where name like 'replica:%'");
        let running: i64 = count.fetch_one(&mut tx, |row| row.get("running")).await?;
        tx.commit().await?;
        Ok(u32::try_from(running).unwrap_or(u32::MAX))
    }

    /// The process `owner` ends.
    pub async fn forget_replica(&self, owner: &str) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let name = format!("replica:{owner}");
        let delete = Statement::new("delete from leases where name = $1").bind(&name);
        delete.execute(&mut tx).await?;
        tx.commit().await
    }
}
