//! What attempts show besides their own result: the present state of tickets, their numbers, and
//! how many calls the CRM still allows.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::worker::TargetWorker;
use crate::domain::allowance::Shortage;
use crate::domain::failure::FailureKind;
use crate::domain::ticket_sync::TicketSnapshot;
use crate::domain::time::Timestamp;

impl TargetWorker {
    /// Reads the numbers of new tickets until `stop`.
    pub(super) async fn read_numbers_until(&self, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.unnumbered.until_due() => {}
            }
            let ids = self.unnumbered.take_due(Instant::now());
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.read_numbers(&ids) => {}
            }
        }
    }

    /// A failure changes nothing: the poll for changes reads the numbers. Where the CRM refuses a second
    /// record, a ticket that it does not show is looked up by our key at once. Where it does not, the
    /// poll finds that.
    async fn read_numbers(&self, ids: &[String]) {
        // A target that waits is not asked: its poll reads the numbers afterwards.
        if !self.admits_reads() {
            return;
        }
        match self.crm.fetch_snapshots(ids).await {
            Ok(look) => {
                for seen in &look.seen {
                    self.store_seen(seen).await;
                }
                if self.crm.runs_for().create.is_zero() {
                    self.doubt_unread(&look.missing).await;
                }
            }
            Err(failure) => {
                if failure.kind == FailureKind::RateLimited {
                    self.limiter.slow_down(tokio::time::Instant::now());
                }
                tracing::debug!(
                    target = self.name.as_str(), count = ids.len(), error = %failure,
                    "the numbers of new tickets cannot be read yet"
                );
            }
        }
    }

    /// Stores the state in which a ticket was seen. What follows for its incident, the poll decides;
    /// it also reads what cannot be stored.
    pub(super) async fn store_seen(&self, seen: &TicketSnapshot) {
        let (now, closes_incident) = (self.clock.now(), false);
        let stored = self
            .store
            .apply_snapshot(&self.name, seen, closes_incident, now);
        if let Err(error) = stored.await {
            tracing::warn!(
                target = self.name.as_str(), ticket = seen.ticket_id, %error,
                "the state of a ticket cannot be stored"
            );
        }
    }

    /// Follows how many calls the CRM still allows.
    pub(super) fn follow_allowance(&self, now: Timestamp) {
        let allowance = self.crm.allowance();
        let shortage = allowance.map_or(Shortage::None, |one| one.shortage(now));
        self.limiter.divide(shortage.divisor());
        let before = std::mem::replace(&mut self.shared().shortage, shortage);
        if before == shortage {
            return;
        }
        let (left, limit) = allowance.map_or((0, 0), |one| (one.left, one.limit));
        let target = self.name.as_str();
        match shortage {
            Shortage::None => tracing::info!(target, "the CRM allows enough calls again"),
            Shortage::Low => {
                tracing::warn!(
                    target,
                    left,
                    limit,
                    "few calls are left; the rate is halved"
                );
            }
            Shortage::Reserve => tracing::warn!(
                target,
                left,
                limit,
                "few calls are left; updates and links wait"
            ),
            Shortage::LastReserve => tracing::warn!(
                target,
                left,
                limit,
                "few calls are left; everything but new tickets waits"
            ),
        }
    }
}
