//! The wiring: from checked settings to a running process and its orderly stop.
//!
//! Nothing is taken in before everything behind it runs; at the stop, nothing new is taken in
//! and what is in hand is finished, within `server.drain_timeout`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, AdminState, Gauges, TargetView, keep_gauges};
use crate::clock::Clock;
use crate::decide::Decider;
use crate::deliver::{StoreVault, TargetWorker};
use crate::domain::gate::GateState;
use crate::enrichment::{Enrichment, EnrichmentWorker};
use crate::http::{ServeOptions, serve};
use crate::lifecycle::Components;
use crate::own_trouble::Watch;
use crate::receive::{self, Callbacks, ReceiveSetupError, ReceiveState};
use crate::settings::{Settings, TargetSettings};
use crate::store::{Journal, Store, StoreError, Wake};
use crate::sync::SyncWorker;
use crate::targets::{self, Crm, TargetSetupError};
use crate::telemetry::Metrics;
use crate::upkeep;
use crate::wake::{WakeUps, tell_others};

/// What the process is started with.
#[derive(Debug)]
pub struct AppOptions {
    /// The checked settings.
    pub settings: Settings,
    /// The settings in force, redacted, for people to look at.
    pub effective: serde_json::Value,
    /// The clock.
    pub clock: Clock,
}

/// The process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A listener's address cannot be bound.
    #[error(
        "{setting} = \"{address}\" cannot be bound: {problem}; another process may hold the port"
    )]
    Listen {
        /// `server.listen` or `admin.listen`.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's own words.
        problem: std::io::Error,
    },
    /// A target cannot be set up.
    #[error("targets.{name}: {problem}")]
    Target {
        /// The target.
        name: String,
        /// What is wrong with it.
        problem: TargetSetupError,
    },
    /// The Platform API's client cannot be set up.
    #[error("enrichment: the TLS library cannot be set up: {0}")]
    Enrichment(reqwest::Error),
    /// A source cannot be set up.
    #[error(transparent)]
    Source(#[from] ReceiveSetupError),
}

/// A running process.
#[derive(Debug)]
pub struct App {
    /// Where webhooks are received.
    pub public_addr: SocketAddr,
    /// Where the admin listener is.
    pub admin_addr: SocketAddr,
    stages: Stages,
    store: Store,
    components: Components,
    drain_timeout: Duration,
}

/// The stages' stop switches, in the order in which they are turned.
#[derive(Debug, Default)]
struct Stages {
    receive: CancellationToken,
    decide: CancellationToken,
    deliver: CancellationToken,
    admin: CancellationToken,
    receiving: TaskTracker,
    deciding: TaskTracker,
    delivering: TaskTracker,
    administering: TaskTracker,
}

impl App {
    /// Opens the store, binds both listeners and starts every stage.
    ///
    /// # Errors
    ///
    /// [`StartError`] says which setting to mend.
    pub async fn start(options: AppOptions) -> Result<Self, StartError> {
        let AppOptions {
            settings,
            effective,
            clock,
        } = options;
        let settings = Arc::new(settings);
        let store = Store::open(settings.store.url.expose()).await?;
        store.take_over_claims().await?;
        let public = bind("server.listen", settings.server.listen).await?;
        let admin = bind("admin.listen", settings.admin.listen).await?;
        let builder = Builder {
            metrics: Metrics::new(),
            components: Components::default(),
            stages: Stages::default(),
            owner: uuid::Uuid::new_v4().to_string(),
            told: watch::channel(0).0,
            settings,
            store,
            clock,
        };
        let replica = builder.owner.clone();
        let app = Self {
            public_addr: local_addr("server.listen", &public, builder.settings.server.listen)?,
            admin_addr: local_addr("admin.listen", &admin, builder.settings.admin.listen)?,
            store: builder.store.clone(),
            components: builder.components.clone(),
            drain_timeout: builder.settings.server.drain_timeout,
            stages: builder.start(public, admin, effective)?,
        };
        tracing::info!(
            public = %app.public_addr, admin = %app.admin_addr, replica, "ringdown is up"
        );
        Ok(app)
    }

    /// The parts of the process and how they fare.
    pub fn components(&self) -> &Components {
        &self.components
    }

