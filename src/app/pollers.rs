//! Starts what asks Genesys Cloud how things stand.

use super::StartError;
use super::stages::Builder;
use crate::enrichment::Enrichment;
use crate::polling::{self, PollWorker, StatusPageWorker};
use crate::store::Journal;

impl Builder {
    /// Starts to ask how Genesys Cloud stands, where that is wanted.
    pub(super) fn start_polling(
        &self,
        journal: &Journal,
        enrichment: &Enrichment,
    ) -> Result<(), StartError> {
        let Some(settings) = &self.settings.enrichment else {
            return Ok(());
        };
        let parts = polling::Parts {
            store: self.store.clone(),
            journal: journal.clone(),
            metrics: self.metrics.clone(),
            clock: self.clock.clone(),
            components: self.components.clone(),
            owner: self.owner.clone(),
            redactor: self.redactor.clone(),
        };
        let worker = PollWorker::new(&self.settings, enrichment, parts.clone());
        if let Some(worker) = worker.map_err(StartError::Enrichment)? {
            self.spawn(&self.stages.receive, "polling", move |stop| {
                worker.clone().run(stop)
            });
        }
        let worker = StatusPageWorker::new(settings, parts);
        if let Some(worker) = worker.map_err(StartError::Enrichment)? {
            self.spawn(&self.stages.receive, "status page", move |stop| {
                worker.clone().run(stop)
            });
        }
        Ok(())
    }
}
