//! A flood: a source that begins more incidents in a minute than its limit allows.
//!
//! Within the limit every incident gets its ticket. Beyond it an incident whose ticket is due is
//! held: it stays pending, and only the flood's own incident has a ticket, until a person releases
//! or discards it, it clears, or an outage takes it in. The number of incidents without a ticket is
//! limited too; beyond that a breach is only counted.
//!
//! The flood's incident lives the life of an incident: it gets a breach when an incident is held or
//! only counted, and a clear once nothing is held. Pure.

mod policy;
mod rate;
mod reconcile;

pub use super::decision::Allowance;
pub use super::incident::FloodTotals;
pub use policy::{FloodPolicy, RULE_PREFIX, key_of, source_of};
pub use rate::SourceRate;
pub use reconcile::{FloodObservation, reconcile};