    /// Runs until `shutdown`, then stops in order.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.stop().await;
    }

    /// Stops: nothing new is taken in, then what is in hand is finished.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.components.drain();
        let stages = self.stages;
        let in_order = async {
            finish(&stages.receive, &stages.receiving).await;
            finish(&stages.decide, &stages.deciding).await;
            finish(&stages.deliver, &stages.delivering).await;
            finish(&stages.admin, &stages.administering).await;
        };
        if tokio::time::timeout(self.drain_timeout, in_order)
            .await
            .is_err()
        {
            tracing::warn!(
                "not everything was finished within server.drain_timeout; it is taken up at the next start"
            );
        }
        self.store.close().await;
        tracing::info!("stopped");
    }
}

async fn finish(stop: &CancellationToken, tasks: &TaskTracker) {
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|problem| StartError::Listen {
            setting,
            address,
            problem,
        })
}

fn local_addr(
    setting: &'static str,
    listener: &TcpListener,
    address: SocketAddr,
) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|problem| StartError::Listen {
        setting,
        address,
        problem,
    })
}

/// Everything the stages are started from.
struct Builder {
    settings: Arc<Settings>,
    store: Store,
    metrics: Metrics,
    components: Components,
    clock: Clock,
    stages: Stages,
    /// This process, as the holder of leases.
    owner: String,
    /// Grows with every callback, so that it is followed at once.
    told: watch::Sender<u64>,
}

impl Builder {
    /// Starts the stages, from the last to the first.
    fn start(
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
        let wake_ups = WakeUps::default();
        let workers = self.start_delivering(&wake_ups)?;
        self.start_upkeep();
        self.start_admin(admin, workers, effective);
        let (journal, writer) = self.store.journal();
        self.start_watching_ourselves(&journal);
        self.start_waking(&wake_ups, Wake::Events, &writer.appended());
        self.start_waking(&wake_ups, Wake::Deliveries, &decider.owed());
        self.start_hearing(&wake_ups);
        self.components.spawn(
            &self.stages.deciding,
            "decider",
            self.stages.decide.clone(),
            decider.run(wake_ups.of(Wake::Events), self.stages.decide.clone()),
        );
        self.components.spawn(
            &self.stages.receiving,
            "journal",
            self.stages.receive.clone(),
            writer.run(),
        );
        self.start_receiving(public, journal)?;
        Ok(self.stages)
    }

