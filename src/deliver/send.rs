//! Claims deliveries that are due, and makes their attempts.

use std::time::Instant;

use tokio::task::JoinSet;

use super::achieved::Achieved;
use super::attempt::{AttemptContext, attempt};
use super::claims::{ClaimGuard, LEASE};
use super::outcome::Ended;
use super::unread::waiting_for_create;
use super::worker::TargetWorker;
use crate::domain::failure::Failure;
use crate::domain::lanes::last_served;
use crate::domain::ticket::Operation;
use crate::domain::ticket_sync::TicketSnapshot;
use crate::domain::time::Timestamp;
use crate::fault_points;
use crate::store::{Claim, ClaimedDelivery, DeliveryResult, StoreError};
use crate::targets::Crm;

/// Whether a ticket has come of the delivery.
fn is_ticket(delivery: &ClaimedDelivery, outcome: &DeliveryResult) -> bool {
    delivery.operation == Operation::Create && matches!(outcome, DeliveryResult::Delivered { .. })
}

impl TargetWorker {
    /// Claims up to `free` deliveries of `operations` and starts them as tasks of `attempts`. Returns how
    /// many.
    pub(super) async fn claim(
        &self,
        operations: &[Operation],
        free: usize,
        now: Timestamp,
        attempts: &mut JoinSet<()>,
    ) -> Result<usize, StoreError> {
        let after_lane = self.shared().last_lane.clone();
        let claim = Claim {
            target: &self.name,
            owner: &self.owner,
            limit: u32::try_from(free).unwrap_or(u32::MAX),
            after_lane: &after_lane,
            operations,
            shortage: self.shared().shortage,
            runs_for: self.crm.runs_for(),
        };
        // The lease counts from before the statement is sent: it may only seem to end too early.
        let asked_at = Instant::now();
        let claimed = self.store.claim(claim, now, LEASE).await?;
        let lanes = claimed.iter().map(|delivery| delivery.lane.as_str());
        if let Some(last) = last_served(lanes, &after_lane) {
            last.clone_into(&mut self.shared().last_lane);
        }
        let count = claimed.len();
        for delivery in claimed {
            // This process is still sending it: its lease ended early, as the database's clock was
            // set forward.
            let Some(in_flight) = self.in_flight.begin(delivery.id, delivery.operation) else {
                continue;
            };
            let worker = self.clone();
            let claim = self.claims.guard(delivery.id, asked_at + LEASE);
            attempts.spawn(async move {
                worker.deliver(delivery, &claim).await;
                drop(in_flight);
            });
        }
        Ok(count)
    }

    /// One attempt, to the stored result.
    async fn deliver(&self, delivery: ClaimedDelivery, claim: &ClaimGuard) {
        fault_points::reach("before-send");
        let crm = self.crm.for_claim(claim.check());
        let began = Instant::now();
        let ctx = AttemptContext {
            crm: crm.as_ref(),
            target: &self.name,
            omission: &self.omission,
            store: &self.store,
            owner: &self.owner,
            now: self.clock.now(),
        };
        let claimed_at = ctx.now;
        let result = attempt(&ctx, &delivery).await;
        let result = self.with_own_ticket(ctx.crm, &delivery, result).await;
        // The claim ended before something was sent, so the failure says nothing about the CRM.
        if result.is_err() && claim.was_refused() {
            return self.report_lost_claim(&delivery);
        }
        fault_points::reach("before-settle");
        let answered = began.elapsed();
        let (outcome, seen, ended) = self.what_follows(ctx.crm, &delivery, result).await;
        let now = self.clock.now();
        self.report(&delivery, &outcome, now);
        self.store_result(&delivery, &outcome, now).await;
        self.join_refused_creates().await;
        if is_ticket(&delivery, &outcome) {
            let stored = began.elapsed() - answered;
            self.report_stages(&delivery, claimed_at, answered, stored);
        }
        if let Some(wait) = ended.wait {
            self.wake_parked(wait).await;
        }
        if ended.refusal_of_creates {
            self.wake_operation(Operation::Create, true).await;
        }
        if ended.refusal_of_operation {
            self.wake_refused(&delivery).await;
        }
        if let Some(seen) = seen {
            self.store_seen(&seen).await;
        }
        if let DeliveryResult::Delivered {
            ticket: Some(ticket),
            ..
        } = outcome
            && ticket.number.is_none()
        {
            self.unnumbered.add(ticket.id, Instant::now());
        }
    }

    /// What follows the result of an attempt, the ticket as it was seen, and what a success ends.
    async fn what_follows(
        &self,
        crm: &dyn Crm,
        delivery: &ClaimedDelivery,
        result: Result<Achieved, Failure>,
    ) -> (DeliveryResult, Option<TicketSnapshot>, Ended) {
        let outcome = match result {
            Ok(mut achieved) => {
                let (seen, now) = (achieved.take_seen(), self.clock.now());
                let (outcome, ended) = self.result_of_success(delivery, achieved, now);
                return (outcome, seen, ended);
            }
            Err(failure) if self.has_doubted_ticket(crm, delivery, &failure).await => {
                DeliveryResult::RetryAt {
                    at: self.clock.now(),
                    failure: waiting_for_create(failure),
                }
            }
            Err(failure) => self.result_of_failure(delivery, failure, self.clock.now()),
        };
        (outcome, None, Ended::default())
    }
}
