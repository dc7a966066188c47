//! Deciding: from events of the journal to incidents and owed deliveries.
//!
//! [`evaluate`](evaluate::evaluate) asks the rules about an event, `domain::decision` decides,
//! [`ticket_text`] writes what the ticket will say, and the batch is kept in one transaction.
//!
//! May import: `clock`, `domain`, `enrichment`, `normalise`, `rules`, `settings`, `store`, `telemetry`. Must
//! not know: HTTP, CRM clients.

mod batch;
mod batch_size;
pub mod evaluate;
mod failover;
mod flood;
pub mod groups;
mod history;
mod known;
mod leader_lease;
mod limits;
mod owing;
mod passing;
mod policy;
mod settling;
pub mod silencing;
pub mod ticket_text;
mod worker;

pub use worker::{DecideError, Decider};
