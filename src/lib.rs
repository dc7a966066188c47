//! Ringdown turns Genesys Cloud telephony trouble into exactly one CRM ticket per incident.
//!
//! The path of an event:
//!
//! ```text
//!  sender ──► receive ──► store (journal) ──► decide ──► store (outbox) ──► deliver ──► targets ──► CRM
//!               │ normalise                     │ rules, domain               │ domain::retry
//! ```
//!
//! Stages do not call each other: each works on rows that the stage before it has stored. So each
//! of them can crash, restart and be tested alone. `docs/architecture.md` has the picture, the
//! reasons and a glossary.
//!
//! Public is only what the binary, the tests and the benchmarks use.

// A print blocks while its reader does not read, and panics when it is gone. The log does neither.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod admin;
mod app;
pub mod backlog;
mod check;
pub mod cli;
pub mod clock;
pub mod decide;
pub mod deliver;
mod doctor;
pub mod domain;
mod enrichment;
mod fault_points;
pub mod http;
mod json;
pub mod lifecycle;
pub mod normalise;
mod notifier;
pub mod outbound;
mod polling;
mod rate_limiter;
pub mod receive;
mod review_limit;
pub mod rsa_key;
pub mod rules;
mod self_monitor;
pub mod settings;
pub mod store;
pub mod supervision;
mod sync;
pub mod targets;
pub mod telemetry;
mod text;
mod upkeep;

pub use ringdown_simulator as simulator;
