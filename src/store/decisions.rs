//! What deciding reads and keeps: undecided events, what is known about a key, and a whole
//! batch of decisions in one transaction, so that a crash can only repeat a batch that left
//! no trace.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::QueryBuilder;

use super::database::{Tx, on};
use super::history::{HistoryEntry, insert_history};
use super::outbox::{self, NewDelivery};
use super::silences::Compiled;
use super::{Content, Fence, JournalEvent, Store, StoreError, failover, fence, review};
use crate::domain::decision::{BurstLock, Known};
use crate::domain::failover::TicketRoute;
use crate::domain::failure::Failure;
use crate::domain::flapping::Onsets;
use crate::domain::incident::{Incident, IncidentState};
use crate::domain::time::Timestamp;
use crate::fault_points;

const ROWS_PER_INSERT: usize = 64;

/// The key under which an incident that is not closed, and a burst lock, are found.
pub fn active_key(rule: &str, key: &str) -> String {
    format!("{rule}\u{1f}{key}")
}

/// An incident as deciding knows it: its life, and what templates see.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptIncident {
    /// The life.
    pub incident: Incident,
    /// The source of its first event.
    pub source: String,
    /// The target that owns the ticket.
    pub target: String,
    /// The targets that it may be opened in, while it is not.
    pub route: TicketRoute,
    /// The values templates see, as of the latest breach; JSON.
    pub context: String,
}

/// What one rule made of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDecision {
    /// The event.
    pub event_seq: i64,
    /// The rule.
    pub rule: String,
    /// What the signal did.
    pub outcome: &'static str,
    /// The incident it concerned.
    pub incident_id: Option<String>,
    /// More about it, such as the end of a lock.
    pub detail: Option<String>,
}

/// An event that goes to review after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReview {
    /// The event.
    pub event_seq: i64,
    /// Why.
    pub reason: String,
}

/// Everything a batch of decisions changes.
#[derive(Debug, Clone, Default)]
pub struct DecisionBatch {
    /// The last event of the batch; `None` when time alone decided.
    pub decided_to: Option<i64>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// What rules said.
    pub decisions: Vec<NewDecision>,
    /// Incidents that changed, each once, closed ones before their successors.
    pub incidents: Vec<KeptIncident>,
    /// Burst locks taken: rule, key, incident id, lock.
    pub locks: Vec<(String, String, String, BurstLock)>,
    /// Transitions.
    pub history: Vec<HistoryEntry>,
    /// Deliveries that are owed no longer, as their ticket is opened in another target, and why.
    pub moved: Vec<(i64, Failure)>,
    /// Deliveries owed, in order.
    pub deliveries: Vec<NewDelivery>,
    /// Events that go to review.
    pub reviews: Vec<NewReview>,
}

const POSITION: &str = "select position from cursors where name = 'decide'";
const UNDECIDED: &str = "select seq, source, event_id, received_at, review is not null, body \
     from events where seq > $1 order by seq limit $2";

type EventRow = (i64, String, String, i64, bool, String);

fn journal_event((seq, source, event_id, received_at, review, body): EventRow) -> JournalEvent {
    JournalEvent {
        seq,
        source: source.into(),
        event_id,
        received_at: Timestamp::from_millis(received_at),
        content: if review {
            Content::InReview
        } else {
            Content::Body(body)
        },
    }
}

impl Store {
    /// The next events to decide on, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when the database cannot be read.
    pub async fn undecided(&self, limit: u32) -> Result<Vec<JournalEvent>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let (position,): (i64,) = on!(&mut tx, connection => {
            sqlx::query_as(POSITION).fetch_one(connection).await?
        });
        let fresh = self.fresh.after(position, limit as usize);
        if !fresh.is_empty() {
            return Ok(fresh);
        }
        let rows: Vec<EventRow> = on!(&mut tx, connection => {
            sqlx::query_as(UNDECIDED)
                .bind(position)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        Ok(rows.into_iter().map(journal_event).collect())
    }

    /// Begins deciding under `fence`: what is loaded from it stays true until it is kept.
    ///
    /// It waits for no sync: a power cut may undo a batch, which is then decided again.
    /// What the batch owes has had no effect by then, because a delivery is sent only after
    /// its claim, which is synced, and everything before the claim with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`] when another replica decides now; [`StoreError::Failed`]
    /// when the database cannot be written.
    pub async fn begin_deciding(&self, fence: &Fence) -> Result<Deciding, StoreError> {
        let mut tx = self.database.begin_unsynced_write().await?;
        let silences_end = fence::check_for_deciding(&mut tx, fence).await?;
        Ok(Deciding {
            tx,
            silences_end: silences_end.map(Timestamp::from_millis),
            compiled: self.compiled.clone(),
        })
    }

    /// When time alone will next change an incident.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when the database cannot be read.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let (due_at,): (Option<i64>,) = on!(&mut tx, connection => {
            sqlx::query_as("select min(due_at) from incidents where due_at is not null")
                .fetch_one(connection)
                .await?
        });
        Ok(due_at.map(Timestamp::from_millis))
    }
}

