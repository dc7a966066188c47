//! Normalisation: from the JSON that a source sends to signals, review items or nothing.
//!
//! Pure, and on the hot path: an item is walked once, nothing is copied that a rule or a
//! ticket does not see. May import: `domain`. Must not know: I/O, the clock, the store.

mod custom;
mod genesys;
mod identity;
mod json;

use serde_json::Value;

pub use custom::{BadPointer, CustomMap, CustomMetric, Pointers, Unit};

use crate::domain::signal::{SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

/// How a source's events are to be read.
#[derive(Debug, Clone)]
pub enum Format {
    /// Every shape Genesys sends, told apart by shape.
    Genesys,
    /// Any JSON: a map says where things are.
    Custom(Box<CustomMap>),
}

/// An item of a request, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// The event's id as the sender gave it, or one derived from its content. Always there,
    /// also for an item that does not fit.
    pub event_id: String,
    /// What the item says.
    pub outcome: Outcome,
}

/// What an item says.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Signals, one for each entity it speaks of; never empty.
    Signals(Vec<Signal>),
    /// Nothing by its nature (a heartbeat), and why.
    Nothing(&'static str),
    /// It does not fit; a person has to look.
    Mismatch(SchemaMismatch),
}

/// What reading an item gives, before it is packed up.
type Read = Result<Reading, SchemaMismatch>;

/// Signals, or the reason why there are none.
enum Reading {
    Signals(Vec<Signal>),
    Nothing(&'static str),
}

/// Reads `item` as `format`. `received_at` stands in for a time that the item does not give.
pub fn normalise(format: &Format, item: &Value, received_at: Timestamp) -> Normalised {
    let (event_id, read) = match format {
        Format::Genesys => genesys::read(item, received_at),
        Format::Custom(map) => custom::read(map, item, received_at),
    };
    let outcome = match read {
        Ok(Reading::Signals(signals)) => Outcome::Signals(signals),
        Ok(Reading::Nothing(why)) => Outcome::Nothing(why),
        Err(mismatch) => Outcome::Mismatch(mismatch),
    };
    Normalised { event_id, outcome }
}

/// The id that normalisation gives to a body that is not JSON.
pub fn id_of_raw(body: &[u8]) -> String {
    identity::of_bytes(body)
}

#[cfg(test)]
mod tests;
