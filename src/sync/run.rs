//! The loop of one target's sync worker.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::worker::{Memory, SyncError, SyncWorker};
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// Longest sleep between looks for callbacks that another process received.
const MAX_SLEEP: Duration = Duration::from_millis(500);
/// Longest wait after failures.
const MAX_BACKOFF: Duration = Duration::from_secs(900);
/// Callbacks that are handled with one look.
const MAX_HINTS: u32 = 200;
/// After a process has died, others wait so long. Work that takes longer may be done twice at the
/// same time, which changes nothing.
const LEASE: Duration = Duration::from_secs(15);

impl SyncWorker {
    /// Works until `stop`; wakes up when `callback_received` changes, and by itself.
    pub(crate) async fn run(
        self,
        mut callback_received: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        let mut memory = Memory::default();
        while !stop.is_cancelled() {
            let wait = tokio::select! {
                () = stop.cancelled() => return,
                wait = self.step(&mut memory) => wait,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                changed = callback_received.changed() => if changed.is_err() {
                    // Nobody can notify any more. Without the sleep this would be a busy loop.
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Does what is due. Returns how long to sleep if nothing else happens.
    async fn step(&self, memory: &mut Memory) -> Duration {
        let now = self.clock.now();
        // A time further off than any wait comes from before the clock was set back.
        let waits = now < memory.not_before && memory.not_before.since(now) <= MAX_BACKOFF;
        if waits || !(self.admits)() {
            return MAX_SLEEP;
        }
        match self.work_under_lease(memory, now).await {
            Ok(()) => memory.failures = 0,
            Err(error) => self.back_off(memory, &error),
        }
        self.settings.poll_every.min(MAX_SLEEP)
    }

    /// Does what is due, unless another replica is doing it.
    async fn work_under_lease(&self, memory: &mut Memory, now: Timestamp) -> Result<(), SyncError> {
        let hints = self.store.changed_tickets(&self.name, MAX_HINTS).await?;
        if hints.is_empty() && !self.poll_is_due(memory, now).await? {
            return Ok(());
        }
        let lease = format!("sync {}", self.name);
        let taken = self.store.acquire_lease(&lease, &self.owner, LEASE).await?;
        let Some(held) = taken else {
            return Ok(());
        };
        let outcome = self.work(memory, now).await;
        self.store.release_lease(&held).await?;
        outcome
    }

    /// Whether it is time to ask for changes.
    async fn poll_is_due(&self, memory: &Memory, now: Timestamp) -> Result<bool, StoreError> {
        let last = self.store.sync_progress(&self.name).await?;
        Ok(!memory.polled
            || last.is_none_or(|last| {
                // A time in the future means that the clock was set back.
                last.polled_at > now || last.polled_at.plus(self.settings.poll_every) <= now
            }))
    }

    async fn work(&self, memory: &mut Memory, now: Timestamp) -> Result<(), SyncError> {
        // Another replica may have done it since.
        let hints = self.store.changed_tickets(&self.name, MAX_HINTS).await?;
        if !hints.is_empty() {
            let ids: Vec<String> = hints.iter().map(|hint| hint.ticket_id.clone()).collect();
            self.fetch_snapshots(memory, &ids, &[]).await?;
            self.store.clear_changed_tickets(&self.name, &hints).await?;
        }
        if self.poll_is_due(memory, now).await? {
            self.poll(memory, now).await?;
            memory.polled = true;
            self.sweep(memory).await?;
        }
        Ok(())
    }

    /// Waits longer after each failure, and at least as long as the CRM asked for.
    fn back_off(&self, memory: &mut Memory, error: &SyncError) {
        memory.failures = memory.failures.saturating_add(1);
        let doubled = 2_u32.saturating_pow(memory.failures.min(10) - 1);
        let wait = self.settings.poll_every.saturating_mul(doubled);
        let asked = match error {
            SyncError::Crm(failure) => failure.wait.unwrap_or_default(),
            SyncError::Store(_) => Duration::ZERO,
        };
        let wait = wait.max(asked).min(MAX_BACKOFF);
        memory.not_before = self.clock.now().plus(wait);
        let kind = match error {
            SyncError::Crm(failure) => failure.kind.as_str(),
            SyncError::Store(_) => "store",
        };
        self.metrics.sync_call(&self.name, kind);
        tracing::warn!(
            target = self.name.as_str(), kind, %error, again_at = %memory.not_before,
            "changes in the CRM cannot be read; deliveries continue"
        );
    }
}
