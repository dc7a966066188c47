//! What watching over ourselves reads and keeps: when sources were last heard, and which of
//! our own incidents go on.

use std::collections::{BTreeMap, BTreeSet};

use super::database::on;
use super::{Store, StoreError};
use crate::domain::time::Timestamp;

const NOTE_HEARD: &str = "insert into sources_heard (source, heard_at) values ($1, $2) \
     on conflict (source) do update set heard_at = excluded.heard_at \
     where sources_heard.heard_at < excluded.heard_at";
/// By the unique index on active keys, which only incidents have that are not closed. Not by a
/// range of keys: PostgreSQL may order text by a language.
const BREACHING: &str =
    "select key, life from incidents where active_key is not null and rule = $1";

impl Store {
    /// Keeps that `source` was heard at `heard_at`, unless a later time is known.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn note_heard(&self, source: &str, heard_at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.database.begin_write().await?;
        on!(&mut tx, connection => {
            sqlx::query(NOTE_HEARD)
                .bind(source)
                .bind(heard_at.as_millis())
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// When each source was last heard, as far as that was kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn heard(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows: Vec<(String, i64)> = on!(&mut tx, connection => {
            sqlx::query_as("select source, heard_at from sources_heard")
                .fetch_all(connection)
                .await?
        });
        let heard = rows.into_iter();
        Ok(heard
            .map(|(source, at)| (source, Timestamp::from_millis(at)))
            .collect())
    }

    /// The keys of `rule` whose incidents are not closed and breach.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn breaching_keys(&self, rule: &str) -> Result<BTreeSet<String>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let rows: Vec<(String, String)> = on!(&mut tx, connection => {
            sqlx::query_as(BREACHING)
                .bind(rule)
                .fetch_all(connection)
                .await?
        });
        let mut keys = BTreeSet::new();
        for (key, life) in rows {
            if super::known::incident_of(&life)?.is_breaching() {
                keys.insert(key);
            }
        }
        Ok(keys)
    }
}
