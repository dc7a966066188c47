//! The worker of one target: its settings, its client, and the state that clones share.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::alone::Troubled;
use super::claims::Claims;
use super::in_flight::InFlight;
use super::omission::Omission;
use super::shared::{Shared, TargetStatus};
use super::unnumbered::Unnumbered;
use crate::clock::Clock;
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::failure::Failure;
use crate::domain::identity::TargetName;
use crate::domain::retry::RetryPolicy;
use crate::domain::time::Timestamp;
use crate::rate_limiter::RateLimiter;
use crate::settings::{TargetAuth, TargetSettings};
use crate::store::Store;
use crate::targets::Crm;
use crate::telemetry::Metrics;

/// When a worker ends.
#[derive(Debug, Clone)]
pub struct Stop {
    /// It begins nothing any more, and finishes what it is sending.
    pub soon: CancellationToken,
    /// It abandons what it is sending.
    pub now: CancellationToken,
}

/// Delivers to one target. Cheap to clone; clones share its state.
#[derive(Clone)]
pub struct TargetWorker {
    pub(super) name: TargetName,
    /// This process, as the owner of claims.
    pub(super) owner: String,
    pub(super) crm: Arc<dyn Crm>,
    pub(super) store: Store,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) policy: RetryPolicy,
    /// Attempts at the same time.
    pub(super) concurrent: usize,
    pub(super) claims: Claims,
    pub(super) limiter: Arc<RateLimiter>,
    pub(super) in_flight: InFlight,
    pub(super) omission: Omission,
    pub(super) unnumbered: Unnumbered,
    /// Whether a login, or each call, sends a user's password.
    pub(super) sends_password: bool,
    shared: Arc<Mutex<Shared>>,
}

impl TargetWorker {
    /// A worker for the target `name` in the process `owner`.
    pub fn new(
        name: &TargetName,
        settings: &TargetSettings,
        crm: Arc<dyn Crm>,
        store: Store,
        metrics: Metrics,
        clock: Clock,
        owner: &str,
    ) -> Self {
        let limiter = crm.pace().limiter();
        let claims = Claims::new(store.clone(), owner);
        Self {
            name: name.clone(),
            owner: owner.to_owned(),
            crm,
            store,
            metrics,
            clock,
            policy: RetryPolicy {
                retries: settings.retry.attempts,
                base: settings.retry.base,
                factor: settings.retry.factor,
                jitter: settings.retry.jitter,
            },
            concurrent: settings.limit.concurrent.max(1),
            claims,
            limiter,
            in_flight: InFlight::default(),
            omission: Omission::of(settings),
            unnumbered: Unnumbered::default(),
            sends_password: matches!(
                settings.auth,
                TargetAuth::Password { .. } | TargetAuth::Basic { .. }
            ),
            shared: Arc::default(),
        }
    }

    /// The rate limit of the target, which its replicas share.
    pub fn limiter(&self) -> Arc<RateLimiter> {
        Arc::clone(&self.limiter)
    }

    /// The client of the target, for checks of it.
    pub fn crm(&self) -> Arc<dyn Crm> {
        Arc::clone(&self.crm)
    }

    pub fn status(&self) -> TargetStatus {
        let shared = self.shared();
        TargetStatus {
            name: self.name.clone(),
            state: shared.breaker.state(),
            until: (shared.breaker.phase() != BreakerState::Up).then(|| shared.breaker.until()),
            changes_until: shared.stopped_changes.until(),
            since: shared.breaker.since(),
            answers_reads: shared.breaker.answers_reads(),
            only_tried: only_tried(&shared),
            refused_operations: shared.refused_operations(),
            last_error: shared
                .last_error
                .as_ref()
                .map(|(failure, _)| failure.clone()),
            last_error_at: shared.last_error.as_ref().map(|(_, at)| *at),
            token: self.crm.token_status(),
        }
    }

    /// Whether the CRM may be read: it is not waited for, or it has just answered a read.
    pub fn admits_reads(&self) -> bool {
        self.shared().breaker.phase() == BreakerState::Up
    }

    pub(super) fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        // Plain data that is whole after every assignment: a panic elsewhere while the lock was
        // held leaves nothing half done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_last_error(&self, failure: &Failure, now: Timestamp) {
        self.shared().last_error = Some((failure.clone(), now));
    }
}

/// Of a target that accepts no tickets: the only delivery that was tried since.
fn only_tried(shared: &Shared) -> Option<Troubled> {
    let is_up = shared.breaker.state() == BreakerState::Up;
    shared.evidence.alone.only_one().filter(|_| !is_up).cloned()
}
