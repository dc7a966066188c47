//! What each stage consists of, and what its parts are given. The listeners are in `listeners`.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::descriptors::Limits;
use super::{Stages, StartError};
use crate::backlog::{HeldBack, watch_backlog};
use crate::clock::Clock;
use crate::decide::Decider;
use crate::deliver::{StoreVault, TargetWorker};
use crate::domain::circuit_breaker::BreakerState;
use crate::domain::identity::TargetName;
use crate::enrichment::{Enrichment, EnrichmentWorker};
use crate::lifecycle::Components;
use crate::notifier::{Notifier, publish_changes};
use crate::outbound::Redactor;
use crate::review_limit::ReviewLimiter;
use crate::self_monitor::SelfMonitor;
use crate::settings::{Settings, TargetSettings};
use crate::store::{Journal, JournalWriter, Notification, Store};
use crate::supervision::Supervisor;
use crate::sync::SyncWorker;
use crate::targets::{self, Crm};
use crate::telemetry::Metrics;
use crate::upkeep;

/// Everything the stages are started from.
pub(super) struct Builder {
    pub(super) settings: Arc<Settings>,
    pub(super) store: Store,
    pub(super) metrics: Metrics,
    pub(super) components: Components,
    pub(super) supervisor: Supervisor,
    pub(super) clock: Clock,
    pub(super) stages: Stages,
    /// This process, as the holder of leases.
    pub(super) owner: String,
    pub(super) limits: Limits,
    /// Grows with every callback, so that it is followed at once.
    pub(super) callback_received: watch::Sender<u64>,
    /// Knows every secret in use.
    pub(super) redactor: Redactor,
}

impl Builder {
    /// Starts the stages, from the last to the first.
    pub(super) fn start(
        self,
        public: TcpListener,
        admin: TcpListener,
        effective: serde_json::Value,
    ) -> Result<Stages, StartError> {
        let decider = Decider::new(
            self.store.clone(),
            Arc::clone(&self.settings),
            self.metrics.clone(),
            self.clock.clone(),
            &self.owner,
        )
        .with_enrichment(self.start_enriching()?);
        let notifier = Notifier::default();
        let workers = self.start_delivering(&notifier)?;
        self.start_upkeep();
        self.start_limiting_reviews();
        self.start_admin(admin, workers, effective);
        self.start_gauges();
        let (journal, writer) = self.store.journal();
        self.start_watching_ourselves(&journal);
        self.start_waking(&notifier, Notification::Events, &writer.appended());
        self.start_waking(&notifier, Notification::Deliveries, &decider.enqueued());
        self.start_hearing(&notifier);
        self.start_deciding(decider, &notifier);
        self.start_journal(writer);
        let held_back = self.start_watching_backlog();
        self.start_receiving(public, journal, held_back)?;
        Ok(self.stages)
    }

    fn start_deciding(&self, decider: Decider, notifier: &Notifier) {
        let (stop, notifier) = (self.stages.decide.clone(), notifier.clone());
        self.supervisor.spawn(
            &self.stages.deciding,
            "decider",
            &self.stages.decide,
            move || {
                let decider = decider.clone();
                decider.run(notifier.subscribe(Notification::Events), stop.clone())
            },
        );
    }

    fn start_journal(&self, writer: JournalWriter) {
        self.supervisor.spawn(
            &self.stages.receiving,
            "journal",
            &self.stages.receive,
            move || writer.clone().run(),
        );
    }

    fn start_delivering(&self, notifier: &Notifier) -> Result<Vec<TargetWorker>, StartError> {
        let vault = Arc::new(StoreVault::new(
            self.store.clone(),
            self.clock.clone(),
            self.owner.clone(),
        ));
        let mut workers = Vec::new();
        for (name, target) in &self.settings.targets {
            let crm = targets::connect(name, target, vault.clone(), &self.redactor, &self.clock)
                .map_err(|problem| StartError::Target {
                    name: name.clone(),
                    problem,
                })?;
            let worker = TargetWorker::new(
                name,
                target,
                Arc::clone(&crm),
                self.store.clone(),
                self.metrics.clone(),
                self.clock.clone(),
                &self.owner,
            );
            let (running, notifier) = (worker.clone(), notifier.clone());
            let stop = self.stages.deliver.clone();
            self.supervisor.spawn(
                &self.stages.delivering,
                &format!("target {name}"),
                &self.stages.deliver,
                move || {
                    let worker = running.clone();
                    worker.run(notifier.subscribe(Notification::Deliveries), stop.clone())
                },
            );
            self.start_syncing(name, target, crm, &worker);
            workers.push(worker);
        }
        Ok(workers)
    }

    /// Starts to ask the Platform API, where that is wanted.
    fn start_enriching(&self) -> Result<Enrichment, StartError> {
        let Some(settings) = &self.settings.enrichment else {
            return Ok(Enrichment::default());
        };
        let enrichment = Enrichment::new(settings.fresh_for);
        let worker = EnrichmentWorker::new(
            &enrichment,
            settings,
            &self.redactor,
            self.metrics.clone(),
            self.clock.clone(),
        )
        .map_err(StartError::Enrichment)?;
        if let Some(worker) = worker {
            let stop = self.stages.decide.clone();
            self.supervisor.spawn(
                &self.stages.deciding,
                "enrichment",
                &self.stages.decide,
                move || worker.clone().run(stop.clone()),
            );
        }
        Ok(enrichment)
    }

