//! The states of entities: how queues, trunks, Edges and other things stand.

use std::collections::{HashMap, HashSet};

use super::database::Tx;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::domain::entity::{EntityState, keys_of};
use crate::domain::time::Timestamp;

/// Keys asked about in one statement.
const MAX_KEYS: usize = 512;
/// Most rows written by one statement. Fewer are written by statements of powers of two rows, so
/// that there are few of them to prepare.
const MAX_ROWS: usize = 64;

/// The state of an entity, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityRecord {
    pub key: String,
    /// When it was last heard of, by our clock.
    pub heard_at: Timestamp,
    pub state: EntityState,
}

/// The stored states with some keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredEntities {
    pub states: HashMap<String, EntityState>,
    /// Keys whose state cannot be read. It is as if nothing had been known.
    pub damaged: HashSet<String>,
}

/// The result of one step of forgetting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForgottenEntities {
    /// Where the next step goes on; `None` when all have been looked at.
    pub next_after: Option<String>,
    pub entities: u64,
}

const LOAD: &str = "select entity_key, state from entities where entity_key in ";

const COUNT: &str = "select count(*) as entities from (select 1 from entities \
     where entity_key >= $1 and entity_key < $2 limit $3) as of_source";

const WALK: &str = "select entity_key, heard_at from entities where entity_key > $1 \
     order by entity_key limit $2";

impl Store {
    /// The states with `keys`. Only the one decider changes them, under its lease, so they stay
    /// valid until its batch is committed.
    pub async fn load_entities(&self, keys: &[&str]) -> Result<StoredEntities, StoreError> {
        let mut stored = StoredEntities::default();
        let mut tx = self.database.begin_read().await?;
        for chunk in keys.chunks(MAX_KEYS) {
            let mut select = Statement::new(LOAD);
            select.push_list("", chunk.iter().copied());
            let rows = select.fetch(&mut tx, read_state).await?;
            for (key, state) in rows {
                match state {
                    Some(state) => drop(stored.states.insert(key, state)),
                    None => drop(stored.damaged.insert(key)),
                }
            }
        }
        Ok(stored)
    }

    /// How many entities of `source` are stored, counted up to `most`.
    pub async fn count_entities(&self, source: &str, most: u64) -> Result<u64, StoreError> {
        let (first, end) = keys_of(source);
        let mut tx = self.database.begin_read().await?;
        let count = Statement::new(COUNT).bind(first).bind(end).bind(most);
        count.fetch_one(&mut tx, |row| row.get("entities")).await
    }

    /// Forgets entities that were last heard of before `cutoff`: looks at up to `limit` of them
    /// after the key `after`.
    pub async fn forget_entities(
        &self,
        after: &str,
        cutoff: Timestamp,
        limit: u32,
    ) -> Result<ForgottenEntities, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let walk = Statement::new(WALK).bind(after).bind(limit);
        let seen: Vec<(String, Timestamp)> = walk
            .fetch(&mut tx, |row| {
                Ok((row.get("entity_key")?, row.get("heard_at")?))
            })
            .await?;
        drop(tx);
        let is_last = seen.len() < limit as usize;
        let next_after = seen.last().filter(|_| !is_last).map(|(key, _)| key.clone());
        let old = seen.iter().filter(|(_, heard_at)| *heard_at < cutoff);
        let old: Vec<&String> = old.map(|(key, _)| key).collect();
        let mut entities = 0;
        if !old.is_empty() {
            let mut tx = self.database.begin_write().await?;
            let mut delete = Statement::new("delete from entities where heard_at < $1");
            delete = delete.bind(cutoff);
            delete.push_list(" and entity_key in ", old);
            entities = delete.execute(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(ForgottenEntities {
            next_after,
            entities,
        })
    }
}

/// The key of a row, and its state; `None`: it is damaged, or of a version that this one cannot read.
fn read_state(row: &Row) -> Result<(String, Option<EntityState>), StoreError> {
    let key: String = row.get("entity_key")?;
    // What stands there need not be text: one row must not stop the decisions about all others.
    let state = match row.get::<String>("state") {
        Ok(text) => serde_json::from_str(&text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match state {
        Ok(state) => Ok((key, Some(state))),
        Err(error) => {
            tracing::warn!(
                entity = key.replace('\u{1f}', "/"),
                error,
                "the stored state of an entity cannot be read; it is dropped, and begins anew"
            );
            Ok((key, None))
        }
    }
}

pub(super) async fn write_entities(
    tx: &mut Tx,
    mut records: &[EntityRecord],
) -> Result<(), StoreError> {
    while !records.is_empty() {
        let rows = 1 << records.len().min(MAX_ROWS).ilog2();
        let (chunk, rest) = records.split_at(rows);
        let mut insert = Statement::new("insert into entities (entity_key, heard_at, state) ");
        let mut values = Vec::with_capacity(chunk.len());
        for record in chunk {
            let state =
                serde_json::to_string(&record.state).map_err(|error| StoreError::Damaged {
                    table: "entities",
                    row: record.key.clone(),
                    problem: error.to_string(),
                })?;
            values.push([(&record.key).into(), record.heard_at.into(), state.into()]);
        }
        insert.push_rows("values ", values);
        insert.push(
            " on conflict (entity_key) do update set heard_at = excluded.heard_at, \
              state = excluded.state",
            [],
        );
        insert.execute(tx).await?;
        records = rest;
    }
    Ok(())
}

#[cfg(test)]
#[path = "entities_tests.rs"]
mod tests;
