//! What deciding reads within its transaction: the incidents that are not closed, and the burst
//! locks, of the keys that it is about to decide on; members of outages; what is due.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::query_builder::{QueryBuilder, Separated};
use sqlx::{Database, Encode, Type};

use super::StoreError;
use super::database::on;
use super::decisions::{Deciding, KeptIncident, active_key};
use crate::domain::decision::BurstLock;
use crate::domain::failover::TicketRoute;
use crate::domain::flapping::Onsets;
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;

/// Keys asked about in one statement.
const MOST_KEYS: usize = 256;

pub(super) type IncidentRow = (
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
);
/// The columns of an [`IncidentRow`].
pub(super) const KEPT_COLUMNS: &str = "life, source, target, context, candidates, failed_over_from";

/// The rows of one key.
#[derive(Debug, Default)]
pub struct KeyRecord {
    /// Its incident that is not closed.
    pub open: Option<KeptIncident>,
    pub lock: Option<BurstLock>,
    /// When its trouble began, lately, beyond the life of an incident.
    pub breach_starts: Onsets,
}

/// Puts `keys` into a list, its last again until there are a power of two of them. So a list has
/// one of nine lengths, and each of these statements is prepared once, not once for every number
/// of keys that a batch happens to have.
fn push_keys<DB>(list: &mut Separated<'_, DB, &'static str>, keys: &[String])
where
    DB: Database,
    for<'k> String: Encode<'k, DB> + Type<DB>,
{
    let missing = keys.len().next_power_of_two() - keys.len();
    let last_again = keys.last().into_iter().cycle().take(missing);
    for key in keys.iter().chain(last_again) {
        list.push_bind(key.clone());
    }
}

impl Deciding {
    /// The records of `keys` (see [`active_key`]). A key without any rows is absent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn load_keys(
        &mut self,
        keys: &[String],
    ) -> Result<HashMap<String, KeyRecord>, StoreError> {
        let mut records: HashMap<String, KeyRecord> = HashMap::new();
        for chunk in keys.chunks(MOST_KEYS) {
            for (key, kept) in self.load_incidents(chunk).await? {
                records.entry(key).or_default().open = Some(kept);
            }
            for (key, lock, onsets) in self.load_locks(chunk).await? {
                let record = records.entry(key).or_default();
                record.lock = Some(lock);
                record.breach_starts = onsets;
            }
        }
        Ok(records)
    }

    async fn load_incidents(
        &mut self,
        keys: &[String],
    ) -> Result<Vec<(String, KeptIncident)>, StoreError> {
        // Locked, so that a ticket's change seen meanwhile is not written over.
        let lock = self.tx.row_lock();
        let rows: Vec<IncidentRow> = on!(&mut self.tx, connection => {
            let mut query = QueryBuilder::new(format!(
                "select {KEPT_COLUMNS} from incidents where active_key in ("
            ));
            push_keys(&mut query.separated(", "), keys);
            query.push(format!("){lock}"));
            query.build_query_as().fetch_all(connection).await?
        });
        rows.into_iter()
            .map(|row| {
                let kept = kept_incident(row)?;
                let key = active_key(&kept.incident.rule, &kept.incident.key);
                Ok((key, kept))
            })
            .collect()
    }

    /// Incidents that are not closed of the groups whose outages have the active keys
    /// `outage_keys`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn members(
        &mut self,
        outage_keys: &[String],
    ) -> Result<Vec<KeptIncident>, StoreError> {
        let mut members = Vec::new();
        let lock = self.tx.row_lock();
        for chunk in outage_keys.chunks(MOST_KEYS) {
            let rows: Vec<IncidentRow> = on!(&mut self.tx, connection => {
                let mut query = QueryBuilder::new(format!(
                    "select {KEPT_COLUMNS} from incidents where outage_key in ("
                ));
                push_keys(&mut query.separated(", "), chunk);
                query.push(format!(") order by opened_at, id{lock}"));
                query.build_query_as().fetch_all(connection).await?
            });
            for row in rows {
                members.push(kept_incident(row)?);
            }
        }
        Ok(members)
    }

    async fn load_locks(
        &mut self,
        keys: &[String],
    ) -> Result<Vec<(String, BurstLock, Onsets)>, StoreError> {
        let rows: Vec<(String, i64, i64, String)> = on!(&mut self.tx, connection => {
            let mut query = QueryBuilder::new(
                "select lock_key, taken_at, locked_until, onsets from burst_locks \
                  where lock_key in (",
            );
            push_keys(&mut query.separated(", "), keys);
            query.push(")");
            query.build_query_as().fetch_all(connection).await?
        });
        Ok(rows
            .into_iter()
            .map(|(key, taken_at, until, onsets)| {
                let lock = BurstLock {
                    taken_at: Timestamp::from_millis(taken_at),
                    until: Timestamp::from_millis(until),
                };
                // Damaged, it is as if nothing had been remembered.
                (key, lock, serde_json::from_str(&onsets).unwrap_or_default())
            })
            .collect())
    }

    /// Incidents that time alone changes by `now`, earliest first, at most `limit`, each with
    /// its key's burst lock.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn due(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<KeptIncident>, StoreError> {
        let rows: Vec<IncidentRow> = on!(&mut self.tx, connection => {
            sqlx::query_as(
                "select life, source, target, context, candidates, failed_over_from from incidents \
                 where due_at is not null and due_at <= $1 and state <> 'closed' \
                 order by due_at limit $2",
            )
            .bind(now.as_millis())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(kept_incident).collect()
    }
}

/// The route of a ticket in `target`, as its columns keep it.
pub(super) fn route_of(
    target: &str,
    candidates: Option<&str>,
    failed_over_from: Option<String>,
) -> Result<TicketRoute, StoreError> {
    let candidates = match candidates {
        None => Arc::from([target.to_owned()]),
        Some(text) => {
            let names: Result<Vec<String>, _> = serde_json::from_str(text);
            names
                .map_err(|error| StoreError::Damaged {
                    table: "incidents",
                    row: text.chars().take(60).collect(),
                    problem: error.to_string(),
                })?
                .into()
        }
    };
    Ok(TicketRoute {
        candidates,
        failed_over_from,
    })
}

/// The incident that `life`, the column, holds.
pub(super) fn incident_of(life: &str) -> Result<Incident, StoreError> {
    serde_json::from_str(life).map_err(|error| StoreError::Damaged {
        table: "incidents",
        row: life.chars().take(60).collect(),
        problem: error.to_string(),
    })
}

pub(super) fn kept_incident(row: IncidentRow) -> Result<KeptIncident, StoreError> {
    let (life, source, target, context, candidates, failed_over_from) = row;
    Ok(KeptIncident {
        incident: incident_of(&life)?,
        source,
        route: route_of(&target, candidates.as_deref(), failed_over_from)?,
        target,
        context,
    })
}
