//! The loop of one target's worker.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::clock_watch::Look;
use super::worker::{Stop, TargetWorker};
use crate::domain::circuit_breaker::{Admission, BreakerState};
use crate::domain::time::Timestamp;
use crate::fault_points;
use crate::store::StoreError;

/// Longest sleep between two steps. A notification only shortens it; none is needed.
pub(super) const MAX_SLEEP: Duration = Duration::from_millis(500);
/// Sleep after a failure of the database.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How often deliveries that stand behind others are marked.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// How often needless marks are looked for: only a replica of an older version leaves any.
const RELEASE_EVERY: Duration = Duration::from_secs(60);
/// No sleep: the next step may have work.
pub(super) const AT_ONCE: Duration = Duration::from_millis(1);

impl TargetWorker {
    /// Delivers until it is to stop, then finishes the attempts in flight, or abandons them when there
    /// is no time left. Wakes up when `enqueued` changes.
    pub async fn run(self, mut enqueued: watch::Receiver<u64>, stop: Stop) {
        let finished = CancellationToken::new();
        let delivering = async {
            self.deliver_until(&mut enqueued, &stop).await;
            finished.cancel();
        };
        // Claims are renewed until the last attempt has ended, beyond `stop`.
        tokio::join!(
            delivering,
            self.claims.renew_until(&self.name, &finished),
            self.read_numbers_until(&finished),
        );
    }

    async fn deliver_until(&self, enqueued: &mut watch::Receiver<u64>, stop: &Stop) {
        let mut attempts = JoinSet::new();
        let Stop { soon, now } = stop;
        self.recall_learnt().await;
        self.probe_first_if_parked().await;
        while !soon.is_cancelled() {
            let wait = self.step(&mut attempts).await.unwrap_or_else(|error| {
                tracing::error!(target = self.name.as_str(), %error, "deliveries cannot be claimed; retrying");
                AFTER_FAILURE
            });
            fault_points::reach("deliver-step");
            self.report_metrics();
            tokio::select! {
                () = soon.cancelled() => {}
                Some(_) = attempts.join_next() => {}
                () = tokio::time::sleep(wait) => {}
                changed = enqueued.changed() => if changed.is_err() {
                    // Nobody can notify any more. Without the sleep this would be a busy loop.
                    tokio::time::sleep(wait).await;
                }
            }
        }
        let finish = async { while attempts.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = finish => return,
            () = now.cancelled() => {}
        }
        self.abandon(attempts).await;
    }

    /// Starts the deliveries that are due and admitted, as tasks of `attempts`. Returns how long
    /// to sleep if nothing else happens. When the database fails, deliveries that were claimed in
    /// this step are claimed again after their leases have run out.
    pub async fn step(&self, attempts: &mut JoinSet<()>) -> Result<Duration, StoreError> {
        while attempts.try_join_next().is_some() {}
        let now = self.clock.now();
        if let Err(error) = self.share_health(now).await {
            // Only failover waits for the shared health; deliveries do not.
            tracing::error!(target = self.name.as_str(), %error, "the target's health cannot be shared");
        }
        if let Err(error) = self.share_changes_stop(now).await {
            tracing::error!(target = self.name.as_str(), %error, "it cannot be shared which operations the target takes");
        }
        self.put_back_expired(now).await?;
        self.recall_without_key().await?;
        self.keep_learnt().await;
        let is_paused = self.follow_pause(now).await?;
        if let Err(error) = self.record_condition(now).await {
            tracing::error!(target = self.name.as_str(), %error, "the target's condition cannot be recorded");
        }
        if is_paused {
            return Ok(MAX_SLEEP);
        }
        self.follow_allowance(now);
        // Fewer at once while the CRM asks for a lower rate: some limit what runs at a time.
        let concurrent = self.limiter.share(self.concurrent);
        let free = concurrent.saturating_sub(attempts.len());
        if free == 0 {
            return Ok(MAX_SLEEP);
        }
        self.shorten_waits_after_clock_change(now).await?;
        if self.try_create_first(now, attempts).await? {
            return Ok(AT_ONCE);
        }
        let admission = self.shared().breaker.admission(now);
        match admission {
            Admission::All => {}
            // The results of attempts in flight may decide without a canary.
            Admission::Canary if !attempts.is_empty() => return Ok(MAX_SLEEP),
            Admission::Canary => self.renew_doubtful_login(),
            Admission::Probe if !self.has_login_turn(now).await? => return Ok(MAX_SLEEP),
            Admission::Probe => {
                self.probe().await;
                return Ok(AT_ONCE);
            }
            Admission::Nothing { until } => return Ok(until.since(now).min(MAX_SLEEP)),
        }
        let of_changes = self.admission_of_changes(admission, now);
        self.resume_if_due(of_changes, now).await;
        let parts = self.parts(admission, of_changes, free);
        self.claim_due(admission, (parts, free), now, attempts)
            .await
    }

    /// Marks deliveries that stand behind others, so that looking does not read them; and takes needless
    /// marks away.
    pub(super) async fn keep_marks(&self) -> Result<(), StoreError> {
        let (marks, releases) = {
            let mut shared = self.shared();
            let marks = is_due(&mut shared.marked_at, MARK_EVERY);
            (marks, is_due(&mut shared.released_at, RELEASE_EVERY))
        };
        if releases {
            let count = self.store.release_behind(&self.name).await?;
            if count > 0 {
                tracing::info!(
                    target = self.name.as_str(),
                    count,
                    "deliveries that stood behind others are free"
                );
            }
        }
        if marks {
            self.store.mark_behind(&self.name).await?;
        }
        Ok(())
    }

    /// After the clock was set back, perhaps before this start, a delivery that waits for a time by the old
    /// clock would wait for too long. No wait for a retry is longer than the policy allows.
    async fn shorten_waits_after_clock_change(&self, now: Timestamp) -> Result<(), StoreError> {
        let look = self.shared().clock.look(now);
        if look != Look::Advanced {
            let latest = now.plus(self.policy.max_wait());
            // A delivery in doubt waits until a look-up can be trusted. It keeps its time after a
            // start, and where the CRM accepts a second record: a look-up too early could lead to
            // a second ticket.
            let enforces_unique_key = self.crm.runs_for().create.is_zero();
            let in_doubt_too = look == Look::SetBack && enforces_unique_key;
            self.store
                .cap_waits(&self.name, latest, in_doubt_too, now)
                .await?;
        }
        self.shared().clock.set(now);
        Ok(())
    }

    fn report_metrics(&self) {
        let token = self.crm.token_status();
        let mut shared = self.shared();
        let is_paused = shared.pause.is_some();
        let is_up = shared.breaker.state() == BreakerState::Up && !is_paused;
        self.metrics.set_target_up(&self.name, is_up);
        self.metrics.set_target_paused(&self.name, is_paused);
        let counted = &shared.counted_token;
        // A client that was started again counts from 0.
        let renewed = token.renewals.saturating_sub(counted.renewals);
        let failed = token
            .failed_renewals
            .saturating_sub(counted.failed_renewals);
        self.metrics.token_refreshes(&self.name, "ok", renewed);
        self.metrics.token_refreshes(&self.name, "failed", failed);
        shared.counted_token = token;
    }
}

/// Whether something that was last done at `last` is due after `every`; if so, it counts as done.
fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let is_due = last.is_none_or(|at| at.elapsed() >= every);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}
