//! Monitors Ringdown itself: checks the health of targets and sources from time to time, and puts
//! events about trouble into the journal, where they are handled like all events.
//!
//! Of several replicas one reports trouble; each notes which sources send to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::failure::FailureKind;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;
use crate::domain::trouble::{
    Expected, HealthSnapshot, OWN_EVENT, OWN_RULE, OWN_SOURCE, Report, reports, silence_of,
    troubles,
};
use crate::store::{
    ConditionState, Journal, JournalError, NewEvent, OpenCondition, Store, StoreError, TargetHealth,
};
use crate::telemetry::{Metrics, SourceCounters};

/// Rest between two checks.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How often lasting trouble is reported again.
const REPEAT_AFTER: Duration = Duration::from_secs(300);
/// How long the lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(15);

/// One check failed; the next one runs as usual.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// When a source with `expect_every` last sent something to this process.
struct SourceHeartbeat {
    source: String,
    max_silence: Duration,
    counters: SourceCounters,
    /// Events received at the last check.
    count: u64,
    received_at: Option<Timestamp>,
    /// When `received_at` was last stored.
    stored_at: Option<Timestamp>,
}

/// Checks until it is stopped.
pub(crate) struct SelfMonitor {
    store: Store,
    journal: Journal,
    metrics: Metrics,
    clock: Clock,
    owner: String,
    targets: Vec<TargetName>,
    heartbeats: Vec<SourceHeartbeat>,
    listening_since: Timestamp,
    /// By the key of the trouble, when it was last reported.
    reported: BTreeMap<String, Timestamp>,
}

impl SelfMonitor {
    /// Monitors the `expected` sources (name and longest silence) in the replica `owner`; `targets`
    /// take the tickets about trouble.
    pub(crate) fn new(
        store: Store,
        journal: Journal,
        metrics: Metrics,
        clock: Clock,
        owner: &str,
        targets: Vec<TargetName>,
        expected: impl IntoIterator<Item = (String, Duration)>,
    ) -> Self {
        let heartbeats = expected.into_iter().map(|(source, max_silence)| {
            let counters = metrics.source_counters(&source);
            SourceHeartbeat {
                // Events from before this start do not count.
                count: counters.heard(),
                counters,
                received_at: None,
                stored_at: None,
                source,
                max_silence,
            }
        });
        Self {
            heartbeats: heartbeats.collect(),
            listening_since: clock.now(),
            store,
            journal,
            clock,
            owner: owner.to_owned(),
            targets,
            reported: BTreeMap::new(),
            metrics,
        }
    }

    /// Checks until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.check().await {
                tracing::warn!(%error, "Ringdown's own health cannot be checked; retrying");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(CHECK_EVERY) => {}
            }
        }
    }

    async fn check(&mut self) -> Result<(), CheckError> {
        let now = self.clock.now();
        self.note_heartbeats(now).await?;
        // Without other replicas no lease is needed.
        if self.store.is_shared()
            && self
                .store
                .acquire_lease(OWN_RULE, &self.owner, LEASE)
                .await?
                .is_none()
        {
            return Ok(());
        }
        let active = self.store.breaching_keys(OWN_RULE).await?;
        let health = self.health(&active).await?;
        let present = troubles(&health, now);
        for report in reports(&present, &active, &self.reported, REPEAT_AFTER, now) {
            if self.has_a_target(&report) {
                self.report(&report, now).await?;
            }
        }
        Ok(())
    }

    /// Notes which sources have sent something since the last check. It is stored rarely: a restart
    /// may forget up to a quarter of the allowed silence.
    async fn note_heartbeats(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for heartbeat in &mut self.heartbeats {
            let count = heartbeat.counters.heard();
            if count == heartbeat.count {
                continue;
            }
            heartbeat.received_at = Some(now);
            let is_due = |stored_at: Timestamp| now.since(stored_at) >= heartbeat.max_silence / 4;
            if heartbeat.stored_at.is_none_or(is_due) {
                self.store.record_heartbeat(&heartbeat.source, now).await?;
                heartbeat.stored_at = Some(now);
            }
            heartbeat.count = count;
        }
        Ok(())
    }

    async fn health(&self, active: &BTreeSet<String>) -> Result<HealthSnapshot, StoreError> {
        let counts = self.store.counts().await?;
        let stored = self.store.last_heartbeats().await?;
        let targets = self.store.targets_health().await?;
        let conditions = self.store.open_conditions().await?;
        let refused = FailureKind::IntegrationFailure.as_str();
        let expected = |one: &SourceHeartbeat| Expected {
            source: one.source.clone(),
            // Another replica may have received its events.
            heard_at: one.received_at.max(stored.get(&one.source).copied()),
            listening_since: self.listening_since,
            max_silence: one.max_silence,
            is_known: active.contains(&silence_of(&one.source)),
        };
        let refused_deliveries: Vec<_> = counts
            .dead_letters
            .into_iter()
            .filter(|(_, kind, _)| kind == refused)
            .map(|(target, _, count)| (target, count))
            .collect();
        // A target that refuses every ticket is held too. Its dead letters are the same trouble.
        let is_reported = |(target, answer): &(TargetName, String)| {
            let mut targets = refused_deliveries.iter().map(|(target, _)| target);
            answer.starts_with(refused) && targets.any(|one| one == target)
        };
        let held = targets.into_iter().filter_map(held);
        Ok(HealthSnapshot {
            held: held.filter(|one| !is_reported(one)).collect(),
            away: conditions.into_iter().filter_map(away).collect(),
            refused_deliveries,
            expected: self.heartbeats.iter().map(expected).collect(),
            review_items: counts.review_items,
        })
    }

    /// Whether a target can take the ticket. Trouble with the only target is in the log and in the
    /// metrics.
    fn has_a_target(&self, report: &Report) -> bool {
        match report {
            Report::There(trouble) => self
                .targets
                .iter()
                .any(|target| trouble.target() != Some(target)),
            Report::Over(_) => true,
        }
    }

    async fn report(&mut self, report: &Report, now: Timestamp) -> Result<(), JournalError> {
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
            Report::There(trouble) => self.reported.insert(trouble.key(), now),
            Report::Over(key) => self.reported.remove(key),
        };
        Ok(())
    }
}

fn held(health: TargetHealth) -> Option<(TargetName, String)> {
    let unreachable = health.unreachable?;
    (unreachable.state == BreakerState::Held).then_some((health.target, unreachable.reason))
}

fn away(condition: OpenCondition) -> Option<(TargetName, Timestamp, String)> {
    let OpenCondition {
        target,
        since,
        condition,
    } = condition;
    match condition.state {
        // Of a held target more is known, and a person who has paused one knows.
        ConditionState::Breaker(BreakerState::Held) | ConditionState::PausedByPerson => None,
        ConditionState::Breaker(_) => Some((target, since, condition.reason)),
    }
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
