//! Shares with other replicas whether the target is reachable. The store holds one row per target;
//! deciding reads it for failover.
//!
//! The row is written only when it changes. When another replica has stored that the target is
//! unreachable, this process probes it before sending anything, and continues to probe. So the row
//! of a replica that died, or of the process before this one, is corrected after all.

use std::time::{Duration, Instant};

use super::login_turn::is_refused;
use super::shared::Shared;
use super::worker::TargetWorker;
use crate::domain::circuit_breaker::{BreakerState, CircuitBreaker};
use crate::domain::failover::{
    DISAGREES_FOR, HealthAction, StoredView, Unreachable, health_action,
};
use crate::domain::time::Timestamp;
use crate::store::{ConditionState, StoreError, TargetCondition, TargetHealth, TargetPause};

/// How often the row is read while several replicas share the database.
const READ_EVERY: Duration = Duration::from_secs(1);
/// How often it is read whether a person has paused the target.
const READ_PAUSE_EVERY: Duration = Duration::from_millis(400);

/// How often a condition that lasts is recorded while several replicas share the database.
const RECORD_EVERY: Duration = Duration::from_secs(60);

impl TargetWorker {
    /// Stores this process's view of the target, and follows that of other replicas.
    pub(super) async fn share_health(&self, now: Timestamp) -> Result<(), StoreError> {
        self.shared().breaker.advance_clock(now);
        let changed_by_other = self.read_health(now).await?;
        let health = self.health_to_store(changed_by_other, now);
        // Before others hear that the target is held.
        self.keep_login_turn(now).await?;
        let Some(health) = health else {
            return Ok(());
        };
        if self.store.save_target_health(&health).await? {
            self.log_health(&health);
            let mut shared = self.shared();
            if health.unreachable.is_none() {
                shared.note_reached(health.since);
            }
            shared.health.stored = Some(health);
        } else {
            // Another replica was faster: its row is read at the next step.
            self.shared().health.read_at = None;
        }
        Ok(())
    }

    /// Reads whether a person has paused the target, when that is due: a claim asks for itself.
    /// Returns whether one has.
    pub(super) async fn follow_pause(&self, now: Timestamp) -> Result<bool, StoreError> {
        {
            let shared = self.shared();
            let read_at = shared.pause_read_at;
            if read_at.is_some_and(|at| at.elapsed() < READ_PAUSE_EVERY) {
                return Ok(shared.pause.is_some());
            }
        }
        let pause = self.store.target_pause(&self.name, now).await?;
        if pause.is_none() && self.shared().pause.is_some() {
            self.try_now().await;
        }
        let mut shared = self.shared();
        shared.pause_read_at = Some(Instant::now());
        if shared.pause.is_some() != pause.is_some() {
            match &pause {
                Some(pause) => tracing::warn!(
                    target = self.name.as_str(),
                    by = pause.by,
                    reason = pause.reason,
                    until = pause.until.map(|at| at.to_string()),
                    "the target is paused by a person; nothing is sent"
                ),
                None => tracing::info!(
                    target = self.name.as_str(),
                    "the target is not paused any more"
                ),
            }
        }
        shared.pause = pause;
        Ok(shared.pause.is_some())
    }

    /// Records why the target accepts no writes, when that has changed.
    pub(super) async fn record_condition(&self, now: Timestamp) -> Result<(), StoreError> {
        let (condition, since) = {
            let shared = self.shared();
            let since = match &shared.pause {
                Some(_) => now,
                None => shared.breaker.since().unwrap_or(now).min(now),
            };
            // After a start nothing is known until something has failed.
            let is_known = shared.recorded.is_some() || shared.last_error.is_some();
            let waited = shared.breaker.waited();
            if waited.is_some() && !is_known && shared.pause.is_none() {
                return Ok(());
            }
            let paused = shared.pause.as_ref().map(TargetPause::condition);
            let condition = paused.or_else(|| {
                waited.map(|state| TargetCondition {
                    state: ConditionState::Breaker(state),
                    reason: reason(&shared),
                })
            });
            // The reason of one condition may change with every try; its first one is shown.
            let key = |one: &Option<TargetCondition>| one.as_ref().map(|one| one.state);
            let condition = match &shared.recorded {
                Some(recorded) if key(recorded) == key(&condition) => {
                    let written = shared.recorded_at.map(|at| at.elapsed());
                    // Another replica may have ended it, for which the target accepts writes.
                    let is_due = self.store.is_shared()
                        && condition.is_some()
                        && written.is_none_or(|ago| ago >= RECORD_EVERY);
                    if !is_due {
                        return Ok(());
                    }
                    recorded.clone()
                }
                _ => condition,
            };
            let at = condition.as_ref().map_or(now, |_| since);
            (condition, at)
        };
        self.store
            .record_condition(&self.name, condition.as_ref(), since)
            .await?;
        let mut shared = self.shared();
        shared.recorded = Some(condition);
        shared.recorded_at = Some(Instant::now());
        Ok(())
    }

    /// Reads the row, when that is due. Returns whether another replica has changed it.
    async fn read_health(&self, now: Timestamp) -> Result<bool, StoreError> {
        let is_due = match self.shared().health.read_at {
            None => true,
            Some(at) => self.store.is_shared() && at.elapsed() >= READ_EVERY,
        };
        if !is_due {
            return Ok(false);
        }
        let stored = self.store.target_health(&self.name).await?;
        let mut shared = self.shared();
        shared.health.read_at = Some(Instant::now());
        let version = |health: &Option<TargetHealth>| health.as_ref().map_or(0, |one| one.version);
        let changed_by_other = version(&stored) != version(&shared.health.stored);
        shared.health.stored = stored;
        if changed_by_other {
            shared.health.heard_at = now;
        }
        Ok(changed_by_other)
    }

