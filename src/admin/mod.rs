//! The admin listener: metrics, health, the API and the pages by which people look and act.
//!
//! Every route stands in one table (`routes`) with the role it needs; the router is built
//! from that table, so that a route without a guard cannot be written. So is the description of
//! the API (`openapi`): what a route takes and answers is read from the type of its handler.

mod access;
mod actions;
mod answer;
mod body;
mod cards;
mod gauges;
mod guesses;
mod health;
mod hosts;
mod incident_actions;
mod limits;
mod lists;
mod openapi;
mod origin;
mod parameters;
mod query;
mod questions;
mod renderer;
mod replay_plan;
mod resolve;
mod routes;
mod rule_book;
mod signature;
mod silence_preview;
mod silences;
mod situation;
mod target_actions;
mod target_list;
mod target_tester;
mod targets;
mod ui;
mod why;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use access::{Actor, Tokens};
pub use gauges::{Gauges, keep_gauges};
pub use health::StoreCheck;
use hosts::Hosts;
use renderer::NoRenderer;
pub use renderer::Renderer;
pub use routes::{Access, Endpoint, endpoints, router};
use rule_book::NoRules;
pub use rule_book::{Judged, RuleBook, Threshold};
use target_tester::NoTests;
pub use target_tester::{TargetCheck, TargetTester};
pub use targets::{TargetOverview, TargetView, TokenView};
use ui::Ui;
pub use ui::{UiEndpoint, ui_endpoints};

use crate::clock::Clock;
use crate::lifecycle::Components;
use crate::settings::report::Warnings;
use crate::settings::{AdminSettings, MaintenanceSettings};
use crate::store::Store;
use crate::telemetry::Metrics;

/// What the admin listener is given. Cheap to clone.
#[derive(Clone)]
pub struct AdminState {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) components: Components,
    pub(crate) targets: Arc<dyn TargetOverview>,
    pub(crate) config: Arc<Value>,
    pub(crate) warnings: Warnings,
    pub(crate) tokens: Arc<Tokens>,
    hosts: Hosts,
    pub(crate) store_check: StoreCheck,
    pub(crate) names: Option<Arc<Names>>,
    pub(crate) maintenance: Arc<BTreeMap<String, MaintenanceSettings>>,
    rules: Arc<dyn RuleBook>,
    tester: Arc<dyn TargetTester>,
    renderer: Arc<dyn Renderer>,
    /// Held while a target is tested.
    test_turn: Arc<tokio::sync::Mutex<()>>,
    ui: Arc<Ui>,
}

/// The names that a silence's matchers may want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub sources: Vec<String>,
    /// Of rules, and `outage:NAME` of outages.
    pub rules: Vec<String>,
}

impl AdminState {
    /// The state of a listener over `store`, guarded by the tokens of `settings`. `config` is
    /// the effective configuration, already redacted.
    pub fn new(
        settings: &AdminSettings,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        components: Components,
        targets: Arc<dyn TargetOverview>,
        config: Value,
    ) -> Self {
        Self {
            store_check: StoreCheck::new(store.clone(), components.clone()),
            hosts: Hosts::new(&settings.hosts, metrics.clone()),
            store,
            clock,
            metrics,
            components,
            targets,
            config: Arc::new(config),
            warnings: Warnings::default(),
            tokens: Arc::new(Tokens::new(settings)),
            names: None,
            maintenance: Arc::default(),
            rules: Arc::new(NoRules),
            tester: Arc::new(NoTests),
            renderer: Arc::new(NoRenderer),
            test_turn: Arc::default(),
            ui: Arc::default(),
        }
    }

    /// The same, refusing a silence of a source or a rule that is not among `names`.
    #[must_use]
    pub fn knowing(mut self, names: Names) -> Self {
        self.names = Some(Arc::new(names));
        self
    }

    /// The same, showing what the configuration is warned of.
    #[must_use]
    pub fn warned_of(mut self, warnings: Warnings) -> Self {
        self.warnings = warnings;
        self
    }

    /// The same, showing the `windows` of the configuration among the silences.
    #[must_use]
    pub fn showing(mut self, windows: BTreeMap<String, MaintenanceSettings>) -> Self {
        self.maintenance = Arc::new(windows);
        self
    }

    /// The same, testing targets by `tester`.
    #[must_use]
    pub fn testing(mut self, tester: Arc<dyn TargetTester>) -> Self {
        self.tester = tester;
        self
    }

    /// The same, rendering the plan of a replay by `renderer`.
    #[must_use]
    pub fn rendering(mut self, renderer: Arc<dyn Renderer>) -> Self {
        self.renderer = renderer;
        self
    }

    /// The same, showing readings against the thresholds of `rules`.
    #[must_use]
    pub fn judging(mut self, rules: Arc<dyn RuleBook>) -> Self {
        self.rules = rules;
        self
    }
}
