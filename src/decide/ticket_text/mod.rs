//! The text of tickets: fields, comments and the payloads of deliveries.

mod comment;
mod displayed;
pub(super) mod flood_report;
pub(super) mod outage_report;
pub mod payload;
pub(super) mod queue_standing;
pub(super) mod readings;
