//! The decider: works through the journal in batches, and fires the timers of incidents.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::batch_size::{AdaptiveBatchSize, LARGE_BATCH, MAX_BATCH};
use super::error::{DecideError, Steps};
use super::evaluate::Evaluator;
use super::failover_step::fail_over;
use super::leader_lease::LeaderLease;
use super::render_step::{mark_outdated, render_marked};
use super::requests_step::carry_out_requests;
use super::resources::Resources;
use super::steps::{add_standings, decide_events, fire_timers};
use crate::clock::Clock;
use crate::enrichment::Enrichment;
use crate::settings::Settings;
use crate::store::{FencingToken, Store, StoreError};
use crate::telemetry::Metrics;

/// Pause after a large batch, in which the next events gather: deciding needs fewer transactions
/// then, and leaves the disk to the journal.
const GATHERING: Duration = Duration::from_millis(25);
/// The same after a batch that enqueued nothing. In a storm of repeated breaches each batch writes
/// every open incident once, however many events it has.
const GATHERING_LONGER: Duration = Duration::from_millis(200);
/// Notifications shorten the sleep; this bounds it when one is lost.
const MAX_SLEEP: Duration = Duration::from_millis(500);
/// Wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A step that takes longer is given up, and tried again on another connection.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Works through the journal, in the replica that holds the leader lease.
#[derive(Debug, Clone)]
pub struct Decider {
    lease: LeaderLease,
    resources: Resources,
}

impl Decider {
    /// A decider over `store`, in the replica `owner`.
    pub fn new(
        store: Store,
        settings: Arc<Settings>,
        metrics: Metrics,
        clock: Clock,
        owner: &str,
    ) -> Self {
        Self {
            lease: LeaderLease::new(store.clone(), owner),
            resources: Resources {
                store,
                evaluator: Arc::new(Evaluator::new(Arc::clone(&settings))),
                settings,
                metrics,
                clock,
                enrichment: Enrichment::default(),
                awaiting: Arc::default(),
                entity_counts: Arc::default(),
                log_once: Arc::default(),
                enqueued: watch::channel(0).0,
            },
        }
    }

    /// The same decider, which adds facts of `enrichment` to tickets.
    #[must_use]
    pub fn with_enrichment(mut self, enrichment: Enrichment) -> Self {
        self.resources.enrichment = enrichment;
        self
    }

    /// Changes whenever deliveries are enqueued.
    pub fn enqueued(&self) -> watch::Receiver<u64> {
        self.resources.enqueued.subscribe()
    }

    /// Decides until `stop`, while this replica holds the lease. It wakes up when `appended`
    /// changes, and by itself.
    pub async fn run(self, mut appended: watch::Receiver<u64>, stop: CancellationToken) {
        // Renewing and deciding are one task: neither can outlive the other.
        tokio::join!(self.lease.hold(&stop), self.decide(&mut appended, &stop));
        self.lease.release().await;
    }

    async fn decide(&self, appended: &mut watch::Receiver<u64>, stop: &CancellationToken) {
        let mut token = self.lease.token();
        let enrichment = &self.resources.enrichment;
        let mut answered = enrichment.answered();
        let mut size = AdaptiveBatchSize::of(self.resources.settings.rules.len());
        let mut enqueued = self.enqueue_count();
        let mut compared = false;
        while !stop.is_cancelled() {
            let fence = token.borrow_and_update().clone();
            let wait = match fence {
                None => MAX_SLEEP,
                Some(fence) if !compared => match self.begin(&fence).await {
                    Ok(()) => {
                        compared = true;
                        continue;
                    }
                    Err(error) => self.after(&error.into()),
                },
                Some(fence) => match self.bounded_step(&fence, &mut size).await {
                    Ok(0) => self.until_due().await,
                    Ok(decided) => {
                        let before = std::mem::replace(&mut enqueued, self.enqueue_count());
                        if (LARGE_BATCH..size.max()).contains(&decided) {
                            let pause = match before == enqueued {
                                true => GATHERING_LONGER,
                                false => GATHERING,
                            };
                            tokio::time::sleep(pause).await;
                        }
                        continue;
                    }
                    Err(error) => {
                        size.failed();
                        self.after(&error)
                    }
                },
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                _ = token.changed() => {}
                _ = answered.changed(), if enrichment.is_on() => {}
                changed = appended.changed() => if changed.is_err() {
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    fn enqueue_count(&self) -> u64 {
        *self.resources.enqueued.borrow()
    }

    /// What a process does before its first step: it marks what was rendered from other settings,
    /// so that this is rendered again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when nothing could be marked.
    pub async fn begin(&self, fence: &FencingToken) -> Result<(), StoreError> {
        mark_outdated(&self.resources, fence).await
    }

    async fn bounded_step(
        &self,
        fence: &FencingToken,
        size: &mut AdaptiveBatchSize,
    ) -> Result<usize, DecideError> {
        let resources = &self.resources;
        let step = async {
            let decided = decide_events(resources, fence, size.begin()).await?;
            if !size.stored(decided) {
                return Ok(decided);
            }
            let mut steps = Steps::default();
            steps.add(Ok(decided))?;
            steps.add(carry_out_requests(resources, fence).await)?;
            steps.add(fire_timers(resources, fence).await)?;
            steps.add(fail_over(resources, fence).await)?;
            steps.add(add_standings(resources, fence).await)?;
            steps.add(render_marked(resources, fence).await)?;
            steps.result()
        };
        tokio::time::timeout(STEP_TIMEOUT, step)
            .await
            .unwrap_or(Err(DecideError::Stuck))
    }

    fn after(&self, error: &DecideError) -> Duration {
        if error.is_lease_lost() {
            self.lease.set_lost();
            self.resources.metrics.set_journal_lag(0.0);
            return MAX_SLEEP;
        }
        tracing::error!(%error, "deciding failed; it is tried again");
        AFTER_FAILURE
    }

    async fn until_due(&self) -> Duration {
        match self.resources.store.next_due().await {
            Ok(Some(due_at)) => due_at
                .since(self.resources.clock.now())
                .clamp(Duration::from_millis(1), MAX_SLEEP),
            Ok(None) | Err(_) => MAX_SLEEP,
        }
    }

    /// One pass for tests that set the time themselves. The daemon runs `bounded_step`, which does
    /// the same with a batch of adaptive size, a time limit and the comments on standings.
    ///
    /// Decides on one batch of events, carries out what people ask, fires timers once, moves tickets whose target cannot be
    /// reached, and renders what is to be rendered again, under `fence`. Returns how many events,
    /// incidents and deliveries that concerned.
    ///
    /// # Errors
    ///
    /// [`DecideError`] when nothing of a batch could be stored.
    pub async fn step(&self, fence: &FencingToken) -> Result<usize, DecideError> {
        let resources = &self.resources;
        let decided = decide_events(resources, fence, MAX_BATCH).await?;
        let asked = carry_out_requests(resources, fence).await?;
        let fired = fire_timers(resources, fence).await?;
        let moved = fail_over(resources, fence).await?;
        Ok(decided + asked + fired + moved + render_marked(resources, fence).await?)
    }
}