/// An open batch of decisions. Dropping it leaves no trace.
pub struct Deciding {
    pub(super) tx: Tx,
    /// The last end of all silences.
    pub(super) silences_end: Option<Timestamp>,
    pub(super) compiled: Compiled,
}

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

impl Deciding {
    /// What is known about `keys` (see [`active_key`]): incidents that are not closed, and
    /// locks. Keys nothing is known about are absent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read or a row is damaged.
    pub async fn known(
        &mut self,
        keys: &[String],
    ) -> Result<HashMap<String, (Known, Option<KeptIncident>)>, StoreError> {
        let mut known: HashMap<String, (Known, Option<KeptIncident>)> = HashMap::new();
        for chunk in keys.chunks(ROWS_PER_INSERT) {
            for (key, kept) in self.load_incidents(chunk).await? {
                let entry = known.entry(key).or_default();
                entry.0.incident = Some(kept.incident.clone());
                entry.1 = Some(kept);
            }
            for (key, lock, onsets) in self.load_locks(chunk).await? {
                let known = &mut known.entry(key).or_default().0;
                known.lock = Some(lock);
                known.onsets = onsets;
            }
        }
        Ok(known)
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
            let mut list = query.separated(", ");
            for key in keys {
                list.push_bind(key.clone());
            }
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
        for chunk in outage_keys.chunks(ROWS_PER_INSERT) {
            let rows: Vec<IncidentRow> = on!(&mut self.tx, connection => {
                let mut query = QueryBuilder::new(format!(
                    "select {KEPT_COLUMNS} from incidents where outage_key in ("
                ));
                let mut list = query.separated(", ");
                for key in chunk {
                    list.push_bind(key.clone());
                }
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
            let mut list = query.separated(", ");
            for key in keys {
                list.push_bind(key.clone());
            }
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
                 where due_at is not null and due_at <= $1 order by due_at limit $2",
            )
            .bind(now.as_millis())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?
        });
        rows.into_iter().map(kept_incident).collect()
    }

