//! The changes of a batch of decisions, stored in one transaction, so that a crash can only repeat
//! a batch that left no trace.

use super::activity::{self, HourCounts};
use super::burst_locks::write_lock;
use super::database::Tx;
use super::decision_transaction::DecisionTransaction;
use super::entities::{EntityRecord, write_entities};
use super::event_chunks;
use super::history::{HistoryEntry, insert_history};
use super::incidents::{IncidentRecord, write_incident};
use super::match_counts::write_match_count;
use super::outbox::{self, NewDelivery};
use super::statement::{Statement, padded};
use super::{StoreError, failover, floods, review};
use crate::domain::decision::BurstLock;
use crate::domain::failure::Failure;
use crate::domain::flood::SourceRate;
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::incident::Incident;
use crate::domain::match_count::MatchCount;
use crate::domain::time::Timestamp;
use crate::fault_points;

const ROWS_PER_INSERT: usize = 64;

/// The decision of one rule on one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    pub event_seq: i64,
    pub rule: String,
    pub outcome: &'static str,
    /// The incident it concerned.
    pub incident_id: Option<IncidentId>,
    /// More about it, such as the end of a lock.
    pub detail: Option<String>,
}

/// An event that goes to review after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReview {
    pub event_seq: i64,
    pub reason: String,
}

/// Everything a batch of decisions changes.
#[derive(Debug, Clone, Default)]
pub struct DecisionBatch {
    /// The last event of the batch; `None` when time alone decided.
    pub decided_to: Option<i64>,
    pub decided_at: Timestamp,
    pub decisions: Vec<DecisionRecord>,
    /// Incidents that changed, each once, closed ones before their successors.
    pub incidents: Vec<IncidentRecord>,
    /// Burst locks taken, each with the incident whose ticket took it.
    pub locks: Vec<(IncidentKey, IncidentId, BurstLock)>,
    pub history: Vec<HistoryEntry>,
    /// Deliveries to discard, as their ticket is opened in another target, and why.
    pub moved: Vec<(i64, Failure)>,
    /// Deliveries to enqueue, in order.
    pub deliveries: Vec<NewDelivery>,
    pub reviews: Vec<NewReview>,
    /// How fast sources begin incidents.
    pub rates: Vec<(String, SourceRate)>,
    /// Entities that changed, each once.
    pub entities: Vec<EntityRecord>,
    /// Matches of keys whose rule needs several of them.
    pub match_counts: Vec<(IncidentKey, MatchCount)>,
    /// What the batch says about the hours of its events.
    pub activity: HourCounts,
}

impl DecisionTransaction {
    /// Stores the whole batch. After an error nothing of it is stored. A power cut may undo it
    /// ([`begin_decisions`](super::Store::begin_decisions)).
    pub async fn commit(
        mut self,
        batch: &DecisionBatch,
        due_at: impl Fn(&Incident) -> Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let tx = &mut self.tx;
        insert_decisions(tx, &batch.decisions, batch.decided_at).await?;
        for record in &batch.incidents {
            write_incident(tx, record, due_at(&record.incident), None).await?;
        }
        for (key, incident_id, lock) in &batch.locks {
            write_lock(tx, key, incident_id, lock).await?;
        }
        for entry in &batch.history {
            insert_history(tx, entry).await?;
        }
        for (id, reason) in &batch.moved {
            failover::discard(tx, *id, reason, batch.decided_at).await?;
            event_chunks::note_moved(tx, *id).await?;
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
        write_entities(tx, &batch.entities).await?;
        for (key, count) in &batch.match_counts {
            write_match_count(tx, key, count, batch.decided_at).await?;
        }
        if let Some(position) = batch.decided_to {
            Statement::new("update cursors set position = $1 where name = 'decide'")
                .bind(position)
                .execute(tx)
                .await?;
        }
        activity::add(tx, &batch.activity).await?;
        fault_points::reach("decisions-written");
        self.tx.commit().await?;
        fault_points::reach("decisions-committed");
        Ok(())
    }
}

/// Stores decisions. Of an event and a rule the first one stays.
pub(super) async fn insert_decisions(
    tx: &mut Tx,
    decisions: &[DecisionRecord],
    decided_at: Timestamp,
) -> Result<(), StoreError> {
    for chunk in decisions.chunks(ROWS_PER_INSERT) {
        let mut insert = Statement::new(
            "insert into decisions (event_seq, rule, outcome, incident_id, detail, decided_at) ",
        );
        // A row that comes twice is inserted once.
        let rows = padded(chunk.iter().collect()).into_iter().map(|decision| {
            [
                decision.event_seq.into(),
                (&decision.rule).into(),
                decision.outcome.into(),
                (&decision.incident_id).into(),
                (&decision.detail).into(),
                decided_at.into(),
            ]
        });
        insert.push_rows("values ", rows);
        insert.push(" on conflict (event_seq, rule) do nothing", []);
        insert.execute(tx).await?;
    }
    Ok(())
}
