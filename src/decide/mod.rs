//! Deciding: from events of the journal to incidents, and to the deliveries that their tickets
//! need.
//!
//! `evaluate` gives the findings of the rules in an event. `batch` decides on findings and fires
//! timers, by the functions of `domain`. `ticket_text` writes the texts of tickets. Above them,
//! [`Decider`] loads and stores each batch in one transaction, while its replica holds the leader
//! lease.

mod awaiting_standing;
mod batch;
mod batch_size;
mod commit;
mod entity_counts;
mod error;
mod evaluate;
mod evaluate_events;
mod failover_step;
mod leader_lease;
mod load;
mod load_entities;
mod log_once;
mod outage_key;
mod policy;
mod render_step;
mod requests_step;
mod resources;
mod steps;
mod ticket_text;
mod worker;

pub(crate) use batch::{maintenance_over, render_again};
pub use error::DecideError;
pub(crate) use evaluate::{
    Breach, Entities, Evaluated, Evaluator, Finding, Found, ReadEvent, Timeliness, signal_values,
};
pub(crate) use outage_key::outage_of;
pub(crate) use ticket_text::{INCIDENT_VALUES, OUTAGE_VALUES, create_fields, with_incident};
pub use worker::Decider;
