//! How a target comes back: probes, and deliveries that are sent again.

use std::time::Duration;

use super::refused_changes::{Ended, RefusedOperation};
use super::worker::TargetWorker;
use crate::domain::circuit_breaker::{Admission, BreakerState, CircuitBreaker};
use crate::domain::identity::IncidentId;
use crate::domain::retry::decide_retry;
use crate::domain::stopped_changes::EndedWait;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::store::{ClaimedDelivery, StoreError};

/// How often dead letters and completions that are due are looked for.
const RESUME_EVERY: Duration = Duration::from_secs(5);

impl TargetWorker {
    /// The first thing after a start: a target that was waiting may still be unreachable. A probe
    /// comes first.
    pub async fn probe_first_if_parked(&self) {
        // When the database cannot say, a probe too many does no harm.
        if self.store.refuses_writes(&self.name).await.unwrap_or(true) {
            self.shared().breaker = CircuitBreaker::half_open();
        }
    }

    /// Tells the client after a start which tickets do not carry our key. Nothing is sent before it knows.
    pub(super) async fn recall_without_key(&self) -> Result<(), StoreError> {
        if self.shared().knows_keyless {
            return Ok(());
        }
        let tickets = self.store.tickets_without_key(&self.name).await?;
        self.crm.recall_without_key(&tickets);
        self.shared().knows_keyless = true;
        Ok(())
    }

