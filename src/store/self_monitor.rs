//! The data of self-monitoring: when each source last sent an event, and which of the daemon's own
//! incidents are active.

use std::collections::{BTreeMap, BTreeSet};

use super::incidents::read_life;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::identity::IncidentId;
use crate::domain::time::Timestamp;

const NOTE_HEARD: &str = "insert into sources_heard (source, heard_at) values ($1, $2) \
     on conflict (source) do update set heard_at = excluded.heard_at \
     where sources_heard.heard_at < excluded.heard_at";
/// By the unique index on active keys, which only incidents have that are not closed. Not by a
/// range of keys: PostgreSQL may order text by a language.
const ACTIVE: &str =
    "select id, key, life from incidents where active_key is not null and rule = $1";

impl Store {
    /// Keeps that `source` sent an event at `heard_at`, unless a later time is known.
    pub async fn record_heartbeat(
        &self,
        source: &str,
        heard_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        let upsert = Statement::new(NOTE_HEARD).bind(source).bind(heard_at);
        upsert.execute(&mut tx).await?;
        tx.commit().await
    }

    /// When each source last sent an event, as far as that was kept.
    pub async fn last_heartbeats(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let heard = |row: &Row| Ok((row.get("source")?, row.get("heard_at")?));
        let select = Statement::new("select source, heard_at from sources_heard");
        Ok(select.fetch(&mut tx, heard).await?.into_iter().collect())
    }

    /// The keys of `rule` whose incidents are not closed and breach.
    pub async fn breaching_keys(&self, rule: &str) -> Result<BTreeSet<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let breaching_key = |row: &Row| {
            let id: IncidentId = row.get("id")?;
            let is_breaching = read_life(row, &id)?.is_breaching();
            Ok(is_breaching.then_some(row.get::<String>("key")?))
        };
        let select = Statement::new(ACTIVE).bind(rule);
        let keys = select.fetch(&mut tx, breaching_key).await?;
        Ok(keys.into_iter().flatten().collect())
    }
}
