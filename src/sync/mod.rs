//! Work in the CRM flows back: what people do with our tickets changes our incidents.
//!
//! `run` is the loop of one target; `poll` asks for changes, sweeps for tickets that are gone, and
//! reads tickets that a callback named; `worker` holds what both use. What a change does is decided
//! in `domain`, and stored in one transaction.
//!
//! May import: `clock`, `domain`, `settings`, `store`, `targets`, `telemetry`. Must not know: rules,
//! sources, deliveries. It shares the target's rate limit; its failures do not change whether the
//! target takes deliveries.

mod poll;
mod run;
mod worker;

pub(crate) use worker::SyncWorker;