    /// A person has seen that the target works, or has ended a pause of it: nothing waits for its next
    /// probe or rare try. What cannot be sent all the same waits as before.
    pub async fn try_now(&self) {
        let now = self.clock.now();
        {
            let mut shared = self.shared();
            shared.breaker.try_now(now);
            shared.stopped_changes.try_now(now);
        }
        match self.store.try_refused_now(&self.name, now).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(
                target = self.name.as_str(),
                count,
                "deliveries that the target had refused are tried at once"
            ),
            Err(error) => self.report_not_resumed(&error),
        }
    }

    /// Asks whether the CRM answers again.
    pub(super) async fn probe(&self) {
        self.renew_doubtful_login();
        let result = self.crm.probe().await;
        let now = self.clock.now();
        match result {
            Ok(()) => {
                {
                    let mut shared = self.shared();
                    shared.breaker.record_probe();
                    shared.evidence.alone.record_read();
                }
                tracing::info!(
                    target = self.name.as_str(),
                    "target answers again; one delivery goes first"
                );
            }
            Err(failure) => {
                let next = decide_retry(&self.policy, 0, &failure, rand::random());
                self.set_last_error(&failure, now);
                let mut shared = self.shared();
                shared.doubts_login |= failure.doubts_login();
                shared.breaker.record_failed_probe(&failure, next, now);
            }
        }
    }

    /// Forgets the login, and all that came with it, once after a response that is not clearly the
    /// CRM's own: the organisation may have moved to another address.
    pub(super) fn renew_doubtful_login(&self) {
        if std::mem::take(&mut self.shared().doubts_login) {
            self.crm.forget_login();
        }
    }

    /// Makes dead letters due again whose rare try has come, and fields that the CRM had refused; and
    /// ends what is needless.
    pub(super) async fn resume_if_due(&self, admission: Admission, now: Timestamp) {
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
        if !is_due {
            return;
        }
        if let Err(error) = self.resume(admission, now).await {
            self.report_not_resumed(&error);
        }
    }

    async fn resume(&self, admission: Admission, now: Timestamp) -> Result<(), StoreError> {
        self.resume_completions(admission, now).await?;
        let ended = self.store.end_needless(&self.name, now).await?;
        if ended > 0 {
            tracing::info!(
                target = self.name.as_str(),
                count = ended,
                "deliveries are discarded, because their incidents or tickets are over"
            );
        }
        self.forget_refused().await?;
        self.try_refused(now).await?;
        self.join_refused_creates().await;
        if self.store.has_dead_due(&self.name, now).await? {
            self.resume_dead(now).await;
        }
        Ok(())
    }

    /// Makes fields due that the CRM had refused. Too few calls may be left for them: the resolutions of
    /// their tickets, for which enough are left, do not wait for them then.
    async fn resume_completions(
        &self,
        admission: Admission,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.shared().shortage.admits(Operation::Update) {
            return self.store.rest_completions(&self.name, now).await;
        }
        let completions = match admission {
            Admission::All => self.shared().completions_at_once.max(1),
            Admission::Nothing { .. } | Admission::Probe => 0,
            // Nothing else can show that the target accepts writes again.
            _ if self.has_nothing_due(now).await? => 1,
            _ => 0,
        };
        if completions > 0 {
            self.store
                .wake_completions(&self.name, completions, now)
                .await?;
        }
        Ok(())
    }

    /// Of an operation that the CRM refuses for every ticket one delivery is tried every five minutes. It
    /// may have ended without a try, such as that of a ticket which a person has closed: then another
    /// one is tried.
    async fn try_refused(&self, now: Timestamp) -> Result<(), StoreError> {
        let untried = self.shared().refused_changes.untried(now);
        for operation in untried {
            self.store
                .try_one_refused(&self.name, operation, now)
                .await?;
        }
        Ok(())
    }

    /// Forgets the operations that the CRM refused for every ticket and that nothing waits for any more.
    async fn forget_refused(&self) -> Result<(), StoreError> {
        let refused = self.shared().refused_changes.patterns(None);
        for one in refused {
            if !self.store.owes(&self.name, one.operation).await? {
                let mut shared = self.shared();
                shared.refused_changes.forget(one.operation);
                shared.forget_error(&one.last_error);
            }
        }
        self.forget_changes_stop().await
    }

    /// Several creates were refused alike: those of them that are dead letters wait for the target now,
    /// like the others. Those that are still being sent follow once their results are stored.
    pub(super) async fn join_refused_creates(&self) {
        let incidents = self.shared().evidence.refused_before.clone();
        let (name, now) = (&self.name, self.clock.now());
        match self.store.join_refused_creates(name, &incidents, now).await {
            Ok(sending) => {
                let is_left = |id: &IncidentId| !incidents.contains(id) || sending.contains(id);
                self.shared().evidence.refused_before.retain(is_left);
            }
            Err(error) => self.report_not_resumed(&error),
        }
    }

    async fn has_nothing_due(&self, now: Timestamp) -> Result<bool, StoreError> {
        let next = self
            .store
            .next_delivery_at(&self.name, &Operation::ALL)
            .await?;
        Ok(next.is_none_or(|at| at > now))
    }

    async fn resume_dead(&self, now: Timestamp) {
        match self.store.resume_dead(&self.name, now).await {
            Ok(count) => tracing::info!(
                target = self.name.as_str(),
                count,
                "dead letters are tried again"
            ),
            Err(error) => self.report_not_resumed(&error),
        }
    }

    /// The CRM accepts the operation of `delivery`: what was refused for every ticket is due.
    pub(super) async fn wake_refused(&self, delivery: &ClaimedDelivery) {
        if delivery.operation == Operation::Create {
            return;
        }
        let ended = {
            let mut shared = self.shared();
            let refused = shared.refused_changes.patterns(None);
            let ended = shared.refused_changes.record_success(delivery);
            let of_it = |one: &&RefusedOperation| one.operation == delivery.operation;
            if let Some(refused) = refused.iter().find(of_it) {
                shared.forget_error(&refused.last_error);
            }
            ended
        };
        match ended {
            Ended::Nothing => {}
            Ended::Perhaps => self.wake_operation(delivery.operation, false).await,
            Ended::Pattern => self.wake_operation(delivery.operation, true).await,
        }
    }

    /// The CRM accepts `operation` again: what waited for that is due; with `with_dead_letters` also
    /// what was refused alone, or given up.
    pub(super) async fn wake_operation(&self, operation: Operation, with_dead_letters: bool) {
        let (name, now) = (&self.name, self.clock.now());
        let woken = self
            .store
            .wake_refused(name, operation, with_dead_letters, now);
        match woken.await {
            Ok(0) => {}
            Ok(count) => tracing::info!(
                target = name.as_str(),
                operation = operation.as_str(),
                count,
                "the CRM accepts the operation again; deliveries that waited for it are sent"
            ),
            Err(error) => self.report_not_resumed(&error),
        }
    }

    /// The target accepts writes again, after `ended`: what waited for that is due.
    pub(super) async fn wake_parked(&self, ended: EndedWait) {
        let EndedWait { state, operations } = ended;
        let was_held = state == BreakerState::Held;
        let (name, now) = (&self.name, self.clock.now());
        if operations == Operation::CREATES {
            tracing::warn!(
                target = name.as_str(),
                "new tickets pass and changes of tickets do not; changes are tried one by one"
            );
        }
        // What stood in front of the CRM may be gone with that.
        if let Err(error) = self.store.wake_in_front(name, operations, now).await {
            self.report_not_resumed(&error);
        }
        let woken = self.store.wake_parked(name, operations, was_held, now);
        match woken.await {
            Ok(0) => {}
            Ok(count) => tracing::info!(
                target = self.name.as_str(),
                count,
                "the target accepts writes again; deliveries that waited for it are sent"
            ),
            Err(error) => self.report_not_resumed(&error),
        }
    }

    fn report_not_resumed(&self, error: &StoreError) {
        tracing::error!(target = self.name.as_str(), %error, "deliveries cannot be made due again");
    }
}
