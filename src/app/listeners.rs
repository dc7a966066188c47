//! The two listeners, and the gauges that the admin listener shows.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::descriptors::ADMIN_CONNECTIONS;
use super::listening::Listening;
use super::rendering::ConfiguredTemplates;
use super::rule_book::ConfiguredRules;
use super::stages::Builder;
use super::target_tests::TargetTests;
use super::{Stage, StartError};
use crate::admin::{self, AdminState, Gauges, TargetView, keep_gauges};
use crate::backlog::HeldBack;
use crate::deliver::TargetWorker;
use crate::http::{Router, ServeOptions, Server};
use crate::receive::{self, CallbackSettings, Callbacks, ReceiveState, TrustedHost};
use crate::settings::report::Warnings;
use crate::settings::{ServerSettings, Settings};
use crate::store::Journal;

impl Builder {
    pub(super) fn start_admin(
        &self,
        listener: TcpListener,
        workers: Vec<TargetWorker>,
        (effective, warnings): (serde_json::Value, Warnings),
    ) {
        let tests = TargetTests {
            settings: Arc::clone(&self.settings),
            workers: workers
                .iter()
                .map(|worker| (worker.status().name, worker.clone()))
                .collect(),
            redactor: self.redactor.clone(),
            clock: self.clock.clone(),
        };
        let settings = Arc::clone(&self.settings);
        let overview = move || {
            let statuses = workers.iter().map(TargetWorker::status);
            let views = statuses.map(|status| {
                let target = settings.targets.get(&status.name);
                TargetView::of(target.map_or("", |target| target.kind.name), &status)
            });
            views.collect()
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
            .warned_of(warnings)
            .showing(self.settings.maintenance.clone())
            .testing(Arc::new(tests))
            .rendering(Arc::new(ConfiguredTemplates(Arc::clone(&self.settings))))
            .judging(Arc::new(ConfiguredRules::new(Arc::clone(&self.settings))));
        let options = ServeOptions {
            listener: "admin",
            max_connections: ADMIN_CONNECTIONS,
            metrics: self.metrics.connections("admin"),
            ..ServeOptions::default()
        };
        self.start_listener(&self.stages.admin, listener, admin::router(state), options);
    }

    /// Starts to count what the admin listener's gauges show.
    pub(super) fn start_gauges(&self) {
        let gauges = Gauges::new(
            self.metrics.clone(),
            self.settings.targets.keys().cloned(),
            self.settings.sources.keys().cloned(),
        );
        let store = self.store.clone();
        self.spawn(&self.stages.decide, "gauges", move |stop| {
            keep_gauges(store.clone(), gauges.clone(), stop)
        });
    }

    pub(super) fn start_receiving(
        &self,
        listener: TcpListener,
        journal: Journal,
        held_back: HeldBack,
    ) -> Result<(), StartError> {
        let targets = self.settings.targets.iter();
        let router = receive::router(ReceiveState {
            server: ServerSettings {
                max_in_flight: self.limits.max_in_flight,
                ..self.settings.server.clone()
            },
            sources: self.settings.sources.clone(),
            journal,
            held_back,
            metrics: self.metrics.clone(),
            readiness: self.components.watch(),
            clock: self.clock.clone(),
            callback_settings: targets
                .map(|(name, target)| {
                    let settings = CallbackSettings {
                        auth: target.callback_auth.clone(),
                        record_id: target.kind.record_id,
                    };
                    (name.to_string(), settings)
                })
                .collect(),
            callbacks: Callbacks {
                store: self.store.clone(),
                callback_received: self.callback_received.clone(),
            },
            sns_host: TrustedHost::AMAZON,
        })?;
        let options = ServeOptions {
            listener: "public",
            max_connections: self.limits.max_connections,
            metrics: self.metrics.connections("public"),
            drain_timeout: self.settings.server.drain_timeout,
            ..ServeOptions::default()
        };
        self.start_listener(&self.stages.receive, listener, router, options);
        Ok(())
    }

    fn start_listener(
        &self,
        stage: &Stage,
        listener: TcpListener,
        router: Router,
        options: ServeOptions,
    ) {
        let name = format!("{} listener", options.listener);
        let mut listening = Listening::new(listener);
        let server = Server::new(options);
        self.spawn(stage, &name, move |stop| {
            let listener = listening.next();
            let (router, server) = (router.clone(), server.clone());
            async move {
                let Some(listener) = listener else {
                    return;
                };
                let cut_off = server.run(listener, router, stop).await;
                if cut_off > 0 {
                    tracing::warn!(cut_off, "connections were cut off at the stop");
                }
            }
        });
    }
}

/// What a silence may name.
fn names_of(settings: &Settings) -> admin::Names {
    let rules = settings.rules.iter().map(|rule| rule.name.clone());
    let outages = settings.outages.keys().map(|name| format!("outage:{name}"));
    let floods = settings.sources.keys().map(|name| format!("flood:{name}"));
    admin::Names {
        sources: settings.sources.keys().cloned().collect(),
        rules: rules.chain(outages).chain(floods).collect(),
    }
}
