//! Which of the due deliveries a step claims: all, the canaries after a wait, or only new tickets.

use std::time::Duration;

use tokio::task::JoinSet;

use super::run::{AT_ONCE, MAX_SLEEP};
use super::worker::TargetWorker;
use crate::domain::circuit_breaker::Admission;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// A delivery that is tried within this time can show whether the target takes tickets again. ServiceNow's
/// creates are put off for a minute after a lost answer. Where it is ten minutes, nobody waits for that.
const NEAR: Duration = Duration::from_secs(65);
/// Operations, and how many deliveries of them.
type Part = (&'static [Operation], usize);

impl TargetWorker {
    /// Sends one create at once where only changes have met what the target waits for. Returns whether one
    /// was due.
    pub(super) async fn try_create_first(
        &self,
        now: Timestamp,
        attempts: &mut JoinSet<()>,
    ) -> Result<bool, StoreError> {
        let creates = &Operation::CREATES;
        let may_pass = {
            let shared = self.shared();
            shared.stopped_changes.lets_create_pass(&shared.breaker)
        };
        if !may_pass || self.in_flight.has(creates) {
            return Ok(false);
        }
        let next = self.store.next_delivery_at(&self.name, creates).await?;
        if next.is_none_or(|at| at > now) {
            return Ok(false);
        }
        self.renew_doubtful_login();
        Ok(self.claim(creates, 1, now, attempts).await? > 0)
    }

    /// Which changes may be sent, where `admission` says it for everything.
    pub(super) fn admission_of_changes(&self, admission: Admission, now: Timestamp) -> Admission {
        let is_alone = self.shared().stopped_changes.since().is_some();
        let of_changes = self.shared().stopped_changes.admission(admission, now);
        if is_alone && of_changes == Admission::Canary {
            if self.in_flight.has(&Operation::CHANGES) {
                return Admission::Nothing { until: now };
            }
            self.renew_doubtful_login();
        }
        of_changes
    }

    /// What may be claimed, and how many of each. A canary may be refused for what only creates meet, or
    /// only changes: so there is one of each.
    pub(super) fn parts(
        &self,
        admission: Admission,
        of_changes: Admission,
        free: usize,
    ) -> Vec<Part> {
        if of_changes == Admission::All {
            return vec![(&Operation::ALL, free)];
        }
        let creates = match admission {
            Admission::Canary => free.min(self.shared().breaker.canaries()),
            _ => free,
        };
        let mut parts: Vec<Part> = vec![(&Operation::CREATES, creates)];
        if of_changes == Admission::Canary {
            parts.push((&Operation::CHANGES, 1));
        }
        parts
    }

    /// Claims up to `free` deliveries that are due, and starts them. Returns how long to sleep.
    pub(super) async fn claim_due(
        &self,
        admission: Admission,
        (parts, free): (Vec<Part>, usize),
        now: Timestamp,
        attempts: &mut JoinSet<()>,
    ) -> Result<Duration, StoreError> {
        self.keep_marks().await?;
        let (mut next, mut is_due, mut claimed, mut is_full) = (None, false, 0, true);
        for (operations, limit) in parts {
            let limit = limit.min(free - claimed);
            if limit == 0 {
                break;
            }
            // Looking costs less than claiming, and mostly nothing is due.
            let at = self.store.next_delivery_at(&self.name, operations).await?;
            next = next.into_iter().chain(at).min();
            let mut count = 0;
            if at.is_some_and(|at| at <= now) {
                is_due = true;
                count = self.claim(operations, limit, now, attempts).await?;
            }
            claimed += count;
            is_full &= count == limit;
        }
        let is_canary = admission == Admission::Canary;
        if is_full {
            // The end of an attempt is the next thing that can happen.
            return Ok(MAX_SLEEP);
        }
        if claimed > 0 {
            return Ok(AT_ONCE);
        }
        if !is_due && is_canary {
            self.end_canaries(next, now).await?;
        }
        // Another process has claimed it, or too few calls are left for it.
        let is_held_back = is_due && !self.shared().shortage.admits(Operation::Update);
        if is_held_back && is_canary {
            self.shared().breaker.note_idle();
        }
        Ok(until_next(next, now))
    }

    /// A wait of the target is over, and nothing is due. Nothing can prove the end of the wait, unless
    /// something waits for it: that only rests.
    async fn end_canaries(
        &self,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_near = next.is_some_and(|at| at.since(now) <= NEAR);
        let operations: &[Operation] = match self.shared().stopped_changes.since() {
            Some(_) => &Operation::CREATES,
            None => &Operation::ALL,
        };
        let waits = is_near || self.store.waits_for_target(&self.name, operations).await?;
        if waits {
            self.shared().breaker.end_round(now);
            return Ok(());
        }
        self.shared().breaker.note_idle();
        // The next ticket goes to this target as soon as people see it as up.
        self.share_health(now).await
    }
}

/// How long to sleep until `next`. A delivery that is due and cannot be claimed is looked at again
/// after the longest sleep.
fn until_next(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let wait = next
        .filter(|at| *at > now)
        .map_or(MAX_SLEEP, |at| at.since(now));
    wait.clamp(AT_ONCE, MAX_SLEEP)
}
