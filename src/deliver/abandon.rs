//! Deliveries that nobody is sending any more: those of a worker that died, and those that this one has
//! no time to finish. And what the client has learnt, which says how long they must wait.

use tokio::task::JoinSet;

use super::worker::TargetWorker;
use crate::domain::time::Timestamp;
use crate::store::{Abandoned, StoreError};

impl TargetWorker {
    /// Puts deliveries back whose lease has run out.
    pub(super) async fn put_back_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        // The database's clock may have been set forward while they are being sent.
        let sending = self.in_flight.all();
        let expired = Abandoned::Expired { sending: &sending };
        self.put_back(expired, now).await
    }

    /// Cuts `attempts` off and puts their deliveries back.
    pub(super) async fn abandon(&self, mut attempts: JoinSet<()>) {
        attempts.shutdown().await;
        let own = Abandoned::Of { owner: &self.owner };
        if let Err(error) = self.put_back(own, self.clock.now()).await {
            // The next process does it.
            tracing::warn!(
                target = self.name.as_str(), %error,
                "deliveries that were not finished cannot be put back; the next start does it"
            );
        }
    }

    async fn put_back(&self, abandoned: Abandoned<'_>, now: Timestamp) -> Result<(), StoreError> {
        let times = self.crm.runs_for();
        let count = self.store.put_back(&self.name, abandoned, times, now);
        let count = count.await?;
        if count > 0 {
            tracing::warn!(
                target = self.name.as_str(),
                count,
                "deliveries were not finished by the process that was sending them; each ticket is \
                 looked up before anything is sent again"
            );
        }
        Ok(())
    }

    /// Tells the client what an earlier process had learnt. Without that it learns it again, and waits
    /// longer before it trusts a look-up.
    pub(super) async fn recall_learnt(&self) {
        match self.store.learnt_of_target(&self.name).await {
            Ok(learnt) => {
                if let Some(learnt) = &learnt {
                    self.crm.recall(learnt);
                }
                self.shared().kept_learnt = Some(learnt);
            }
            Err(error) => self.report_not_kept(&error),
        }
    }

    /// Stores what the client has learnt since.
    pub(super) async fn keep_learnt(&self) {
        // What is stored must be known before it is replaced.
        if self.shared().kept_learnt.is_none() {
            return self.recall_learnt().await;
        }
        let learnt = self.crm.learnt();
        if self.shared().kept_learnt.as_ref() == Some(&learnt) {
            return;
        }
        let runs_for = self.crm.runs_for().create;
        let kept = self
            .store
            .keep_learnt(&self.name, learnt.as_deref(), runs_for);
        match kept.await {
            Ok(()) => self.shared().kept_learnt = Some(learnt),
            Err(error) => self.report_not_kept(&error),
        }
    }

    fn report_not_kept(&self, error: &StoreError) {
        tracing::warn!(
            target = self.name.as_str(), %error,
            "what was learnt of the target cannot be read or stored"
        );
    }
}