    /// Wakes this replica and the others up at each change of `source`.
    fn start_waking(&self, notifier: &Notifier, wake: Notification, source: &watch::Receiver<u64>) {
        let (waking, heard) = (notifier.clone(), source.clone());
        let stop = self.stages.deliver.clone();
        self.supervisor.spawn(
            &self.stages.delivering,
            &format!("wake-up {}", wake.name()),
            &self.stages.deliver,
            move || waking.clone().forward(wake, heard.clone(), stop.clone()),
        );
        if self.store.is_shared() {
            let (store, source) = (self.store.clone(), source.clone());
            let stop = self.stages.deliver.clone();
            self.supervisor.spawn(
                &self.stages.delivering,
                &format!("notify {}", wake.name()),
                &self.stages.deliver,
                move || publish_changes(store.clone(), wake, source.clone(), stop.clone()),
            );
        }
    }

    fn start_hearing(&self, notifier: &Notifier) {
        if self.store.is_shared() {
            let (notifier, store) = (notifier.clone(), self.store.clone());
            let stop = self.stages.deliver.clone();
            self.supervisor.spawn(
                &self.stages.delivering,
                "listen",
                &self.stages.deliver,
                move || notifier.clone().listen(store.clone(), stop.clone()),
            );
        }
    }

    /// Starts to bring back what people do in one target.
    fn start_syncing(
        &self,
        name: &TargetName,
        target: &TargetSettings,
        crm: Arc<dyn Crm>,
        worker: &TargetWorker,
    ) {
        let gate = worker.clone();
        let sync = SyncWorker {
            name: name.to_owned(),
            owner: self.owner.clone(),
            settings: target.sync,
            crm,
            store: self.store.clone(),
            metrics: self.metrics.clone(),
            clock: self.clock.clone(),
            limiter: worker.limiter(),
            admits: Arc::new(move || gate.status().state == BreakerState::Up),
        };
        let (callback_received, stop) =
            (self.callback_received.clone(), self.stages.deliver.clone());
        self.supervisor.spawn(
            &self.stages.delivering,
            &format!("sync {name}"),
            &self.stages.deliver,
            move || {
                sync.clone()
                    .run(callback_received.subscribe(), stop.clone())
            },
        );
    }

    fn start_upkeep(&self) {
        let (store, components) = (self.store.clone(), self.components.clone());
        let stop = self.stages.decide.clone();
        self.supervisor.spawn(
            &self.stages.deciding,
            "store watcher",
            &self.stages.decide,
            move || upkeep::watch_store(store.clone(), components.clone(), stop.clone()),
        );
        let (store, owner, clock) = (self.store.clone(), self.owner.clone(), self.clock.clone());
        let (retention, stop) = (self.settings.store.retention, self.stages.decide.clone());
        self.supervisor.spawn(
            &self.stages.deciding,
            "retention",
            &self.stages.decide,
            move || {
                let (store, owner) = (store.clone(), owner.clone());
                upkeep::keep_retention(store, owner, retention, clock.clone(), stop.clone())
            },
        );
    }

    fn start_watching_backlog(&self) -> HeldBack {
        let held_back = HeldBack::new(self.settings.sources.keys().cloned());
        let (store, watched) = (self.store.clone(), held_back.clone());
        let stop = self.stages.receive.clone();
        self.supervisor.spawn(
            &self.stages.receiving,
            "backlog",
            &self.stages.receive,
            move || watch_backlog(store.clone(), watched.clone(), stop.clone()),
        );
        held_back
    }

    fn start_limiting_reviews(&self) {
        let sources = self.settings.sources.iter();
        let limits: Vec<_> = sources
            .map(|(name, source)| (name.clone(), u64::from(source.max_review_items)))
            .collect();
        let (store, metrics) = (self.store.clone(), self.metrics.clone());
        let (clock, stop) = (self.clock.clone(), self.stages.decide.clone());
        self.supervisor.spawn(
            &self.stages.deciding,
            "review limit",
            &self.stages.decide,
            move || {
                let (store, metrics) = (store.clone(), metrics.clone());
                let limiter = ReviewLimiter::new(store, metrics, clock.clone(), limits.clone());
                limiter.run(stop.clone())
            },
        );
    }

    /// Starts to look after ourselves, where tickets about that are wanted.
    fn start_watching_ourselves(&self, journal: &Journal) {
        let Some(own) = &self.settings.own_trouble else {
            return;
        };
        let expected = self.settings.sources.iter();
        let expected: Vec<_> = expected
            .filter_map(|(name, source)| Some((name.clone(), source.expect_every?)))
            .collect();
        let (store, journal) = (self.store.clone(), journal.clone());
        let (metrics, clock) = (self.metrics.clone(), self.clock.clone());
        let (owner, targets) = (self.owner.clone(), own.targets.clone());
        let stop = self.stages.receive.clone();
        self.supervisor.spawn(
            &self.stages.receiving,
            "own trouble",
            &self.stages.receive,
            move || {
                let monitor = SelfMonitor::new(
                    store.clone(),
                    journal.clone(),
                    metrics.clone(),
                    clock.clone(),
                    &owner,
                    targets.clone(),
                    expected.clone(),
                );
                monitor.run(stop.clone())
            },
        );
    }
}
