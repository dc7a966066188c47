//! One target's worker: sends what its gate admits, some at once, at a bounded rate.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::alone::Refusals;
use super::attempt::attempt;
use super::claims::{Claims, Held, Leases};
use super::clock_watch::{ClockWatch, Look};
use super::health::Seen;
use super::sending::Sending;
use crate::clock::Clock;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::gate::{Admission, Gate, GateState};
use crate::domain::lanes::last_served;
use crate::domain::retry::{RetryPolicy, next};
use crate::domain::time::Timestamp;
use crate::fault_points;
use crate::rate_limiter::RateLimiter;
use crate::settings::TargetSettings;
use crate::store::{Claim, ClaimedDelivery, Settlement, Store, StoreError};
use crate::targets::{Crm, TokenStatus, permit};
use crate::telemetry::Metrics;

/// Longest sleep between looks: notifications shorten it, looking is the truth.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// Wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How often a target that answers is given what was given up for want of an answer.
const RESUME_EVERY: Duration = Duration::from_secs(5);
/// How long a claim lasts without being prolonged.
const LEASE: Duration = Duration::from_secs(10);
/// Calls that one attempt may make: renew a token, find, create, read the number.
const CALLS_PER_ATTEMPT: u32 = 5;

/// How a target fares, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStatus {
    /// Its name.
    pub name: String,
    /// Whether it takes deliveries, and why not.
    pub state: GateState,
    /// When the pause ends or the next probe is due.
    pub until: Option<Timestamp>,
    /// Since when it cannot be reached.
    pub away_since: Option<Timestamp>,
    /// The last failure.
    pub last_error: Option<Failure>,
    /// When that was.
    pub last_error_at: Option<Timestamp>,
    /// Age and expiry of its credential.
    pub token: TokenStatus,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) gate: Gate,
    pub(super) last_error: Option<(Failure, Timestamp)>,
    clock: ClockWatch,
    pub(super) health: Seen,
    resumed_at: Option<Timestamp>,
    /// The lane that was served last.
    last_lane: String,
    pub(super) refusals: Refusals,
    counted_token: TokenStatus,
}

/// Delivers to one target. Cheap to clone; clones share the gate.
#[derive(Clone)]
pub struct TargetWorker {
    name: String,
    owner: String,
    pub(super) crm: Arc<dyn Crm>,
    store: Store,
    pub(super) metrics: Metrics,
    clock: Clock,
    pub(super) policy: RetryPolicy,
    concurrent: usize,
    claims: Claims,
    pub(super) limiter: Arc<RateLimiter>,
    shared: Arc<Mutex<Shared>>,
    sending: Sending,
}

impl TargetWorker {
    /// A worker for the target `name`, as the process `owner`.
    pub fn new(
        name: &str,
        settings: &TargetSettings,
        crm: Arc<dyn Crm>,
        store: Store,
        metrics: Metrics,
        clock: Clock,
        owner: &str,
    ) -> Self {
        let per_second = settings.limit.per_second;
        let asked = Arc::clone(&crm);
        let leases = Leases {
            refuses_a_second: Arc::new(move || asked.refuses_a_second()),
            short: LEASE,
            long: settings.timeout * CALLS_PER_ATTEMPT + Duration::from_secs(30),
        };
        let claims = Claims::new(store.clone(), owner, leases);
        Self {
            name: name.to_owned(),
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
            limiter: Arc::new(RateLimiter::new(
                per_second,
                per_second,
                tokio::time::Instant::now(),
            )),
            shared: Arc::default(),
            sending: Sending::default(),
        }
    }

    /// The target's rate limit, for whoever else calls it.
    pub fn limiter(&self) -> Arc<RateLimiter> {
        Arc::clone(&self.limiter)
    }

