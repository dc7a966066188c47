//! The decision on one signal: does it open an incident, belong to one, or change nothing?
//!
//! `decide` is the entry. `state` holds the data of one correlation key that a decision reads and
//! changes; `breach` handles a breach; `transition` names the changes for the incident's history.
//! For any sequence of signals there is at most one incident per key that is not closed, and never
//! a second create inside one burst lock. Pure.

mod breach;
mod burst_lock;
mod by_person;
mod decide;
mod outcome;
mod state;
mod transition;

pub use super::incident::Suppression;
pub use burst_lock::BurstLock;
pub use by_person::open_by_person;
pub use decide::{Decision, decide, fire_due};
pub use outcome::SignalOutcome;
pub use state::{Allowance, DecisionState, NewIncident};
pub use transition::{Closing, Recovering, Transition};
