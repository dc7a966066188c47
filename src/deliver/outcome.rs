//! The result of an attempt: the next step, and its storage.

use std::time::Duration;

use super::achieved::Achieved;
use super::completion::Completed;
use super::refused_changes::Refused;
use super::worker::TargetWorker;
use crate::domain::failure::{Failure, FailureKind, FailureScope, ResolvedBy};
use crate::domain::retry::{RetryDecision, decide_retry, has_lasted_too_long, rare_wait};
use crate::domain::stopped_changes::EndedWait;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::{ClaimedDelivery, DeliveryResult, WaitsFor};

/// What a success ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ended {
    /// The wait of the target, or of some operations.
    pub(super) wait: Option<EndedWait>,
    /// Creates of several tickets were refused for a reason that is gone.
    pub(super) refusal_of_creates: bool,
    /// The CRM has accepted the operation: it is not refused for every ticket.
    pub(super) refusal_of_operation: bool,
}

/// How often the result is tried to be stored, before the lease runs out by itself.
const STORE_TRIES: u32 = 20;
/// Wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// What a person must do about a refusal of one ticket that does not end.
const NO_END: &str = "this does not end by itself: a person must look at what the message names";

/// Something in front of the CRM may ask for a wait because of one text. While it is known of one
/// ticket only, the whole target waits no longer than this; and this, once that was for nothing.
const WAIT_FOR_ONE: Duration = Duration::from_secs(10);
const NEXT_WAIT_FOR_ONE: Duration = Duration::from_secs(30);
/// A ticket that was refused like several others lets those go first that were not tried yet.
const REST_OF_A_PATTERN: Duration = Duration::from_secs(5);

/// Most completions that are made due at once.
const MAX_COMPLETIONS: u32 = 64;
/// A ticket that is resolved or gone is looked at again after this time: it may have been opened
/// again.
const AFTER_THE_END: Duration = Duration::from_secs(24 * 3600);

