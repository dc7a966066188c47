//! Deciding: from events of the journal to incidents and owed deliveries.
//!
//! [`evaluate`](evaluate::evaluate) asks the rules about an event, `domain::decision` decides,
//! [`payload`] writes what the ticket will say, and the batch is kept in one transaction.
//!
//! May import: `clock`, `domain`, `enrichment`, `normalise`, `rules`, `settings`, `store`, `telemetry`. Must
//! not know: HTTP, CRM clients.

mod batch;
mod batch_size;
mod comment;
mod context;
mod details;
pub mod evaluate;
mod failover;
mod flood;
mod flood_text;
pub mod groups;
mod history;
mod key;
mod known;
mod leader_lease;
mod limits;
mod owing;
mod passing;
pub mod payload;
mod policy;
mod reading;
mod report;
mod settling;
pub mod silencing;
mod worker;
mod written;

pub use worker::{DecideError, Decider};
