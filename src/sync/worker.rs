//! One target's worker: polls, sweeps, and follows callbacks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::failure::{Failure, Remedy};
use crate::domain::ticket_change::{Followed, Presence, Sighting, TicketFace};
use crate::domain::time::Timestamp;
use crate::rate_limiter::RateLimiter;
use crate::settings::{OnTicketClosed, SyncSettings};
use crate::store::{Store, StoreError, SyncProgress};
use crate::targets::{Crm, Look};
use crate::telemetry::Metrics;

/// Longest sleep between looks for callbacks that another process took.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// How far a poll reaches back behind the newest change seen. A change is stamped when its
/// transaction begins in the CRM and seen when it ends, so a newer one can be seen before it.
const OVERLAP: Duration = Duration::from_secs(300);
/// The same for the very first poll, which starts from our own clock.
const CLOCKS_APART: Duration = Duration::from_secs(3600);
/// Every so many polls, every open ticket is looked at by its id.
const POLLS_PER_SWEEP: u32 = 10;
/// Longest wait after failures.
const LONGEST_BACKOFF: Duration = Duration::from_secs(900);
/// Callbacks followed with one look.
const HINTS_AT_ONCE: u32 = 200;
/// When so many tickets were asked for and not one is there, our rights were taken more
/// likely than every ticket.
const TOO_MANY_TO_BELIEVE: usize = 3;

/// How long a process that died keeps others from asking. Work that takes longer may be done
/// twice at once, which changes nothing.
const LEASE: Duration = Duration::from_secs(15);

/// Whether the target takes calls at all now.
pub type Admits = Arc<dyn Fn() -> bool + Send + Sync>;

/// Brings back what people do in one target.
#[derive(Clone)]
pub struct SyncWorker {
    /// The target's name.
    pub name: String,
    /// This process, as the holder of leases.
    pub owner: String,
    /// `[targets.NAME.sync]`.
    pub settings: SyncSettings,
    /// The CRM.
    pub crm: Arc<dyn Crm>,
    /// Where incidents are.
    pub store: Store,
    /// What is counted.
    pub metrics: Metrics,
    /// The clock.
    pub clock: Clock,
    /// The target's rate limit, shared with deliveries.
    pub limiter: Arc<RateLimiter>,
    /// Whether the target takes calls at all now.
    pub admits: Admits,
}

/// What a worker remembers between steps; nothing is lost with it.
#[derive(Debug, Default)]
struct Memory {
    /// Whether this process has polled: its first poll does not wait.
    polled: bool,
    polls_to_sweep: u32,
    failures: u32,
    not_before: Timestamp,
    /// Tickets that were not there at the last look. Gone is what is missing twice.
    missing: BTreeSet<String>,
}

