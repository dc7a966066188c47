//! The sync worker of one target, and its memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::failure::Failure;
use crate::domain::identity::TargetName;
use crate::domain::ticket_absence::Absence;
use crate::domain::time::Timestamp;
use crate::settings::SyncSettings;
use crate::store::{Store, StoreError};
use crate::targets::Crm;
use crate::telemetry::Metrics;

/// Whether the target takes calls now.
pub(crate) type Admits = Arc<dyn Fn() -> bool + Send + Sync>;

/// Reads back what people do in one target.
#[derive(Clone)]
pub(crate) struct SyncWorker {
    /// The target's name.
    pub name: TargetName,
    /// This process, as the owner of leases.
    pub owner: String,
    /// `[targets.NAME.sync]`.
    pub settings: SyncSettings,
    pub crm: Arc<dyn Crm>,
    pub store: Store,
    pub metrics: Metrics,
    pub clock: Clock,
    pub admits: Admits,
}

/// What a worker remembers between steps. Losing it loses no change of a ticket.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Whether this process has polled: its first poll does not wait.
    pub(super) polled: bool,
    pub(super) polls_to_sweep: u32,
    /// The last ticket that a sweep has looked at, while it has not looked at all.
    pub(super) swept_to: Option<String>,
    pub(super) failures: u32,
    pub(super) not_before: Timestamp,
    /// Tickets that the last look did not find.
    pub(super) missing: BTreeMap<String, Absence>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum SyncError {
    #[error(transparent)]
    Crm(#[from] Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
}
