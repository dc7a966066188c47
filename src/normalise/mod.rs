//! Normalisation: one received JSON value becomes signals, nothing, or a review item.
//!
//! Owns every form in which a sender may write an event (`docs/events.md` describes them for
//! operators). May import: `domain`, `json`, `serde`, `serde_json`, `sha2`, `hex`, `thiserror`.
//! Pure: no I/O and no clock. It must not know rules, keys, the store or HTTP.
//!
//! It never guesses. A value that does not have the form of the format makes the whole event a
//! [`SchemaMismatch`](crate::domain::signal::SchemaMismatch), so that no ticket is ever opened with
//! a wrong or empty field in it.

pub mod catalogue;
mod custom;
mod fill;
mod genesys;
mod identity;
mod json_cursor;
mod outcome;
mod placeholder;
mod pointer;
#[cfg(test)]
mod tests;
mod timestamp;

pub use catalogue::is_known_status;
pub use custom::{CustomMap, CustomMetric, Unit};
pub(crate) use fill::WAIT_TIME;
pub use outcome::{Normalised, Outcome};
pub use pointer::{NotAPointer, Pointer, Pointers};

use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::json;

/// Most values in one event. A message of Genesys Cloud has some hundred; the limit bounds the
/// memory that reading one event can take.
pub(crate) const MAX_VALUES: usize = 40_000;

/// Whether a reading is in seconds, as far as names show it: Genesys's metrics of time, the
/// guide's waiting time, and ages.
pub fn is_duration(metric: &str, statistic: &str) -> bool {
    let is_wait = metric == fill::WAIT_TIME && fill::has_unit(statistic);
    is_wait || statistic == "age" || genesys::readings::is_duration(metric, statistic)
}

/// How a source's events are to be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Every shape that Genesys Cloud and the guide send, recognised by its keys.
    Genesys,
    Custom(Box<CustomMap>),
}

/// The JSON of one event. An event that cannot be read goes to review.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    json::parse_within(text, MAX_VALUES)
}

/// Reads `item` as `format`. `received_at` is used when the event gives no time.
pub fn normalise(format: &Format, item: &Value, received_at: Timestamp) -> Normalised {
    let root = json_cursor::JsonCursor::root(item);
    match format {
        Format::Genesys => genesys::read(root, received_at),
        Format::Custom(map) => custom::read(map, root, received_at),
    }
}

/// The shape of `item`, in words for people.
pub fn describe_shape(format: &Format, item: &Value) -> &'static str {
    match format {
        Format::Genesys => genesys::describe_shape(json_cursor::JsonCursor::root(item)),
        Format::Custom(_) => "whatever the source's map points at",
    }
}

/// The id of a body that is not JSON, or of an id that no store could hold.
pub fn id_of_raw(body: &[u8]) -> String {
    identity::of_bytes(body)
}
