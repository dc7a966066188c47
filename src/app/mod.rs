//! The wiring: from checked settings to a running process and its orderly stop.
//!
//! No event is accepted before every part behind the listener runs. At the stop no new one is
//! accepted, and unfinished work is completed within `server.drain_timeout`. `stages` starts each
//! part.

mod descriptors;
mod listeners;
mod listening;
mod pollers;
mod rendering;
mod rule_book;
mod rule_sights;
mod stages;
mod target_tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::domain::identity::TargetName;
use crate::domain::time::Timestamp;
use crate::lifecycle::Components;
use crate::outbound::Redactor;
use crate::receive::ReceiveSetupError;
use crate::settings::Settings;
use crate::settings::report::Warnings;
use crate::store::{Store, StoreError};
use crate::supervision::Supervisor;
use crate::targets::TargetSetupError;
use crate::telemetry::{COMMIT, Metrics, VERSION};
use crate::upkeep;
use descriptors::Limits;
use listening::listen;
use stages::Builder;

/// How long deliveries that are not finished may take to be put back.
const ABANDON_WITHIN: Duration = Duration::from_secs(2);

/// What the process is started with.
#[derive(Debug)]
pub(crate) struct AppOptions {
    pub settings: Settings,
    /// The settings in force, redacted, for people to look at.
    pub effective: serde_json::Value,
    /// What it is warned of.
    pub warnings: Warnings,
    /// The files of the configuration, for people to look at.
    pub files: Vec<String>,
    pub clock: Clock,
    pub metrics: Metrics,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
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
        address: SocketAddr,
        problem: std::io::Error,
    },
    /// A target cannot be set up.
    #[error("targets.{name}: {problem}")]
    Target {
        name: TargetName,
        problem: TargetSetupError,
    },
    /// The Platform API's client cannot be set up.
    #[error("enrichment: the TLS library cannot be set up: {0}")]
    Enrichment(std::io::Error),
    /// A source cannot be set up.
    #[error(transparent)]
    Source(#[from] ReceiveSetupError),
}

#[derive(Debug)]
pub(crate) struct App {
    pub public_addr: SocketAddr,
    pub admin_addr: SocketAddr,
    stages: Stages,
    store: Store,
    components: Components,
    drain_timeout: Duration,
}

/// The stages, in the order in which they are stopped.
#[derive(Debug, Default)]
struct Stages {
    receive: Stage,
    decide: Stage,
    deliver: Stage,
    admin: Stage,
}

/// Tasks that are stopped together. A task is in the stage after which it is needed no more, which
/// need not be the part that its code is in: `retention` is stopped with `decide`, `sync` with
/// `deliver`.
#[derive(Debug, Clone, Default)]
struct Stage {
    stop: CancellationToken,
    /// There is no time left to finish anything.
    stop_now: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Opens the store, binds both listeners and starts every stage.
    pub(crate) async fn start(options: AppOptions) -> Result<Self, StartError> {
        let AppOptions {
            settings,
            effective,
            warnings,
            files,
            clock,
            metrics,
        } = options;
        let settings = Arc::new(settings);
        let descriptors = descriptors::raise_limit();
        let store = Store::open(settings.store.url.expose()).await?;
        store.expire_claims_of_dead_process().await?;
        register_targets(&store, &settings, clock.now()).await?;
        let configured = settings.targets.keys().cloned().collect();
        upkeep::give_up_unconfigured(&store, &configured, clock.now()).await?;
        let public = bind("server.listen", settings.server.listen)?;
        let admin = bind("admin.listen", settings.admin.listen)?;
        let components = Components::default();
        let builder = Builder {
            limits: Limits::of(&settings, descriptors),
            supervisor: Supervisor::new(components.clone(), metrics.clone()),
            components,
            metrics,
            stages: Stages::default(),
            owner: uuid::Uuid::new_v4().to_string(),
            callback_received: watch::channel(0).0,
            redactor: Redactor::of(&settings),
            settings,
            store,
            clock,
        };
        let replica = builder.owner.clone();
        let told = Arc::clone(&builder.settings);
        let app = Self {
            public_addr: local_addr("server.listen", &public, builder.settings.server.listen)?,
            admin_addr: local_addr("admin.listen", &admin, builder.settings.admin.listen)?,
            store: builder.store.clone(),
            components: builder.components.clone(),
            drain_timeout: builder.settings.server.drain_timeout,
            stages: builder.start(public, admin, (effective, warnings))?,
        };
        tracing::info!(
            version = VERSION,
            commit = COMMIT,
            public = %app.public_addr,
            admin = %app.admin_addr,
            configuration = files.join(", "),
            store = place_of(told.store.url.expose()),
            sources = told.sources.len(),
            rules = told.rules.len(),
            targets = told.targets.len(),
            replica,
            "ringdown is up"
        );
        Ok(app)
    }

    /// Runs until `shutdown`, then stops in order.
    pub(crate) async fn run_until(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.stop().await;
    }

    /// Stops: nothing new is taken in, then what is in hand is finished.
    pub(crate) async fn stop(self) {
        tracing::info!("stopping");
        self.components.drain();
        let stages = self.stages;
        let deliver = stages.deliver.clone();
        let in_order = async {
            stages.receive.finish().await;
            stages.decide.finish().await;
            stages.deliver.finish().await;
            stages.admin.finish().await;
        };
        if tokio::time::timeout(self.drain_timeout, in_order)
            .await
            .is_err()
        {
            tracing::warn!(
                "not everything was finished within server.drain_timeout; it is taken up at the next start"
            );
            let abandoned = tokio::time::timeout(ABANDON_WITHIN, deliver.abandon());
            if abandoned.await.is_err() {
                tracing::warn!("deliveries could not be put back; the next start does it");
            }
        }
        self.store.close().await;
        tracing::info!("stopped");
    }
}

/// Stores how the targets are configured, and says what does not fit to their tickets.
async fn register_targets(
    store: &Store,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (name, target) in &settings.targets {
        let records = target.records();
        let present = (records.as_str(), target.found_by());
        let Some(change) = store.register_target(name, present, now).await? else {
            continue;
        };
        tracing::warn!(
            target = name.as_str(),
            before = change.before,
            now = records,
            tickets = change.open_tickets,
            "open tickets of this target are in other records than it is configured for; they cannot be \
             changed or resolved. Start with the settings of before until they are resolved, or \
             resolve them in the CRM"
        );
    }
    Ok(())
}

/// Where the database is: the whole path of a file, or the server, without a password.
fn place_of(url: &str) -> String {
    if let Some(file) = url.strip_prefix("sqlite:") {
        let file = file.split('?').next().unwrap_or_default();
        let file = file.strip_prefix("//").unwrap_or(file);
        let path = std::path::absolute(file);
        return path.map_or_else(|_| file.to_owned(), |path| path.display().to_string());
    }
    match url::Url::parse(url) {
        Ok(url) => format!("{}{}", url.host_str().unwrap_or_default(), url.path()),
        Err(_) => "a database server".to_owned(),
    }
}

impl Stage {
    async fn finish(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Stops without finishing anything.
    async fn abandon(&self) {
        self.stop_now.cancel();
        self.finish().await;
    }
}

fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    listen(address).map_err(|problem| StartError::Listen {
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
