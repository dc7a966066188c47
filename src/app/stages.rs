//! What each stage consists of, and what its parts are given. The listeners are in `listeners`, polling in
//! `pollers`.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::descriptors::Limits;
use super::{Stage, Stages, StartError};
use crate::backlog::{HeldBack, watch_backlog};
use crate::clock::Clock;
use crate::decide::Decider;
use crate::deliver::{Stop, StoreVault, TargetWorker};
use crate::domain::identity::TargetName;
use crate::enrichment::{Enrichment, EnrichmentWorker};
use crate::lifecycle::Components;
use crate::notifier::{Notifier, publish_changes};
use crate::outbound::Redactor;
use crate::review_limit::ReviewLimiter;
use crate::self_monitor::SelfMonitor;
use crate::settings::report::Warnings;
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
        (effective, warnings): (serde_json::Value, Warnings),
    ) -> Result<Stages, StartError> {
        let enrichment = self.start_enriching()?;
        let decider = Decider::new(
            self.store.clone(),
            Arc::clone(&self.settings),
            self.metrics.clone(),
            self.clock.clone(),
            &self.owner,
        )
        .with_enrichment(enrichment.clone());
        let notifier = Notifier::default();
        let workers = self.start_delivering(&notifier)?;
        self.start_upkeep();
        self.start_sharing_limits(&workers);
        self.start_limiting_reviews();
        self.start_admin(admin, workers, (effective, warnings));
        self.start_gauges();
        let (journal, writer) = self.store.journal();
        self.start_watching_ourselves(&journal);
        self.start_polling(&journal, &enrichment)?;
        self.start_waking(&notifier, Notification::Events, &writer.appended());
        self.start_waking(&notifier, Notification::Deliveries, &decider.enqueued());
        self.start_hearing(&notifier);
        self.start_deciding(decider, &notifier);
        self.start_journal(writer);
        let held_back = self.start_watching_backlog();
        self.start_receiving(public, journal, held_back)?;
        Ok(self.stages)
    }

    /// Runs what `start` makes as a part of `stage`, until that is stopped.
    pub(super) fn spawn<T: Future<Output = ()> + Send + 'static>(
        &self,
        stage: &Stage,
        name: &str,
        mut start: impl FnMut(CancellationToken) -> T + Send + 'static,
    ) {
        let stop = stage.stop.clone();
        self.supervisor
            .spawn(&stage.tasks, name, &stage.stop, move || start(stop.clone()));
    }

    fn start_deciding(&self, decider: Decider, notifier: &Notifier) {
        let notifier = notifier.clone();
        self.spawn(&self.stages.decide, "decider", move |stop| {
            decider
                .clone()
                .run(notifier.subscribe(Notification::Events), stop)
        });
    }

    fn start_journal(&self, writer: JournalWriter) {
        self.spawn(&self.stages.receive, "journal", move |_| {
            writer.clone().run()
        });
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
            let stop_now = self.stages.deliver.stop_now.clone();
            self.spawn(
                &self.stages.deliver,
                &format!("worker {name}"),
                move |stop| {
                    let (worker, now) = (running.clone(), stop_now.clone());
                    let stop = Stop { soon: stop, now };
                    worker.run(notifier.subscribe(Notification::Deliveries), stop)
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
            self.spawn(&self.stages.decide, "enrichment", move |stop| {
                worker.clone().run(stop)
            });
        }
        Ok(enrichment)
    }

    /// Wakes this replica and the others up at each change of `source`.
    fn start_waking(&self, notifier: &Notifier, wake: Notification, source: &watch::Receiver<u64>) {
        let stage = &self.stages.deliver;
        let (waking, heard) = (notifier.clone(), source.clone());
        self.spawn(stage, &format!("wake-up {}", wake.name()), move |stop| {
            waking.clone().forward(wake, heard.clone(), stop)
        });
        if self.store.is_shared() {
            let (store, source) = (self.store.clone(), source.clone());
            self.spawn(stage, &format!("notify {}", wake.name()), move |stop| {
                publish_changes(store.clone(), wake, source.clone(), stop)
            });
        }
    }

    fn start_hearing(&self, notifier: &Notifier) {
        if self.store.is_shared() {
            let (notifier, store) = (notifier.clone(), self.store.clone());
            self.spawn(&self.stages.deliver, "listen", move |stop| {
                notifier.clone().listen(store.clone(), stop)
            });
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
            admits: Arc::new(move || gate.admits_reads()),
        };
        let callback_received = self.callback_received.clone();
        self.spawn(&self.stages.deliver, &format!("sync {name}"), move |stop| {
            sync.clone().run(callback_received.subscribe(), stop)
        });
    }

    fn start_upkeep(&self) {
        let (store, components) = (self.store.clone(), self.components.clone());
        self.spawn(&self.stages.decide, "store watcher", move |stop| {
            upkeep::watch_store(store.clone(), components.clone(), stop)
        });
        let (store, owner) = (self.store.clone(), self.owner.clone());
        self.spawn(&self.stages.decide, "event places", move |stop| {
            upkeep::keep_event_places(store.clone(), owner.clone(), stop)
        });
        let configured: BTreeSet<TargetName> = self.settings.targets.keys().cloned().collect();
        let (store, owner, clock) = (self.store.clone(), self.owner.clone(), self.clock.clone());
        let spans = (
            self.settings.store.retention,
            self.settings.entities.forget_after,
        );
        self.spawn(&self.stages.decide, "retention", move |stop| {
            let (store, owner) = (store.clone(), owner.clone());
            let configured = configured.clone();
            upkeep::keep_retention(store, owner, spans, configured, clock.clone(), stop)
        });
    }

    fn start_sharing_limits(&self, workers: &[TargetWorker]) {
        if !self.store.is_shared() {
            return;
        }
        let limiters: Vec<_> = workers.iter().map(TargetWorker::limiter).collect();
        let (store, owner) = (self.store.clone(), self.owner.clone());
        self.spawn(&self.stages.deliver, "replicas", move |stop| {
            upkeep::share_limits(store.clone(), owner.clone(), limiters.clone(), stop)
        });
    }

    fn start_watching_backlog(&self) -> HeldBack {
        let held_back = HeldBack::new(self.settings.sources.keys().cloned());
        let (store, watched) = (self.store.clone(), held_back.clone());
        self.spawn(&self.stages.receive, "backlog", move |stop| {
            watch_backlog(store.clone(), watched.clone(), stop)
        });
        held_back
    }

    fn start_limiting_reviews(&self) {
        let sources = self.settings.sources.iter();
        let limits: Vec<_> = sources
            .map(|(name, source)| (name.clone(), u64::from(source.max_review_items)))
            .collect();
        let (store, metrics) = (self.store.clone(), self.metrics.clone());
        let clock = self.clock.clone();
        self.spawn(&self.stages.decide, "review limit", move |stop| {
            let (store, metrics) = (store.clone(), metrics.clone());
            let limiter = ReviewLimiter::new(store, metrics, clock.clone(), limits.clone());
            limiter.run(stop)
        });
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
        self.spawn(&self.stages.receive, "own trouble", move |stop| {
            let monitor = SelfMonitor::new(
                store.clone(),
                journal.clone(),
                metrics.clone(),
                clock.clone(),
                &owner,
                targets.clone(),
                expected.clone(),
            );
            monitor.run(stop)
        });
    }
}
