//! The log line and the metrics of an attempt's result.

use std::time::Duration;

use super::worker::TargetWorker;
use crate::domain::doubt::Unsent;
use crate::domain::failure::{Failure, ResolvedBy};
use crate::domain::ticket::{OmittedField, Operation};
use crate::domain::time::Timestamp;
use crate::store::{ClaimedDelivery, CompletedFields, DeliveryResult, WaitsFor};
use crate::telemetry::Stage;

impl TargetWorker {
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
                for one in omitted {
                    self.report_omitted(delivery, one);
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
                self.metrics
                    .delivery(&self.name, operation, failure.kind.as_str());
                self.report_waiting(delivery, outcome, (failure, *at));
            }
            DeliveryResult::Completed {
                completed, left, ..
            } => self.report_completed(delivery, completed, left),
            DeliveryResult::PutOff { failure, at } => tracing::info!(
                event_id, incident_id, target = self.name.as_str(), next_attempt_at = %at,
                error = %failure,
                "fields that the CRM had refused could not be tried again"
            ),
            DeliveryResult::Unsent(unsent) => tracing::info!(
                event_id,
                incident_id,
                target = self.name.as_str(),
                operation,
                "nothing was sent: the effect of an earlier try is not there; {}",
                next_step(unsent)
            ),
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

    /// Observes how long each stage of a ticket took that is confirmed now.
    pub(super) fn report_stages(
        &self,
        create: &ClaimedDelivery,
        claimed_at: Timestamp,
        answered: Duration,
        stored: Duration,
    ) {
        for (stage, took) in [
            (Stage::Decided, create.decided_at.since(create.received_at)),
            (Stage::Claimed, claimed_at.since(create.decided_at)),
            (Stage::Answered, answered),
            (Stage::Confirmed, stored),
        ] {
            self.metrics.stage(stage, took);
        }
    }

    fn report_waiting(
        &self,
        delivery: &ClaimedDelivery,
        outcome: &DeliveryResult,
        (failure, at): (&Failure, Timestamp),
    ) {
        let operation = delivery.operation.as_str();
        let (event_id, incident_id) = (&delivery.event_id, delivery.incident_id.as_str());
        let waits_for_ticket = matches!(
            outcome,
            DeliveryResult::Parked {
                waits_for: WaitsFor::Ticket,
                ..
            }
        );
        if waits_for_ticket && failure.class.resolved_by == ResolvedBy::PersonInCrm {
            tracing::error!(
                event_id, incident_id, target = self.name.as_str(), operation,
                kind = %failure.kind, code = failure.code, next_attempt_at = %at, error = %failure,
                "delivery failed; it is parked until a person acts, and tried again rarely"
            );
            return;
        }
        let next = step_after(outcome);
        tracing::warn!(
            event_id, incident_id, target = self.name.as_str(), operation,
            kind = %failure.kind, code = failure.code, next_attempt_at = %at, error = %failure,
            "delivery failed; {next}"
        );
    }

    fn report_omitted(&self, delivery: &ClaimedDelivery, omitted: &OmittedField) {
        self.metrics.omitted_field(&self.name, &omitted.field);
        tracing::warn!(
            event_id = delivery.event_id,
            incident_id = delivery.incident_id.as_str(),
            target = self.name.as_str(),
            field = omitted.field,
            reason = omitted.reason,
            operation = delivery.operation.as_str(),
            "the CRM refused a field or did not keep it; it was left out"
        );
    }

    fn report_completed(
        &self,
        delivery: &ClaimedDelivery,
        completed: &CompletedFields,
        left: &[OmittedField],
    ) {
        if !completed.set.is_empty() {
            let operation = delivery.operation.as_str();
            self.metrics.delivery(&self.name, operation, "ok");
        }
        let left = left
            .iter()
            .map(|one| format!("{}: {}", one.field, one.reason));
        let left: Vec<String> = left.collect();
        tracing::info!(
            event_id = delivery.event_id, incident_id = delivery.incident_id.as_str(),
            target = self.name.as_str(), set = ?completed.set, found = ?completed.found, ?left,
            "fields that the CRM had refused were tried again"
        );
    }
}

fn step_after(outcome: &DeliveryResult) -> &'static str {
    match outcome {
        DeliveryResult::Parked { waits_for, .. } => match waits_for {
            WaitsFor::Target => "it is parked until the target accepts writes again",
            WaitsFor::Operation => {
                "it is parked until a person acts and the CRM accepts the operation again"
            }
            WaitsFor::Ticket => "it is parked, and tried again rarely",
        },
        _ => "it will be retried",
    }
}

/// What comes of a delivery that was not sent.
fn next_step(unsent: &Unsent) -> String {
    match unsent {
        Unsent::NotYet { at } => format!("it is looked up again at {at}"),
        Unsent::Render => "it is rendered again".to_owned(),
        Unsent::Discard => "nobody wants it any more".to_owned(),
    }
}
