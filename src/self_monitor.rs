//! Watching over ourselves: looks from time to time at how targets and sources fare, and puts
//! events about what is wrong into the journal, where they go the way of all events.
//!
//! Of several replicas one says what is wrong; each notes which sources it hears. May import:
//! `clock`, `domain`, `store`, `telemetry`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::failure::FailureKind;
use crate::domain::gate::GateState;
use crate::domain::time::Timestamp;
use crate::domain::trouble::{
    Expected, HealthSnapshot, OWN_EVENT, OWN_RULE, OWN_SOURCE, Report, reports, silence_of,
    troubles,
};
use crate::store::{Journal, JournalError, NewEvent, Store, StoreError, TargetHealth};
use crate::telemetry::{Metrics, SourceCounters};

/// Rest between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often lasting trouble is told of again.
const REPEAT_AFTER: Duration = Duration::from_secs(300);
/// How long the lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(15);

/// One look failed; the next one is taken as usual.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A source of which something is expected, as this process hears it.
struct Ear {
    source: String,
    longest: Duration,
    counters: SourceCounters,
    count: u64,
    heard_at: Option<Timestamp>,
    kept_at: Option<Timestamp>,
}

/// Watches until it is told to stop.
pub struct Watch {
    store: Store,
    journal: Journal,
    metrics: Metrics,
    clock: Clock,
    owner: String,
    targets: Vec<String>,
    ears: Vec<Ear>,
    listening_since: Timestamp,
    told: BTreeMap<String, Timestamp>,
}

impl Watch {
    /// A watch over the `expected` sources (name and longest silence) in the replica
    /// `owner`, which tells `targets`.
    pub fn new(
        store: Store,
        journal: Journal,
        metrics: Metrics,
        clock: Clock,
        owner: &str,
        targets: Vec<String>,
        expected: impl IntoIterator<Item = (String, Duration)>,
    ) -> Self {
        let ears = expected.into_iter().map(|(source, longest)| {
            let counters = metrics.source_counters(&source);
            Ear {
                // What was heard before it was listened is not heard now.
                count: counters.heard(),
                counters,
                heard_at: None,
                kept_at: None,
                source,
                longest,
            }
        });
        Self {
            ears: ears.collect(),
            listening_since: clock.now(),
            store,
            journal,
            clock,
            owner: owner.to_owned(),
            targets,
            told: BTreeMap::new(),
            metrics,
        }
    }

    /// Looks until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "cannot look after ourselves; it is tried again");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), LookError> {
        let now = self.clock.now();
        self.listen(now).await?;
        // A process that has its database to itself need not ask who looks.
        if self.store.is_shared()
            && self
                .store
                .take_lease(OWN_RULE, &self.owner, LEASE)
                .await?
                .is_none()
        {
            return Ok(());
        }
        let active = self.store.breaching_keys(OWN_RULE).await?;
        let seen = self.see(&active).await?;
        let present = troubles(&seen, now);
        for report in reports(&present, &active, &self.told, REPEAT_AFTER, now) {
            if self.can_be_told(&report) {
                self.say(&report, now).await?;
            }
        }
        Ok(())
    }

    /// Notes which sources were heard since the last look. It is kept rarely: a restart may
    /// forget as much as a quarter of the silence that is allowed.
    async fn listen(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for ear in &mut self.ears {
            let count = ear.counters.heard();
            if count == ear.count {
                continue;
            }
            ear.heard_at = Some(now);
            let is_due = |kept_at: Timestamp| now.since(kept_at) >= ear.longest / 4;
            if ear.kept_at.is_none_or(is_due) {
                self.store.note_heard(&ear.source, now).await?;
                ear.kept_at = Some(now);
            }
            ear.count = count;
        }
        Ok(())
    }

    async fn see(&self, active: &BTreeSet<String>) -> Result<HealthSnapshot, StoreError> {
        let counts = self.store.counts().await?;
        let kept = self.store.heard().await?;
        let health = self.store.targets_health().await?;
        let refused = FailureKind::IntegrationFailure.as_str();
        let expected = |ear: &Ear| Expected {
            source: ear.source.clone(),
            heard_at: ear.heard_at.max(kept.get(&ear.source).copied()),
            listening_since: self.listening_since,
            max_silence: ear.longest,
            is_known: active.contains(&silence_of(&ear.source)),
        };
        Ok(HealthSnapshot {
            held: health.into_iter().filter_map(held).collect(),
            refused_deliveries: counts
                .dead_letters
                .into_iter()
                .filter(|(_, kind, _)| kind == refused)
                .map(|(target, _, count)| (target, count))
                .collect(),
            expected: self.ears.iter().map(expected).collect(),
            review_items: counts.review_items,
        })
    }

    /// Trouble with the only target has nowhere to be told; log and metrics say it.
    fn can_be_told(&self, report: &Report) -> bool {
        match report {
            Report::There(trouble) => self
                .targets
                .iter()
                .any(|target| trouble.target() != Some(target)),
            Report::Over(_) => true,
        }
    }

    async fn say(&mut self, report: &Report, now: Timestamp) -> Result<(), JournalError> {
        let id = uuid::Uuid::now_v7().to_string();
        let body = event(&id, report, now).to_string();
        let appended = NewEvent {
            source: OWN_SOURCE.into(),
            event_id: id,
            received_at: now,
            body,
            review: None,
            meaning: None,
        };
        self.journal.append(vec![appended]).await?;
        self.metrics.events(OWN_SOURCE, "accepted", 1);
        match report {
            Report::There(trouble) => self.told.insert(trouble.key(), now),
            Report::Over(key) => self.told.remove(key),
        };
        Ok(())
    }
}

fn held(health: TargetHealth) -> Option<(String, String)> {
    let away = health.away?;
    (away.state == GateState::Held).then_some((health.target, away.reason))
}

/// The event in the form that `settings` maps.
fn event(id: &str, report: &Report, now: Timestamp) -> serde_json::Value {
    match report {
        Report::There(trouble) => json!({
            "id": id, "type": OWN_EVENT, "timestamp": now.to_string(), "status": "TROUBLE",
            "about": trouble.key(), "kind": trouble.kind(), "subject": trouble.subject(),
            "target": trouble.target(), "title": trouble.title(), "text": trouble.text(),
        }),
        Report::Over(key) => json!({
            "id": id, "type": OWN_EVENT, "timestamp": now.to_string(), "status": "WELL",
            "about": key, "title": key,
        }),
    }
}
