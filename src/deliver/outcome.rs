//! The result of an attempt: the next step, its log line and metrics, and its storage.

use std::time::Duration;

use super::worker::TargetWorker;
use crate::domain::failure::{Failure, FailureKind, FailureScope};
use crate::domain::retry::{Next, next, rare_wait};
use crate::domain::ticket::{OmittedField, Operation};
use crate::domain::time::Timestamp;
use crate::store::{ClaimedDelivery, DeliveryResult, WaitsFor};

/// How often the result is tried to be stored, before the lease runs out by itself.
const STORE_TRIES: u32 = 20;
/// Wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

impl TargetWorker {
    /// What follows `failure` for this delivery. The breaker learns of it too.
    pub(super) fn result_of_failure(
        &self,
        delivery: &ClaimedDelivery,
        failure: Failure,
        now: Timestamp,
    ) -> DeliveryResult {
        let rarely = now.plus(rare_wait(delivery.resumptions));
        // It says nothing about the target.
        if failure.is_internal {
            return DeliveryResult::DeadLettered {
                at: rarely,
                failure,
            };
        }
        let mut failure = failure;
        let mut shared = self.shared();
        failure.class = shared.evidence.class(delivery, &failure);
        let next = next(&self.policy, delivery.attempts, &failure, rand::random());
        shared.breaker.record_failure(&failure, next, now);
        if failure.kind == FailureKind::RateLimited {
            self.limiter.slow_down(tokio::time::Instant::now());
        }
        shared.doubts_login |= failure.doubts_login();
        shared.last_error = Some((failure.clone(), now));
        drop(shared);
        let settled = now.plus(failure.settle_after);
        let rarely = rarely.max(settled);
        match next {
            Next::RetryAfter(wait) => DeliveryResult::RetryAt {
                at: now.plus(wait),
                failure,
            },
            Next::Park if failure.class.scope == FailureScope::Ticket => {
                park(delivery, failure, rarely)
            }
            // The breaker holds the delivery back, so it needs no time of its own.
            Next::PauseTarget(_) | Next::HoldTarget | Next::Park => DeliveryResult::Parked {
                waits_for: WaitsFor::Target,
                at: settled,
                counted: next == Next::Park,
                failure,
            },
            Next::GiveUp => DeliveryResult::DeadLettered {
                at: rarely,
                failure,
            },
        }
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
            DeliveryResult::Delivered { ticket, omitted } => {
                self.metrics.delivery(&self.name, operation, "ok");
                if delivery.operation == Operation::Create {
                    self.metrics
                        .time_to_ticket(now.since(delivery.received_at).as_secs_f64());
                }
                for OmittedField { field, reason, .. } in omitted {
                    self.metrics.omitted_field(&self.name, field);
                    tracing::warn!(
                        event_id,
                        incident_id,
                        target = self.name.as_str(),
                        field,
                        reason,
                        "the CRM refused a field; the ticket was created without it"
                    );
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
            DeliveryResult::RetryAt { failure, at }
            | DeliveryResult::Parked { failure, at, .. } => {
                let next = match outcome {
                    DeliveryResult::Parked {
                        waits_for: WaitsFor::Target,
                        ..
                    } => "it is parked until the target accepts writes again",
                    DeliveryResult::Parked { .. } => "it is parked, and tried again rarely",
                    _ => "it will be retried",
                };
                self.metrics
                    .delivery(&self.name, operation, failure.kind.as_str());
                tracing::warn!(
                    event_id, incident_id, target = self.name.as_str(), operation,
                    kind = %failure.kind, code = failure.code, next_attempt_at = %at, error = %failure,
                    "delivery failed; {next}"
                );
            }
            DeliveryResult::DeadLettered { failure, .. } => {
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
}

/// A ticket that is refused alone waits alone. A comment gives way: the resolution of its ticket
/// must not wait for it.
fn park(delivery: &ClaimedDelivery, failure: Failure, at: Timestamp) -> DeliveryResult {
    match delivery.operation {
        Operation::Update => DeliveryResult::DeadLettered { at, failure },
        Operation::Create | Operation::Resolve | Operation::Link => DeliveryResult::Parked {
            waits_for: WaitsFor::Ticket,
            at,
            counted: true,
            failure,
        },
    }
}
