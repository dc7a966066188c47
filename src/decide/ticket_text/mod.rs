//! The text of tickets: fields, comments and the payloads of deliveries.
//!
//! Pure.

mod comment;
mod displayed;
mod fields;
pub(super) mod flood_report;
mod incident_values;
pub(super) mod outage_report;
pub(super) mod payload;
pub(super) mod queue_standing;
pub(super) mod readings;
mod time_text;

pub(super) use fields::FieldError;
pub(crate) use fields::create_fields;
pub(crate) use incident_values::{INCIDENT_VALUES, with_incident};
pub(crate) use outage_report::OUTAGE_VALUES;