    /// Keeps the whole batch; durable when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it could not be kept; then none of it was.
    pub async fn keep(
        mut self,
        batch: &DecisionBatch,
        due_at: impl Fn(&Incident) -> Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let tx = &mut self.tx;
        insert_decisions(tx, batch).await?;
        for kept in &batch.incidents {
            upsert_incident(tx, kept, due_at(&kept.incident)).await?;
        }
        for (rule, key, incident_id, lock) in &batch.locks {
            upsert_lock(tx, rule, key, incident_id, lock).await?;
        }
        for entry in &batch.history {
            insert_history(tx, entry).await?;
        }
        for (id, reason) in &batch.moved {
            failover::discard(tx, *id, reason, batch.decided_at).await?;
        }
        for delivery in &batch.deliveries {
            outbox::insert(tx, delivery, batch.decided_at).await?;
        }
        for item in &batch.reviews {
            review::insert_for_event(tx, item.event_seq, &item.reason).await?;
        }
        if let Some(position) = batch.decided_to {
            on!(tx, connection => {
                sqlx::query("update cursors set position = $1 where name = 'decide'")
                    .bind(position)
                    .execute(connection)
                    .await?;
            });
        }
        fault_points::reach("decisions-written");
        self.tx.commit().await?;
        fault_points::reach("decisions-committed");
        Ok(())
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

/// The column `candidates` for `route`: nothing, where there is only one.
fn candidates_text(route: &TicketRoute) -> Option<String> {
    let several = route.candidates.len() > 1;
    several.then(|| serde_json::json!(*route.candidates).to_string())
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

async fn insert_decisions(tx: &mut Tx, batch: &DecisionBatch) -> Result<(), StoreError> {
    for chunk in batch.decisions.chunks(ROWS_PER_INSERT) {
        on!(tx, connection => {
            let mut query = QueryBuilder::new(
                "insert into decisions (event_seq, rule, outcome, incident_id, detail, decided_at) ",
            );
            query.push_values(chunk, |mut row, decision| {
                row.push_bind(decision.event_seq)
                    .push_bind(decision.rule.clone())
                    .push_bind(decision.outcome)
                    .push_bind(decision.incident_id.clone())
                    .push_bind(decision.detail.clone())
                    .push_bind(batch.decided_at.as_millis());
            });
            query.push(" on conflict (event_seq, rule) do nothing");
            query.build().execute(connection).await?;
        });
    }
    Ok(())
}

const UPSERT_INCIDENT: &str = "insert into incidents \
     (id, rule, key, source, state, severity, target, active_key, opened_at, closed_at, \
      occurrences, suppressed, due_at, life, context, outage_key, outage_id, candidates, \
      failed_over_from, flapping) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
      $20) \
     on conflict (id) do update set state = excluded.state, severity = excluded.severity, \
      active_key = excluded.active_key, closed_at = excluded.closed_at, \
      occurrences = excluded.occurrences, suppressed = excluded.suppressed, \
      due_at = excluded.due_at, life = excluded.life, context = excluded.context, \
      outage_key = excluded.outage_key, outage_id = excluded.outage_id, \
      target = excluded.target, candidates = excluded.candidates, \
      failed_over_from = excluded.failed_over_from, \
      flapping = excluded.flapping";

async fn upsert_incident(
    tx: &mut Tx,
    kept: &KeptIncident,
    due_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let incident = &kept.incident;
    let life = serde_json::to_string(incident).map_err(|error| StoreError::Damaged {
        table: "incidents",
        row: incident.id.clone(),
        problem: error.to_string(),
    })?;
    let active_key = (incident.state != IncidentState::Closed)
        .then(|| active_key(&incident.rule, &incident.key));
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    on!(tx, connection => {
        sqlx::query(UPSERT_INCIDENT)
            .bind(&incident.id)
            .bind(&incident.rule)
            .bind(&incident.key)
            .bind(&kept.source)
            .bind(incident.state.as_str())
            .bind(&incident.severity)
            .bind(&kept.target)
            .bind(&active_key)
            .bind(incident.opened_at.as_millis())
            .bind(incident.closed_at.map(Timestamp::as_millis))
            .bind(count(incident.occurrences))
            .bind(count(incident.suppressed))
            .bind(due_at.map(Timestamp::as_millis))
            .bind(life)
            .bind(&kept.context)
            .bind(active_key.as_ref().and(incident.group.as_ref()))
            .bind(&incident.outage_id)
            .bind(candidates_text(&kept.route))
            .bind(&kept.route.failed_over_from)
            .bind(i64::from(incident.is_flapping()))
            .execute(connection)
            .await?;
    });
    if incident.state == IncidentState::Closed {
        keep_onsets(tx, incident).await?;
    }
    Ok(())
}

const KEEP_ONSETS: &str = "insert into burst_locks \
     (lock_key, rule, key, incident_id, taken_at, locked_until, onsets) \
     values ($1, $2, $3, $4, $5, $5, $6) \
     on conflict (lock_key) do update set onsets = excluded.onsets, \
      taken_at = case when burst_locks.locked_until < excluded.locked_until \
        then excluded.taken_at else burst_locks.taken_at end, \
      locked_until = case when burst_locks.locked_until < excluded.locked_until \
        then excluded.locked_until else burst_locks.locked_until end";

/// Keeps when the key's trouble began, lately, beyond the life of `incident`, which is closed.
/// The row is as young as that: a lock that has ended is written as one of no length.
pub(super) async fn keep_onsets(tx: &mut Tx, incident: &Incident) -> Result<(), StoreError> {
    if incident.onsets.is_empty() && incident.flapping.is_none() {
        return Ok(());
    }
    let closed_at = incident.closed_at.unwrap_or(incident.last_breach_at);
    // A list of numbers always serialises.
    let onsets = serde_json::to_string(&incident.onsets).unwrap_or_default();
    on!(tx, connection => {
        sqlx::query(KEEP_ONSETS)
            .bind(active_key(&incident.rule, &incident.key))
            .bind(&incident.rule)
            .bind(&incident.key)
            .bind(&incident.id)
            .bind(closed_at.as_millis())
            .bind(onsets)
            .execute(connection)
            .await?;
    });
    Ok(())
}

const UPSERT_LOCK: &str = "insert into burst_locks \
     (lock_key, rule, key, incident_id, taken_at, locked_until) values ($1, $2, $3, $4, $5, $6) \
     on conflict (lock_key) do update set incident_id = excluded.incident_id, \
      taken_at = excluded.taken_at, locked_until = excluded.locked_until";

async fn upsert_lock(
    tx: &mut Tx,
    rule: &str,
    key: &str,
    incident_id: &str,
    lock: &BurstLock,
) -> Result<(), StoreError> {
    on!(tx, connection => {
        sqlx::query(UPSERT_LOCK)
            .bind(active_key(rule, key))
            .bind(rule)
            .bind(key)
            .bind(incident_id)
            .bind(lock.taken_at.as_millis())
            .bind(lock.until.as_millis())
            .execute(connection)
            .await?;
    });
    Ok(())
}
