//! An incident: its stored record, and how signals and time change it.
//!
//! Plain data at the bottom: an `evaluation` of a signal, the `policy` of a rule, the `action`s
//! that a ticket needs, the `record` that is stored. Above it the methods of the record: `apply`
//! adds a signal, `flapping` counts how often trouble starts, `hold` says what holds a ticket back,
//! `life` moves the incident from state to state. Pure.

mod action;
mod apply;
mod breach_starts;
mod evaluation;
mod flapping;
mod hold;
mod life;
mod mute;
pub mod part;
mod policy;
mod readings;
mod record;
mod suppression;
mod totals;

pub use action::TicketAction;
pub use breach_starts::{BreachStarts, Flapping};
pub(in crate::domain) use evaluation::MAX_AHEAD;
pub use evaluation::{Evaluation, Verdict};
pub use hold::Hold;
pub use mute::Mute;
pub use policy::{FlappingPolicy, LifePolicy, Recovery};
pub use readings::{Readings, Spread};
pub use record::{Incident, IncidentState, Part, TicketWrite};
pub use suppression::{OpenDelay, Suppression};
pub use totals::{Extremes, FloodTotals, OutageTotals};
