//! Delivering: what is owed to a target is sent, in order per ticket, until it is confirmed
//! or given up.
//!
//! `attempt` makes one attempt on one delivery; `worker` runs one target: what its gate
//! admits, how many at once, how fast; `outcome` does what follows from an attempt; `alone` tells
//! a ticket that is refused from a target that is closed; `health`
//! shares what it knows of its target. Every decision about a failure is `domain`'s.
//!
//! May import: `clock`, `domain`, `settings`, `store`, `targets`, `telemetry`. Must not know:
//! sources, rules, how a payload came to be.

mod alone;
mod attempt;
mod claims;
mod clock_watch;
mod health;
mod outcome;
mod sending;
mod vault;
mod worker;

pub use vault::StoreVault;
pub use worker::{TargetStatus, TargetWorker};