#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error(transparent)]
    Crm(#[from] Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SyncWorker {
    /// Works until `stop`; wakes up when `told` changes, and by itself.
    pub async fn run(self, mut told: watch::Receiver<u64>, stop: CancellationToken) {
        let mut memory = Memory::default();
        while !stop.is_cancelled() {
            let wait = tokio::select! {
                () = stop.cancelled() => return,
                wait = self.step(&mut memory) => wait,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                changed = told.changed() => if changed.is_err() {
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Does what is due. Returns how long to sleep if nothing else happens.
    async fn step(&self, memory: &mut Memory) -> Duration {
        let now = self.clock.now();
        // A time further off than any wait was set before the clock was set back.
        let waits = now < memory.not_before && memory.not_before.since(now) <= LONGEST_BACKOFF;
        if waits || !(self.admits)() {
            return LONGEST_SLEEP;
        }
        match self.work_in_turn(memory, now).await {
            Ok(()) => memory.failures = 0,
            Err(error) => self.back_off(memory, &error),
        }
        self.settings.poll_every.min(LONGEST_SLEEP)
    }

    /// Does what is due, when no other replica is doing it.
    async fn work_in_turn(&self, memory: &mut Memory, now: Timestamp) -> Result<(), SyncError> {
        let hints = self.store.ticket_hints(&self.name, HINTS_AT_ONCE).await?;
        if hints.is_empty() && !self.poll_is_due(memory, now).await? {
            return Ok(());
        }
        let lease = format!("sync {}", self.name);
        let taken = self.store.take_lease(&lease, &self.owner, LEASE).await?;
        let Some(held) = taken else {
            return Ok(());
        };
        let outcome = self.work(memory, now).await;
        self.store.give_lease_back(&held).await?;
        outcome
    }

    /// Whether it is time to ask what changed. A time that lies ahead is a clock set back.
    async fn poll_is_due(&self, memory: &Memory, now: Timestamp) -> Result<bool, StoreError> {
        let last = self.store.sync_progress(&self.name).await?;
        Ok(!memory.polled
            || last.is_none_or(|last| {
                last.polled_at > now || last.polled_at.plus(self.settings.poll_every) <= now
            }))
    }

    async fn work(&self, memory: &mut Memory, now: Timestamp) -> Result<(), SyncError> {
        // Another replica may have done it since.
        let hints = self.store.ticket_hints(&self.name, HINTS_AT_ONCE).await?;
        if !hints.is_empty() {
            let ids: Vec<String> = hints.iter().map(|hint| hint.ticket_id.clone()).collect();
            self.look(memory, &ids).await?;
            self.store.forget_hints(&self.name, &hints).await?;
        }
        if self.poll_is_due(memory, now).await? {
            let changed_at = self.poll(memory).await?;
            let progress = SyncProgress {
                changed_at,
                polled_at: now,
            };
            self.store.keep_sync_progress(&self.name, progress).await?;
            memory.polled = true;
            self.sweep(memory).await?;
        }
        Ok(())
    }

    /// One query for everything that changed; answers the newest change. Without open tickets
    /// there is nothing to ask.
    async fn poll(&self, memory: &mut Memory) -> Result<Option<Timestamp>, SyncError> {
        let Some(oldest) = self.store.oldest_open_ticket(&self.name).await? else {
            memory.missing.clear();
            self.metrics.sync_call(&self.name, "nothing_open");
            return Ok(None);
        };
        let progress = self.store.sync_progress(&self.name).await?;
        let since = match progress.and_then(|progress| progress.changed_at) {
            Some(newest) => newest.minus(OVERLAP),
            None => oldest.minus(CLOCKS_APART),
        };
        self.limiter.take_when_ready().await;
        let seen = self.crm.changed_since(since).await?;
        self.metrics.sync_call(&self.name, "ok");
        for one in &seen {
            match self.apply(one).await {
                Err(error) if error.is_about_content() => tracing::error!(
                    target = self.name, ticket = one.ticket_id, %error,
                    "a ticket's change cannot be kept; it is passed over"
                ),
                done => done?,
            }
        }
        // The CRM's own clock, by the records themselves: a proxy's `Date` may run ahead.
        let stamps = seen.iter().filter_map(|one| Some(one.version?.changed_at));
        Ok(stamps.max())
    }

    /// Looks at what was missing last time, and now and then at every open ticket: what was
    /// deleted for good changes no more, and a poll cannot see it.
    async fn sweep(&self, memory: &mut Memory) -> Result<(), SyncError> {
        let ids = match memory.polls_to_sweep.checked_sub(1) {
            Some(left) => {
                memory.polls_to_sweep = left;
                memory.missing.iter().cloned().collect()
            }
            None => {
                memory.polls_to_sweep = POLLS_PER_SWEEP - 1;
                self.store.open_tickets(&self.name).await?
            }
        };
        match ids.is_empty() {
            true => Ok(()),
            false => self.look(memory, &ids).await,
        }
    }

    async fn look(&self, memory: &mut Memory, ids: &[String]) -> Result<(), SyncError> {
        self.limiter.take_when_ready().await;
        let Look { seen, missing } = self.crm.look_at(ids).await?;
        self.metrics.sync_call(&self.name, "ok");
        for one in &seen {
            memory.missing.remove(&one.ticket_id);
            self.apply(one).await?;
        }
        if seen.is_empty() && missing.len() >= TOO_MANY_TO_BELIEVE {
            tracing::error!(
                target = self.name,
                asked = ids.len(),
                "none of our tickets is there any more; that is not believed. \
                 Check whether the user may still read them"
            );
            return Ok(());
        }
        for id in missing {
            if memory.missing.remove(&id) {
                self.apply(&gone(id)).await?;
            } else {
                memory.missing.insert(id);
            }
        }
        Ok(())
    }

    async fn apply(&self, seen: &Sighting) -> Result<(), StoreError> {
        let closes = self.settings.on_ticket_closed == OnTicketClosed::Close;
        let applied = self
            .store
            .apply_sighting(&self.name, seen, closes, self.clock.now())
            .await?;
        let Some(applied) = applied else {
            self.metrics.ticket_change(&self.name, "not_ours");
            return Ok(());
        };
        self.metrics
            .ticket_change(&self.name, applied.followed.as_str());
        if matches!(applied.followed, Followed::Noted | Followed::Closed) {
            tracing::info!(
                target = self.name,
                incident_id = applied.incident_id,
                ticket = seen.ticket_id,
                state = seen.face.state,
                by = seen.changed_by,
                outcome = applied.followed.as_str(),
                "the ticket changed in the CRM"
            );
        }
        Ok(())
    }

    /// Waits longer with each failure, and at least for as long as the CRM asked for.
    fn back_off(&self, memory: &mut Memory, error: &SyncError) {
        memory.failures = memory.failures.saturating_add(1);
        let doubled = 2_u32.saturating_pow(memory.failures.min(10) - 1);
        let wait = self.settings.poll_every.saturating_mul(doubled);
        let asked = match error {
            SyncError::Crm(failure) => match failure.remedy {
                Remedy::PauseTarget(asked) => asked.unwrap_or_default(),
                _ => Duration::ZERO,
            },
            SyncError::Store(_) => Duration::ZERO,
        };
        let wait = wait.max(asked).min(LONGEST_BACKOFF);
        memory.not_before = self.clock.now().plus(wait);
        let kind = match error {
            SyncError::Crm(failure) => failure.kind.as_str(),
            SyncError::Store(_) => "store",
        };
        self.metrics.sync_call(&self.name, kind);
        tracing::warn!(
            target = self.name, kind, %error, again_at = %memory.not_before,
            "what people did in the CRM cannot be read; deliveries go on"
        );
    }
}

/// A ticket of which the CRM shows nothing.
fn gone(ticket_id: String) -> Sighting {
    Sighting {
        ticket_id,
        incident_id: None,
        version: None,
        changed_by: None,
        presence: Presence::Deleted,
        face: TicketFace::default(),
    }
}
