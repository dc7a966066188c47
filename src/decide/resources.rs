//! The resources of every step of deciding.

use std::sync::Arc;

use tokio::sync::watch;

use super::awaiting_standing::AwaitingStanding;
use super::entity_counts::EntityCounts;
use super::evaluate::Evaluator;
use super::log_once::LogOnce;
use crate::clock::Clock;
use crate::enrichment::Enrichment;
use crate::settings::Settings;
use crate::store::Store;
use crate::telemetry::Metrics;

#[derive(Debug, Clone)]
pub(super) struct Resources {
    pub(super) store: Store,
    pub(super) settings: Arc<Settings>,
    pub(super) evaluator: Arc<Evaluator>,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) enrichment: Enrichment,
    pub(super) awaiting: Arc<AwaitingStanding>,
    pub(super) entity_counts: Arc<EntityCounts>,
    pub(super) log_once: Arc<LogOnce>,
    /// Changes whenever deliveries are enqueued.
    pub(super) enqueued: watch::Sender<u64>,
}
