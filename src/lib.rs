//! Ringdown turns Genesys Cloud telephony trouble into exactly one CRM ticket per incident.
//!
//! The modules below stand in the order in which an event travels:
//!
//! ```text
//!  sender ──► receive ──► store (journal) ──► decide ──► store (outbox) ──► deliver ──► targets ──► CRM
//!               │ normalise                     │ rules, domain               │ domain::retry
//! ```
//!
//! Stages never call each other; they meet in rows of the store, so each of them can crash,
//! restart and be tested alone. `docs/architecture.md` has the picture and the reasons.

// They block when nobody reads, and panic when nobody can. The log does neither.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod admin;
pub mod app;
pub mod backlog;
pub mod cli;
pub mod clock;
pub mod decide;
pub mod deliver;
pub mod doctor;
pub mod domain;
pub mod enrichment;
pub mod fault_points;
pub mod http;
mod json;
pub mod lifecycle;
pub mod normalise;
pub mod outbound;
pub mod own_trouble;
pub mod receive;
pub mod review_limit;
pub mod rules;
pub mod settings;
pub mod simulator;
pub mod store;
pub mod supervision;
pub mod sync;
pub mod targets;
pub mod telemetry;
pub mod text;
pub mod upkeep;
pub mod wake;
