//! Recovery of a target: probes, and dead letters that are sent again.

use std::time::Duration;

use super::worker::TargetWorker;
use crate::domain::circuit_breaker::CircuitBreaker;
use crate::domain::failure::FailureKind;
use crate::domain::retry::next;
use crate::domain::time::Timestamp;

/// How often dead letters of a reachable target are looked for.
const RESUME_EVERY: Duration = Duration::from_secs(5);

impl TargetWorker {
    /// The first thing after a start. Dead letters of network failures mean that the target may
    /// be unreachable: a probe comes first, and they are sent again when it succeeds.
    pub async fn probe_first_if_dead_letters(&self) {
        if self.has_dead_letters().await {
            self.shared().breaker = CircuitBreaker::half_open();
        }
    }

    /// Asks whether the CRM answers again.
    pub(super) async fn probe(&self) {
        self.limiter.take_when_ready().await;
        let result = self.crm.probe().await;
        let now = self.clock.now();
        match result {
            Ok(()) => {
                self.shared().breaker.record_probe();
                tracing::info!(target = self.name.as_str(), "target answers again");
                self.resume().await;
            }
            Err(failure) => {
                let next = next(&self.policy, 0, &failure, rand::random());
                self.set_last_error(&failure, now);
                self.shared()
                    .breaker
                    .record_failed_probe(&failure, next, now);
            }
        }
    }

    /// Sends dead letters of network failures again while the target answers. A target that comes
    /// back may refuse at first: that closes the circuit without a probe, and so without a resume.
    pub(super) async fn resume_if_due(&self, now: Timestamp) {
        let is_due = {
            let mut shared = self.shared();
            let last = shared.resumed_at.get_or_insert(now);
            // A time in the future means that the clock was set back.
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

    /// Makes dead letters of network failures due again.
    pub(super) async fn resume(&self) {
        let kinds = [FailureKind::NetworkFailure.as_str()];
        match self
            .store
            .retry_dead_letters(&self.name, &kinds, self.clock.now())
            .await
        {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(
                    target = self.name.as_str(),
                    count,
                    "dead letters are sent again"
                );
            }
            Err(error) => {
                tracing::error!(target = self.name.as_str(), %error, "dead letters cannot be sent again");
            }
        }
    }

    async fn has_dead_letters(&self) -> bool {
        let kind = FailureKind::NetworkFailure.as_str();
        // When the database cannot say, a probe too many does no harm.
        self.store
            .has_dead_letter(&self.name, kind)
            .await
            .unwrap_or(true)
    }
}