    /// How the target fares.
    pub fn status(&self) -> TargetStatus {
        let shared = self.shared();
        TargetStatus {
            name: self.name.clone(),
            state: shared.gate.state(),
            until: (shared.gate.state() != GateState::Up).then(|| shared.gate.until()),
            away_since: shared.gate.away_since(),
            last_error: shared
                .last_error
                .as_ref()
                .map(|(failure, _)| failure.clone()),
            last_error_at: shared.last_error.as_ref().map(|(_, at)| *at),
            token: self.crm.token_status(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        // The gate is plain data and whole after every assignment: a panic elsewhere while
        // the lock was held leaves nothing half done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers until `stop`, then finishes what is under way.
    pub async fn run(self, mut owed: watch::Receiver<u64>, stop: CancellationToken) {
        let finished = CancellationToken::new();
        let delivering = async {
            self.deliver_until(&mut owed, &stop).await;
            finished.cancel();
        };
        tokio::join!(delivering, self.claims.keep(&self.name, &finished));
    }

    async fn deliver_until(&self, owed: &mut watch::Receiver<u64>, stop: &CancellationToken) {
        let mut under_way = JoinSet::new();
        self.take_stock().await;
        while !stop.is_cancelled() {
            let wait = self.step(&mut under_way).await.unwrap_or_else(|error| {
                tracing::error!(target = self.name, %error, "deliveries cannot be claimed; it is tried again");
                AFTER_FAILURE
            });
            fault_points::reach("deliver-step");
            self.publish();
            tokio::select! {
                () = stop.cancelled() => {}
                Some(_) = under_way.join_next() => {}
                () = tokio::time::sleep(wait) => {}
                changed = owed.changed() => if changed.is_err() {
                    tokio::time::sleep(wait).await;
                }
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// The first thing after a start: dead letters from before it make the target doubtful,
    /// so that a probe comes first and takes them up again.
    pub async fn take_stock(&self) {
        if self.has_dead_letters().await {
            self.shared().gate = Gate::doubtful();
        }
    }

    /// Starts what is due and admitted, as tasks of `under_way`. Returns how long to sleep if
    /// nothing else happens.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails; what it had claimed is claimed again when its
    /// lease has run out.
    pub async fn step(&self, under_way: &mut JoinSet<()>) -> Result<Duration, StoreError> {
        while under_way.try_join_next().is_some() {}
        let now = self.clock.now();
        if let Err(error) = self.share_health(now).await {
            // Failover waits for it; what is owed here does not.
            tracing::error!(target = self.name, %error, "what is known of the target cannot be shared");
        }
        let free = self.concurrent.saturating_sub(under_way.len());
        if free == 0 {
            return Ok(LONGEST_SLEEP);
        }
        self.bring_forward(now).await?;
        let admission = self.shared().gate.admission(now);
        if admission == Admission::All {
            self.resume_now_and_then(now).await;
        }
        let attempts_at_least = match admission {
            Admission::All => 0,
            Admission::RetriesOnly { .. } => 1,
            Admission::Probe => return Ok(self.probe().await),
            Admission::Nothing { until } => return Ok(until.since(now).min(LONGEST_SLEEP)),
        };
        let next = self.store.next_delivery_at(&self.name, now).await?;
        if next.is_none_or(|at| at > now) {
            return Ok(until_next(next, admission, now));
        }
        let claimed = self.claim(free, attempts_at_least, now, under_way).await?;
        if claimed == free {
            return Ok(LONGEST_SLEEP);
        }
        if claimed > 0 {
            return Ok(Duration::from_millis(1));
        }
        // Another process has claimed it, or it is not admitted.
        let next = self.store.next_delivery_at(&self.name, now).await?;
        Ok(until_next(next, admission, now))
    }

    /// Claims up to `free` deliveries and starts them as tasks of `under_way`. Returns how many.
    async fn claim(
        &self,
        free: usize,
        attempts_at_least: u32,
        now: Timestamp,
        under_way: &mut JoinSet<()>,
    ) -> Result<usize, StoreError> {
        let after_lane = self.shared().last_lane.clone();
        let claim = Claim {
            target: &self.name,
            owner: &self.owner,
            limit: u32::try_from(free).unwrap_or(u32::MAX),
            attempts_at_least,
            after_lane: &after_lane,
        };
        let (asked_at, lease) = (Instant::now(), self.claims.lease());
        let claimed = self.store.claim_due(claim, now, lease).await?;
        let lanes = claimed.iter().map(|delivery| delivery.lane.as_str());
        if let Some(last) = last_served(lanes, &after_lane) {
            last.clone_into(&mut self.shared().last_lane);
        }
        let count = claimed.len();
        for delivery in claimed {
            let Some(sending) = self.sending.begin(delivery.id) else {
                continue;
            };
            let worker = self.clone();
            let held = self.claims.hold(delivery.id, asked_at + lease);
            under_way.spawn(async move {
                worker.deliver(delivery, &held).await;
                drop(sending);
            });
        }
        Ok(count)
    }

    /// What waits for a time by a clock that has been set back since is due as if it had not
    /// been.
    async fn bring_forward(&self, now: Timestamp) -> Result<(), StoreError> {
        let look = self.shared().clock.look(now);
        if look != Look::GoesOn {
            let latest = now.plus(self.policy.longest_wait());
            // What an earlier process left in doubt may need its time to settle.
            let doubtful_too = look == Look::SetBack && self.crm.refuses_a_second();
            self.store
                .bring_forward(&self.name, latest, doubtful_too)
                .await?;
        }
        self.shared().clock.note(now);
        Ok(())
    }

    /// Asks whether the CRM answers again, and takes up what was given up for want of an
    /// answer.
    async fn probe(&self) -> Duration {
        self.limiter.take_when_ready().await;
        let result = self.crm.probe().await;
        let now = self.clock.now();
        match result {
            Ok(()) => {
                self.shared().gate.note_probe();
                tracing::info!(target = self.name, "target answers again");
                self.resume().await;
            }
            Err(failure) => {
                let next = next(&self.policy, 0, &failure, rand::random());
                self.note_error(&failure, now);
                self.shared().gate.note_failed_probe(&failure, next, now);
            }
        }
        Duration::from_millis(1)
    }

    /// Takes up again what was given up for want of an answer, now that there are answers: the
    /// moment at which they came back may have looked like a refusal, and what has been taken
    /// up before waits longer than that moment lasts.
    async fn resume_now_and_then(&self, now: Timestamp) {
        let is_due = {
            let mut shared = self.shared();
            let last = shared.resumed_at.get_or_insert(now);
            // The clock may have been set back since.
            let is_due = now < *last || now.since(*last) >= RESUME_EVERY;
            if is_due {
                *last = now;
            }
            is_due
        };
        if is_due && self.has_dead_letters().await {
            self.resume().await;
        }
    }

    /// Takes network-kind dead letters up again.
    async fn resume(&self) {
        let kinds = [FailureKind::NetworkFailure.as_str()];
        match self
            .store
            .resume_dead(&self.name, &kinds, self.clock.now())
            .await
        {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(target = self.name, count, "dead letters are taken up again");
            }
            Err(error) => {
                tracing::error!(target = self.name, %error, "dead letters cannot be taken up again");
            }
        }
    }

    async fn has_dead_letters(&self) -> bool {
        self.store
            .has_dead(&self.name, FailureKind::NetworkFailure.as_str())
            .await
            .unwrap_or(true)
    }

    /// One attempt, from the rate limit to the kept outcome.
    async fn deliver(&self, delivery: ClaimedDelivery, held: &Held) {
        self.limiter.take_when_ready().await;
        fault_points::reach("before-send");
        let attempting = attempt(self.crm.as_ref(), &self.name, &delivery);
        let result = permit::only_while(held.permit(), attempting).await;
        if result.is_err() && held.was_refused() {
            return self.note_lost(&delivery);
        }
        fault_points::reach("before-settle");
        let now = self.clock.now();
        let (settlement, was_away) = match result {
            Ok(ticket) => {
                let mut shared = self.shared();
                shared
                    .refusals
                    .note_success(delivery.id, delivery.operation);
                (Settlement::Done(ticket), shared.gate.note_success(now))
            }
            Err(failure) => (self.after_failure(&delivery, failure, now), false),
        };
        self.count(&delivery, &settlement, now);
        self.settle(&delivery, &settlement, now).await;
        if was_away {
            self.resume().await;
        }
        if let Settlement::Done(Some(ticket)) = settlement {
            self.learn_number(&delivery, ticket).await;
        }
    }

    fn publish(&self) {
        let token = self.crm.token_status();
        let mut shared = self.shared();
        self.metrics
            .set_target_up(&self.name, shared.gate.state() == GateState::Up);
        let renewed = token.renewals - shared.counted_token.renewals.min(token.renewals);
        let failed = token.failed_renewals
            - shared
                .counted_token
                .failed_renewals
                .min(token.failed_renewals);
        self.metrics.token_refreshes(&self.name, "ok", renewed);
        self.metrics.token_refreshes(&self.name, "failed", failed);
        shared.counted_token = token;
    }
}

/// How long to sleep until `next`, or the next probe; what is due and cannot be had is looked at
/// again after the longest sleep.
fn until_next(next: Option<Timestamp>, admission: Admission, now: Timestamp) -> Duration {
    let mut wait = next
        .filter(|at| *at > now)
        .map_or(LONGEST_SLEEP, |at| at.since(now));
    if let Admission::RetriesOnly { probe_at } = admission {
        wait = wait.min(probe_at.since(now));
    }
    wait.clamp(Duration::from_millis(1), LONGEST_SLEEP)
}
