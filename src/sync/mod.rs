//! Work in the CRM flows back: what people do with our tickets changes our incidents.
//!
//! `worker` runs one target: it polls for changes, sweeps for tickets that are gone, and reads
//! tickets that a callback named. What a change does is decided in `domain::ticket_change` and
//! applied in one transaction by the store.
//!
//! May import: `clock`, `domain`, `settings`, `store`, `targets`, `telemetry`. Must not know:
//! rules, sources, deliveries. It shares the target's rate limit, and nothing it meets
//! changes whether the target takes deliveries.

mod worker;

pub use worker::{Admits, SyncWorker};
