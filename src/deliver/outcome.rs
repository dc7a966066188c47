//! What comes of an attempt: what is done next, what is kept, counted and logged of it.

use std::time::Duration;

use super::worker::TargetWorker;
use crate::domain::failure::{Failure, Remedy};
use crate::domain::retry::{Next, next};
use crate::domain::ticket::{Operation, Ticket};
use crate::domain::time::Timestamp;
use crate::store::{ClaimedDelivery, Settlement};

/// Tries to keep the outcome of an attempt before the lease is left to run out.
const SETTLE_TRIES: u32 = 20;
/// Wait between them.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

impl TargetWorker {
    pub(super) fn after_failure(
        &self,
        delivery: &ClaimedDelivery,
        failure: Failure,
        now: Timestamp,
    ) -> Settlement {
        let next = self.next_after(delivery, &failure, now);
        self.note_error(&failure, now);
        match next {
            Next::RetryAfter(wait) => Settlement::Again {
                at: now.plus(wait),
                failure,
                counted: true,
            },
            Next::PauseTarget(_) | Next::HoldTarget => Settlement::Again {
                at: now,
                failure,
                counted: false,
            },
            Next::GiveUp => Settlement::Dead { failure },
        }
    }

    /// What follows `failure`, and what it says of the target: nothing, where only this delivery
    /// is met as if the target were closed to everybody.
    fn next_after(&self, delivery: &ClaimedDelivery, failure: &Failure, now: Timestamp) -> Next {
        let mut shared = self.shared();
        let after = |failure| next(&self.policy, delivery.attempts, failure, rand::random());
        let usual = after(failure);
        let is_alone =
            usual == Next::HoldTarget && shared.refusals.is_alone(delivery.id, delivery.operation);
        if !is_alone {
            shared.gate.note_failure(failure, usual, now);
        }
        let next = match is_alone {
            true => after(&Failure {
                remedy: Remedy::Retry,
                ..failure.clone()
            }),
            false => usual,
        };
        if next == Next::GiveUp {
            shared.refusals.forget(delivery.id);
        }
        next
    }

    pub(super) fn note_error(&self, failure: &Failure, now: Timestamp) {
        self.shared().last_error = Some((failure.clone(), now));
    }

    pub(super) fn count(
        &self,
        delivery: &ClaimedDelivery,
        settlement: &Settlement,
        now: Timestamp,
    ) {
        let operation = delivery.operation.as_str();
        let (event_id, incident_id) = (&delivery.event_id, &delivery.incident_id);
        match settlement {
            Settlement::Done(ticket) => {
                self.metrics.delivery(self.name(), operation, "ok");
                if delivery.operation == Operation::Create {
                    self.metrics
                        .time_to_ticket(now.since(delivery.received_at).as_secs_f64());
                }
                let ticket = ticket.as_ref().map(|ticket| ticket.id.as_str());
                tracing::info!(
                    event_id,
                    incident_id,
                    target = self.name(),
                    operation,
                    ticket,
                    "delivered"
                );
            }
            Settlement::Again { failure, at, .. } => {
                self.metrics
                    .delivery(self.name(), operation, failure.kind.as_str());
                tracing::warn!(
                    event_id, incident_id, target = self.name(), operation,
                    kind = %failure.kind, code = failure.code, next_attempt_at = %at, error = %failure,
                    "delivery failed; it is tried again"
                );
            }
            Settlement::Dead { failure } => {
                self.metrics
                    .delivery(self.name(), operation, failure.kind.as_str());
                tracing::error!(
                    event_id, incident_id, target = self.name(), operation,
                    kind = %failure.kind, code = failure.code, field = failure.field, error = %failure,
                    "delivery given up; it is a dead letter"
                );
            }
        }
    }

    /// Keeps what came of an attempt. When the database refuses for long, the lease runs out
    /// and the next attempt looks the ticket up first: nothing is lost, nothing doubled.
    pub(super) async fn settle(
        &self,
        delivery: &ClaimedDelivery,
        settlement: &Settlement,
        now: Timestamp,
    ) {
        for _ in 0..SETTLE_TRIES {
            match self
                .store()
                .settle(delivery, self.owner(), settlement, now)
                .await
            {
                Ok(true) => return,
                Ok(false) => return self.note_lost(delivery),
                Err(error) => {
                    tracing::error!(
                        event_id = delivery.event_id, incident_id = delivery.incident_id,
                        target = self.name(), %error,
                        "the outcome of a delivery cannot be kept; it is tried again"
                    );
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            }
        }
    }

    /// Nothing is kept, and nothing learned about the CRM: the delivery is looked up before
    /// anything is sent for it again, by whoever claims it.
    pub(super) fn note_lost(&self, delivery: &ClaimedDelivery) {
        tracing::warn!(
            event_id = delivery.event_id,
            incident_id = delivery.incident_id,
            target = self.name(),
            "the claim on this delivery was lost; whoever has it settles it"
        );
    }

    /// Reads the number that people use, where the create did not answer it. Its failure
    /// changes nothing: the ticket is confirmed.
    pub(super) async fn learn_number(&self, delivery: &ClaimedDelivery, ticket: Ticket) {
        if ticket.number.is_some() {
            return;
        }
        self.limiter.take_when_ready().await;
        match self.crm.read(&ticket.id).await {
            Ok(Some(read)) => {
                if let Err(error) = self.store().note_ticket(&delivery.incident_id, &read).await {
                    tracing::warn!(incident_id = delivery.incident_id, %error, "the ticket's number cannot be kept");
                }
            }
            Ok(None) => {}
            Err(failure) => {
                tracing::debug!(incident_id = delivery.incident_id, error = %failure, "the ticket's number cannot be read yet");
            }
        }
    }
}
