//! The result of an attempt: the next step, its log line and metrics, and its storage.

use std::time::Duration;

use super::worker::TargetWorker;
use crate::domain::failure::{Failure, Remedy};
use crate::domain::retry::{Next, next};
use crate::domain::ticket::{Operation, Ticket};
use crate::domain::time::Timestamp;
use crate::store::{ClaimedDelivery, DeliveryResult};

/// How often the result is tried to be stored, before the lease runs out by itself.
const STORE_TRIES: u32 = 20;
/// Wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

impl TargetWorker {
    pub(super) fn result_of_failure(
        &self,
        delivery: &ClaimedDelivery,
        failure: Failure,
        now: Timestamp,
    ) -> DeliveryResult {
        let next = self.next_after(delivery, &failure, now);
        self.set_last_error(&failure, now);
        match next {
            Next::RetryAfter(wait) => DeliveryResult::RetryAt {
                at: now.plus(wait),
                failure,
                counted: true,
            },
            // The breaker holds the delivery back, so it needs no time of its own.
            Next::PauseTarget(_) | Next::HoldTarget => DeliveryResult::RetryAt {
                at: now,
                failure,
                counted: false,
            },
            Next::GiveUp => DeliveryResult::DeadLettered { failure },
        }
    }

    /// The next step after `failure` for this delivery. The circuit breaker records it too.
    fn next_after(&self, delivery: &ClaimedDelivery, failure: &Failure, now: Timestamp) -> Next {
        let mut shared = self.shared();
        let after = |failure| next(&self.policy, delivery.attempts, failure, rand::random());
        let usual = after(failure);
        let is_poison =
            usual == Next::HoldTarget && shared.poison.is_poison(delivery.id, delivery.operation);
        let next = if is_poison {
            // Only this delivery is refused. Holding the target would stop all others for it, so
            // it is retried by itself until it is a dead letter.
            after(&Failure {
                remedy: Remedy::Retry,
                ..failure.clone()
            })
        } else {
            shared.breaker.record_failure(failure, usual, now);
            usual
        };
        if next == Next::GiveUp {
            shared.poison.forget(delivery.id);
        }
        next
    }

    /// Logs and counts the result.
    pub(super) fn report(
        &self,
        delivery: &ClaimedDelivery,
        outcome: &DeliveryResult,
        now: Timestamp,
    ) {
        let operation = delivery.operation.as_str();
        let (event_id, incident_id) = (&delivery.event_id, delivery.incident_id.as_str());
        match outcome {
            DeliveryResult::Delivered(ticket) => {
                self.metrics.delivery(&self.name, operation, "ok");
                if delivery.operation == Operation::Create {
                    self.metrics
                        .time_to_ticket(now.since(delivery.received_at).as_secs_f64());
                }
                let ticket = ticket.as_ref().map(|ticket| ticket.id.as_str());
                tracing::info!(
                    event_id,
                    incident_id,
                    target = self.name.as_str(),
                    operation,
                    ticket,
                    "delivered"
                );
            }
            DeliveryResult::RetryAt { failure, at, .. } => {
                self.metrics
                    .delivery(&self.name, operation, failure.kind.as_str());
                tracing::warn!(
                    event_id, incident_id, target = self.name.as_str(), operation,
                    kind = %failure.kind, code = failure.code, next_attempt_at = %at, error = %failure,
                    "delivery failed; it will be retried"
                );
            }
            DeliveryResult::DeadLettered { failure } => {
                self.metrics
                    .delivery(&self.name, operation, failure.kind.as_str());
                tracing::error!(
                    event_id, incident_id, target = self.name.as_str(), operation,
                    kind = %failure.kind, code = failure.code, field = failure.field, error = %failure,
                    "delivery given up; it is a dead letter"
                );
            }
        }
    }

    /// Stores the result. When the database fails for too long, the lease runs out and the next
    /// attempt looks the ticket up first: nothing is lost, nothing is sent twice.
    pub(super) async fn store_result(
        &self,
        delivery: &ClaimedDelivery,
        outcome: &DeliveryResult,
        now: Timestamp,
    ) {
        for _ in 0..STORE_TRIES {
            match self
                .store
                .record_result(delivery, &self.owner, outcome, now)
                .await
            {
                Ok(true) => return,
                Ok(false) => return self.report_lost_claim(delivery),
                Err(error) => {
                    tracing::error!(
                        event_id = delivery.event_id, incident_id = delivery.incident_id.as_str(),
                        target = self.name.as_str(), %error,
                        "the result of a delivery cannot be stored; retrying"
                    );
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            }
        }
    }

    /// Logs that another process has the claim. Nothing is stored. That process looks the ticket
    /// up before it sends anything.
    pub(super) fn report_lost_claim(&self, delivery: &ClaimedDelivery) {
        tracing::warn!(
            event_id = delivery.event_id,
            incident_id = delivery.incident_id.as_str(),
            target = self.name.as_str(),
            "the claim on this delivery was lost; the process that has it now delivers it"
        );
    }

    /// Reads the number that people use, where the answer to the create did not contain it. A
    /// failure changes nothing: the ticket is confirmed already.
    pub(super) async fn fetch_number(&self, delivery: &ClaimedDelivery, ticket: Ticket) {
        if ticket.number.is_some() {
            return;
        }
        self.limiter.take_when_ready().await;
        match self.crm.read(&ticket.id).await {
            Ok(Some(read)) => {
                if let Err(error) = self.store.update_ticket(&delivery.incident_id, &read).await {
                    tracing::warn!(incident_id = delivery.incident_id.as_str(), %error, "the ticket's number cannot be stored");
                }
            }
            Ok(None) => {}
            Err(failure) => {
                tracing::debug!(incident_id = delivery.incident_id.as_str(), error = %failure, "the ticket's number cannot be read yet");
            }
        }
    }
}