impl TargetWorker {
    /// What follows a success, and what it ends.
    pub(super) fn result_of_success(
        &self,
        delivery: &ClaimedDelivery,
        achieved: Achieved,
        now: Timestamp,
    ) -> (DeliveryResult, Ended) {
        let is_write = achieved.is_write();
        if is_write {
            self.limiter.recover();
        }
        let mut shared = self.shared();
        match achieved {
            // At most something was read, which proves nothing about writes.
            Achieved::Unsent(unsent) => {
                return (DeliveryResult::Unsent(unsent), Ended::default());
            }
            // It says nothing about other tickets.
            Achieved::Completed(Completed {
                fields,
                left,
                is_over,
                ..
            }) => {
                shared.completions_at_once = match fields.set.is_empty() {
                    true => 1,
                    false => (shared.completions_at_once.max(1) * 4).min(MAX_COMPLETIONS),
                };
                let wait = match is_over {
                    true => AFTER_THE_END,
                    false => rare_wait(delivery.resumptions.saturating_add(1)),
                };
                let at = now.plus(wait);
                let completed = DeliveryResult::Completed {
                    completed: fields,
                    left,
                    at,
                };
                // Mostly it has only read, which proves nothing about writes.
                let ended = Ended {
                    wait: is_write
                        .then(|| shared.record_success(delivery.operation, now))
                        .flatten(),
                    ..Ended::default()
                };
                return (completed, ended);
            }
            Achieved::Changed(_) | Achieved::Created(_) => {}
        }
        // What was only found or read proves nothing about writes.
        let mut ended = Ended::default();
        if is_write {
            shared.note_reached(now);
            ended.wait = shared.record_success(delivery.operation, now);
            ended.refusal_of_creates = shared.evidence.record_success(delivery);
            ended.refusal_of_operation = true;
        } else {
            shared.evidence.alone.forget(delivery);
        }
        let (ticket, omitted) = match achieved {
            Achieved::Created(created) => (Some(created.ticket), created.omitted),
            Achieved::Changed(changed) => (None, changed.omitted),
            Achieved::Completed(_) | Achieved::Unsent(_) => (None, Vec::new()),
        };
        (DeliveryResult::Delivered { ticket, omitted }, ended)
    }

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
            return match delivery.completes {
                true => DeliveryResult::PutOff {
                    at: rarely,
                    failure,
                },
                false => DeliveryResult::DeadLettered {
                    at: rarely,
                    failure,
                },
            };
        }
        let (failure, next, refused) = self.judge(delivery, failure, now);
        let settled = now.plus(failure.settle_after);
        let rarely = rarely.max(settled);
        if delivery.completes {
            return DeliveryResult::PutOff {
                at: rarely,
                failure,
            };
        }
        if let Some(refused) = refused {
            return self.refused_for_all(delivery, refused, failure);
        }
        match next {
            RetryDecision::RetryAfter(wait) => DeliveryResult::RetryAt {
                at: now.plus(wait),
                failure,
            },
            RetryDecision::Park if failure.class.scope == FailureScope::Ticket => {
                park(delivery, failure, rarely)
            }
            // The breaker holds the delivery back, so it needs no time of its own.
            RetryDecision::PauseTarget(_) | RetryDecision::HoldTarget | RetryDecision::Park => {
                DeliveryResult::Parked {
                    waits_for: WaitsFor::Target,
                    at: match failure.is_pattern {
                        true => settled.max(now.plus(REST_OF_A_PATTERN)),
                        false => settled,
                    },
                    counted: next == RetryDecision::Park,
                    failure,
                }
            }
            RetryDecision::GiveUp => DeliveryResult::DeadLettered {
                at: rarely,
                failure,
            },
        }
    }

    /// The failure as it is known with the results of other deliveries, and what follows.
    fn judge(
        &self,
        delivery: &ClaimedDelivery,
        mut failure: Failure,
        now: Timestamp,
    ) -> (Failure, RetryDecision, Option<Refused>) {
        let mut shared = self.shared();
        let mut refused = None;
        let said = failure.class.scope;
        shared.doubts_login |= failure.doubts_login();
        if delivery.completes {
            shared.completions_at_once = 1;
        } else {
            shared.evidence.judge(delivery, &mut failure, now);
            refused = shared.refused_changes.judge(delivery, &mut failure, now);
            if has_lasted_too_long(&failure, delivery.resumptions) {
                failure.class.resolved_by = ResolvedBy::PersonInCrm;
                failure.message = format!("{}; {NO_END}", failure.message);
            }
        }
        let is_alone = said != FailureScope::Ticket && failure.class.scope == FailureScope::Ticket;
        let next = match decide_retry(&self.policy, delivery.attempts, &failure, rand::random()) {
            // It was tried often enough to know.
            _ if is_alone => RetryDecision::Park,
            RetryDecision::PauseTarget(Some(wait))
                if said == FailureScope::Network && shared.evidence.alone.is_only(delivery) =>
            {
                let longest = match shared.breaker.waited() {
                    None => WAIT_FOR_ONE,
                    Some(_) => NEXT_WAIT_FOR_ONE,
                };
                RetryDecision::PauseTarget(Some(wait.min(longest)))
            }
            next => next,
        };
        // A response that only others' successes show to be about one ticket says nothing about the
        // target: it may be no answer at all.
        if !is_alone {
            shared.record_failure(delivery.operation, (&failure, next), now);
            if failure.kind == FailureKind::RateLimited {
                self.limiter.slow_down(tokio::time::Instant::now());
            }
        }
        shared.last_error = Some((failure.clone(), now));
        (failure, next, refused)
    }

    /// The operation is refused for every ticket: the delivery waits until one succeeds.
    fn refused_for_all(
        &self,
        delivery: &ClaimedDelivery,
        Refused { tried_at, is_new }: Refused,
        failure: Failure,
    ) -> DeliveryResult {
        if is_new {
            tracing::error!(
                target = self.name.as_str(), operation = delivery.operation.as_str(),
                error = %failure,
                "the CRM refuses an operation for every ticket; a person must act"
            );
        }
        DeliveryResult::Parked {
            waits_for: WaitsFor::Operation,
            at: tried_at,
            counted: true,
            failure,
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

/// A ticket that is refused alone waits alone. A comment becomes a dead letter instead: the
/// resolution of its ticket must not wait for it. Where the ticket is not there, both wait for it.
fn park(delivery: &ClaimedDelivery, failure: Failure, at: Timestamp) -> DeliveryResult {
    match delivery.operation {
        Operation::Update if !failure.is_not_found() => {
            DeliveryResult::DeadLettered { at, failure }
        }
        Operation::Update | Operation::Create | Operation::Resolve | Operation::Link => {
            DeliveryResult::Parked {
                waits_for: WaitsFor::Ticket,
                at,
                counted: true,
                failure,
            }
        }
    }
}
