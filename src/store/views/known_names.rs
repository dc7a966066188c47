//! Whether a name that is not configured is known from what is stored.

use crate::store::row::Row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

impl Store {
    /// Whether an incident of the rule `rule` is stored. Only asked for one that is not configured.
    pub async fn has_incidents_of(&self, rule: &str) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new("select id from incidents where rule = $1 limit 1").bind(rule);
        let found = select.fetch_optional(&mut tx, |row: &Row| row.get::<String>("id"));
        Ok(found.await?.is_some())
    }

    /// Whether an incident, an event or a review item of `source` is stored. Only asked for one that is
    /// not configured: it sends no new events, so those that are in no chunk yet are few.
    pub async fn has_anything_of_source(&self, source: &str) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select 1 as found where exists (select 1 from event_chunks \
               where kind = 'source' and name = $1) \
              or exists (select 1 from events where source = $1 and seq > \
               (select position from cursors where name = 'event_chunks')) \
              or exists (select 1 from incidents where source = $1) \
              or exists (select 1 from review_items where source = $1)",
        );
        let found = select.bind(source).fetch_optional(&mut tx, |_| Ok(()));
        Ok(found.await?.is_some())
    }

    /// Whether an incident or a delivery in `target` is stored. Only asked for one that is not configured.
    pub async fn has_anything_of_target(&self, target: &str) -> Result<bool, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let select = Statement::new(
            "select 1 as found where exists (select 1 from incidents where target = $1) \
              or exists (select 1 from deliveries where target = $1)",
        );
        let found = select.bind(target).fetch_optional(&mut tx, |_| Ok(()));
        Ok(found.await?.is_some())
    }
}