    /// The row to store now, if any; otherwise the breaker follows another replica.
    fn health_to_store(&self, changed_by_other: bool, now: Timestamp) -> Option<TargetHealth> {
        let mut shared = self.shared();
        let stored = shared.health.stored.clone();
        let stored_unreachable = stored.as_ref().and_then(|one| one.unreachable.as_ref());
        let unreachable = shared.breaker.unreachable().is_some();
        let view = self.view(&shared, stored.as_ref(), now);
        match health_action(unreachable, view, changed_by_other) {
            HealthAction::InSync => self.changed_state(&shared, stored?),
            HealthAction::Publish => Some(self.own_view(&shared, stored, now)),
            HealthAction::Verify => {
                if let Some(unreachable) = stored_unreachable {
                    verify(&mut shared.breaker, unreachable, now);
                    shared.stopped_changes.forget_who_met_it();
                }
                None
            }
            HealthAction::ProbeNow => {
                // That another replica's password is accepted says nothing about this one's.
                if !is_refused(&shared) {
                    shared.breaker.probe_now(now);
                }
                None
            }
        }
    }

    fn view(&self, shared: &Shared, stored: Option<&TargetHealth>, now: Timestamp) -> StoredView {
        if let Some(row) = stored.filter(|one| one.unreachable.is_some()) {
            // Another replica was first refused before it said so: it may have happened to this one
            // only after its last success.
            // A time in the future means that the clock was set back.
            let heard_at = shared.health.heard_at;
            let from = match row.replica == self.owner || heard_at > now {
                true => row.since,
                false => row.since.max(heard_at),
            };
            let reached_at = shared.reached_at;
            return StoredView::Unreachable {
                is_disproved: reached_at.is_some_and(|at| at >= from),
            };
        }
        let by_other = stored.filter(|one| self.store.is_shared() && one.replica != self.owner);
        StoredView::Reachable {
            by_other_just_now: by_other
                .is_some_and(|one| now >= one.since && now.since(one.since) < DISAGREES_FOR),
        }
    }

    /// The row with the breaker's present state. Only where this process wrote the row, and the
    /// state differs: the target was held and its circuit is open now, or the reverse.
    fn changed_state(&self, shared: &Shared, stored: TargetHealth) -> Option<TargetHealth> {
        let own = Some(stored).filter(|one| one.replica == self.owner)?;
        let unreachable = own.unreachable?;
        let (state, _) = shared.breaker.unreachable()?;
        (unreachable.state != state).then(|| {
            let unreachable = Unreachable {
                state,
                reason: self.reason(shared),
                ..unreachable
            };
            self.health(Some(unreachable), own.since, own.version)
        })
    }

    fn own_view(
        &self,
        shared: &Shared,
        stored: Option<TargetHealth>,
        now: Timestamp,
    ) -> TargetHealth {
        let version = stored.as_ref().map_or(0, |one| one.version);
        let Some((state, since)) = shared.breaker.unreachable() else {
            return self.health(None, now, version);
        };
        // It cannot have been unreachable while another replica reached it.
        let reached = stored.filter(|one| one.replica != self.owner);
        let since = reached.map_or(since, |one| one.since.max(since)).min(now);
        let unreachable = Unreachable {
            state,
            since,
            reason: self.reason(shared),
        };
        self.health(Some(unreachable), since, version)
    }

    /// The last failure. Replicas may have different passwords.
    fn reason(&self, shared: &Shared) -> String {
        let reason = reason(shared);
        match is_refused(shared) && self.store.is_shared() {
            true => format!("{reason} (with the password of replica {})", self.owner),
            false => reason,
        }
    }

    fn health(
        &self,
        unreachable: Option<Unreachable>,
        since: Timestamp,
        version_before: i64,
    ) -> TargetHealth {
        TargetHealth {
            target: self.name.clone(),
            unreachable,
            since,
            replica: self.owner.clone(),
            version: version_before + 1,
        }
    }

    fn log_health(&self, health: &TargetHealth) {
        let is_idle = self.shared().breaker.is_idle();
        match &health.unreachable {
            Some(unreachable) => tracing::warn!(
                target = self.name.as_str(),
                state = unreachable.state.as_str(),
                since = %unreachable.since,
                reason = unreachable.reason,
                "the target accepts no tickets"
            ),
            None if is_idle => tracing::info!(
                target = self.name.as_str(),
                "nothing waits for the target; the next ticket shows whether it takes tickets again"
            ),
            None => tracing::info!(
                target = self.name.as_str(),
                "the target takes tickets again"
            ),
        }
    }
}

/// Another replica says that the target is unreachable.
fn verify(breaker: &mut CircuitBreaker, unreachable: &Unreachable, now: Timestamp) {
    let since = unreachable.since.min(now);
    match (unreachable.state, breaker.phase()) {
        (BreakerState::Paused, BreakerState::Paused) => breaker.merge_remote_pause(since),
        // A read tells nothing about a pause.
        (BreakerState::Paused, _) => *breaker = CircuitBreaker::paused_since(since, now),
        // A pause is an answer of the CRM: this process has just reached it.
        (_, BreakerState::Paused) => {}
        (_, _) => *breaker = CircuitBreaker::half_open_since(since, now),
    }
}

fn reason(shared: &Shared) -> String {
    shared
        .last_error
        .as_ref()
        .map_or_else(String::new, |(failure, _)| failure.to_string())
}
