//! Normalisation: one received JSON value becomes signals, nothing, or a review item.
//!
//! Owns every form in which a sender may write an event (`docs/events.md` describes them for
//! operators). Pure: no I/O and no clock. It must not know rules, keys, the store or HTTP.
//!
//! It never guesses. A value that does not have the form of the format makes the whole event a
//! [`SchemaMismatch`](crate::domain::signal::SchemaMismatch), so that no ticket is ever opened with
//! a wrong or empty field in it.

mod around;
mod body;
pub mod catalogue;
mod custom;
mod custom_maps;
mod fill;
mod genesys;
mod identity;
mod json_cursor;
mod outcome;
mod place;
mod placeholder;
mod pointer;
mod query_cost;
mod reader;
#[cfg(test)]
mod tests;
mod thing_ids;
mod timestamp;
mod wrappers;

pub(crate) use body::{Body, Item, MAX_ITEMS, kept_for_review, read_body};
pub use catalogue::is_known_status;
pub use custom_maps::{ChosenMap, CustomMap, CustomMaps, CustomMetric, MapCondition, Unit};
pub(crate) use fill::WAIT_TIME;
pub use outcome::{Normalised, Outcome};
pub use place::{NotAPlace, Place, Places, Query};
pub use pointer::{NotAPointer, Pointer};
pub(crate) use reader::EVENT_GRID_HANDSHAKE;

use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::json;
use around::Around;
use json_cursor::JsonCursor;
use reader::Found;

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
    /// Every shape that Genesys Cloud and the guide send, recognised by its members.
    Genesys,
    Custom(CustomMaps),
}

/// The JSON of one event. An event that cannot be read goes to review.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    json::parse_within(text, MAX_VALUES)
}

/// Reads `item` as `format`. `received_at` is used when the event gives no time. The events of a
/// list inside of a wrapper, which are split when they are received, are read as one.
pub fn normalise(format: &Format, item: &Value, received_at: Timestamp) -> Normalised {
    let around = Around::nothing(received_at);
    let several = match reader::read(format, &JsonCursor::root(item), &around) {
        Found::Event(read) => return read,
        Found::Several(several) => several,
    };
    let read = several
        .iter()
        .map(|one| normalise(format, one, received_at));
    Normalised {
        event_id: identity::derived(&[item]),
        outcome: Outcome::of_all(read.map(|read| read.outcome)),
    }
}

/// The shape of `item`, in words for people.
pub fn describe_shape(format: &Format, item: &Value) -> String {
    reader::describe(format, item, &Around::nothing(Timestamp::from_millis(0)))
}

/// The code that Event Grid wants to have back, from an event that is its handshake.
pub(crate) fn validation_code(text: &str) -> Option<String> {
    let item = parse(text).ok()?;
    wrappers::validation_code(&item).map(str::to_owned)
}

/// The id of a body that is not JSON, or of an id that no store could hold.
pub fn id_of_raw(body: &[u8]) -> String {
    identity::of_bytes(body)
}