    fn start_delivering(&self, wake_ups: &WakeUps) -> Result<Vec<TargetWorker>, StartError> {
        let vault = Arc::new(StoreVault::new(
            self.store.clone(),
            self.clock.clone(),
            self.owner.clone(),
        ));
        let mut workers = Vec::new();
        for (name, target) in &self.settings.targets {
            let crm =
                targets::connect(name, target, vault.clone(), &self.clock).map_err(|problem| {
                    StartError::Target {
                        name: name.clone(),
                        problem,
                    }
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
            self.components.spawn(
                &self.stages.delivering,
                &format!("target {name}"),
                self.stages.deliver.clone(),
                worker
                    .clone()
                    .run(wake_ups.of(Wake::Deliveries), self.stages.deliver.clone()),
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
            self.metrics.clone(),
            self.clock.clone(),
        )
        .map_err(StartError::Enrichment)?;
        if let Some(worker) = worker {
            let stop = self.stages.decide.clone();
            self.components.spawn(
                &self.stages.deciding,
                "enrichment",
                stop.clone(),
                worker.run(stop),
            );
        }
        Ok(enrichment)
    }

    /// Wakes this replica and the others up at each change of `source`.
    fn start_waking(&self, wake_ups: &WakeUps, wake: Wake, source: &watch::Receiver<u64>) {
        let stop = &self.stages.deliver;
        self.stages
            .delivering
            .spawn(wake_ups.clone().pass_on(wake, source.clone(), stop.clone()));
        if self.store.is_shared() {
            self.stages.delivering.spawn(tell_others(
                self.store.clone(),
                wake,
                source.clone(),
                stop.clone(),
            ));
        }
    }

    fn start_hearing(&self, wake_ups: &WakeUps) {
        if self.store.is_shared() {
            let stop = self.stages.deliver.clone();
            self.stages
                .delivering
                .spawn(wake_ups.clone().hear(self.store.clone(), stop));
        }
    }

    /// Starts to bring back what people do in one target.
    fn start_syncing(
        &self,
        name: &str,
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
            admits: Arc::new(move || gate.status().state == GateState::Up),
        };
        let stop = self.stages.deliver.clone();
        self.components.spawn(
            &self.stages.delivering,
            &format!("sync {name}"),
            stop.clone(),
            sync.run(self.told.subscribe(), stop),
        );
    }

    fn start_upkeep(&self) {
        let stop = self.stages.decide.clone();
        self.stages.deciding.spawn(upkeep::watch_store(
            self.store.clone(),
            self.components.clone(),
            stop.clone(),
        ));
        self.components.spawn(
            &self.stages.deciding,
            "retention",
            stop.clone(),
            upkeep::keep_retention(
                self.store.clone(),
                self.owner.clone(),
                self.settings.store.retention,
                self.clock.clone(),
                stop,
            ),
        );
    }

    /// Starts to look after ourselves, where tickets about that are wanted.
    fn start_watching_ourselves(&self, journal: &Journal) {
        let Some(own) = &self.settings.own_trouble else {
            return;
        };
        let expected = self.settings.sources.iter();
        let watch = Watch::new(
            self.store.clone(),
            journal.clone(),
            self.metrics.clone(),
            self.clock.clone(),
            &self.owner,
            own.targets.clone(),
            expected.filter_map(|(name, source)| Some((name.clone(), source.expect_every?))),
        );
        let stop = self.stages.receive.clone();
        self.components.spawn(
            &self.stages.receiving,
            "own trouble",
            stop.clone(),
            watch.run(stop),
        );
    }

    fn start_admin(
        &self,
        listener: TcpListener,
        workers: Vec<TargetWorker>,
        effective: serde_json::Value,
    ) {
        let settings = Arc::clone(&self.settings);
        let overview = move || {
            workers
                .iter()
                .map(TargetWorker::status)
                .map(|status| {
                    let kind = settings
                        .targets
                        .get(&status.name)
                        .map_or("", |target| target.kind.name());
                    TargetView::of(kind, &status)
                })
                .collect()
        };
        let state = AdminState::new(
            &self.settings.admin,
            self.store.clone(),
            self.clock.clone(),
            self.metrics.clone(),
            self.components.clone(),
            Arc::new(overview),
            effective,
        );
        let state = state
            .knowing(names_of(&self.settings))
            .showing(self.settings.maintenance.clone());
        let router = admin::router(state);
        let stop = self.stages.admin.clone();
        let options = ServeOptions::default();
        self.components.spawn(
            &self.stages.administering,
            "admin listener",
            stop.clone(),
            async move {
                serve(listener, router, stop, options).await;
            },
        );
        let gauges = Gauges::new(
            self.metrics.clone(),
            self.settings.targets.keys().cloned(),
            self.settings.sources.keys().cloned(),
        );
        let stop = self.stages.decide.clone();
        self.components.spawn(
            &self.stages.deciding,
            "gauges",
            stop.clone(),
            keep_gauges(self.store.clone(), gauges, stop),
        );
    }

    fn start_receiving(&self, listener: TcpListener, journal: Journal) -> Result<(), StartError> {
        let application = receive::listener(ReceiveState {
            server: self.settings.server.clone(),
            sources: self.settings.sources.clone(),
            journal,
            metrics: self.metrics.clone(),
            readiness: self.components.watch(),
            clock: self.clock.clone(),
            callback_auth: self
                .settings
                .targets
                .iter()
                .map(|(name, target)| (name.clone(), target.callback_auth.clone()))
                .collect(),
            callbacks: Callbacks {
                store: self.store.clone(),
                told: self.told.clone(),
            },
        })?;
        let options = ServeOptions {
            drain_timeout: self.settings.server.drain_timeout,
            ..ServeOptions::default()
        };
        let stop = self.stages.receive.clone();
        self.components.spawn(
            &self.stages.receiving,
            "public listener",
            stop.clone(),
            async move {
                let cut_off = serve(listener, application, stop, options).await;
                if cut_off > 0 {
                    tracing::warn!(cut_off, "connections were cut off at the stop");
                }
            },
        );
        Ok(())
    }
}

/// What a silence may name.
fn names_of(settings: &Settings) -> admin::Names {
    let rules = settings.rules.iter().map(|rule| rule.name.clone());
    let outages = settings.outages.keys().map(|name| format!("outage:{name}"));
    admin::Names {
        sources: settings.sources.keys().cloned().collect(),
        rules: rules.chain(outages).collect(),
    }
}
