//! Reads changes that people made to our tickets in the CRM, and applies them to our incidents.
//!
//! `run` is the loop of one target; `poll` asks for changes; `sweep` looks for tickets that are gone, and
//! reads those that a callback named; `worker` holds their common state. `domain::ticket_sync` decides
//! the effect of a change, and `domain::ticket_absence` when a ticket counts as deleted. The effect is
//! stored in one transaction.
//!
//! It shares the target's rate limit; its failures do not change whether the target takes
//! deliveries.

mod poll;
mod run;
mod sweep;
mod worker;

pub(crate) use worker::SyncWorker;
