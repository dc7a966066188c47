//! What deciding reads and keeps: undecided events, and a whole batch of decisions in one
//! transaction, so that a crash can only repeat a batch that left no trace.

use sqlx::QueryBuilder;

use super::database::{Tx, on};
use super::history::{HistoryEntry, insert_history};
use super::outbox::{self, NewDelivery};
use super::silences::Compiled;
use super::{Content, Fence, JournalEvent, Store, StoreError, failover, fence, floods, review};
use crate::domain::decision::BurstLock;
use crate::domain::failover::TicketRoute;
use crate::domain::failure::Failure;
use crate::domain::flood::SourceRate;
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
    /// How fast sources begin incidents.
    pub rates: Vec<(String, SourceRate)>,
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
        let newest = self.hand_off.after(position, limit as usize);
        if !newest.is_empty() {
            return Ok(newest);
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

    /// When time alone will next change an incident. What a flood held whose ticket a person has
    /// closed is due at once, even where deciding is behind.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when the database cannot be read.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.database.begin_read().await?;
        let (due_at,): (Option<i64>,) = on!(&mut tx, connection => {
            sqlx::query_as(
                "select min(due_at) from \
                  (select min(due_at) as due_at from incidents \
                    where due_at is not null and state <> 'closed' \
                   union all select cast(0 as bigint) from incidents \
                    where flood_verdict is not null and state = 'closed') as due",
            )
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

impl Deciding {
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
        for (source, rate) in &batch.rates {
            floods::upsert_rate(tx, source, rate).await?;
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

/// The column `candidates` for `route`: nothing, where there is only one.
fn candidates_text(route: &TicketRoute) -> Option<String> {
    let several = route.candidates.len() > 1;
    several.then(|| serde_json::json!(*route.candidates).to_string())
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

/// What a person decided about an incident that a flood holds stays, and is due, until deciding
/// has carried it out. The flood is that of the source of the first event.
const UPSERT_INCIDENT: &str = "insert into incidents \
     (id, rule, key, source, state, severity, target, active_key, opened_at, closed_at, \
      occurrences, suppressed, due_at, life, context, outage_key, outage_id, candidates, \
      failed_over_from, flapping, flood_source) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
      $20, $21) \
     on conflict (id) do update set state = excluded.state, severity = excluded.severity, \
      active_key = excluded.active_key, closed_at = excluded.closed_at, \
      occurrences = excluded.occurrences, suppressed = excluded.suppressed, \
      due_at = case when excluded.flood_source is not null and incidents.flood_verdict is not null \
        then incidents.due_at else excluded.due_at end, life = excluded.life, context = excluded.context, \
      outage_key = excluded.outage_key, outage_id = excluded.outage_id, \
      target = excluded.target, candidates = excluded.candidates, \
      failed_over_from = excluded.failed_over_from, \
      flapping = excluded.flapping, \
      flood_source = case when excluded.flood_source is null then null else incidents.source end, \
      flood_verdict = case when excluded.flood_source is null then null \
        else incidents.flood_verdict end";

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
            .bind(incident.is_held_by_flood().then_some(&kept.source))
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
