//! Splits a body into events, each with its own text. `serve` and `explain` read by it.
//!
//! A part that cannot be read becomes an event too: it goes to review, never to the rules.

use std::fmt::Display;

use serde_json::Value;
use serde_json::value::RawValue;

use super::around::Around;
use super::json_cursor::JsonCursor;
use super::reader::{self, Found};
use super::{Format, Normalised, Outcome, id_of_raw, identity, parse};
use crate::domain::signal::SchemaMismatch;
use crate::domain::time::Timestamp;

/// Most events in one body. EventBridge sends one; with the limit, one request cannot occupy the
/// journal's writer for long.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// How often an event in a list in an event is split once more.
const MAX_SPLITS: usize = reader::TOO_DEEP;

/// The content of a body.
#[derive(Debug)]
pub(crate) enum Body {
    /// JSON: one event for an object, one for each element of an array.
    Events(Vec<Item>),
    /// Not JSON: the whole body, for a person.
    NotJson {
        /// The body as an event that goes to review.
        item: Item,
        /// The parser's error, with its place.
        problem: String,
    },
    /// More than [`MAX_ITEMS`].
    TooMany,
}

/// An event of a body.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its text as it came, the wrappers around it alone included. An event from a list inside
    /// of a wrapper is its element of the list.
    pub(crate) text: String,
    pub(crate) read: Normalised,
}

/// Reads `body` as `format`.
pub(crate) fn read_body(format: &Format, mut body: Vec<u8>, received_at: Timestamp) -> Body {
    // A byte order mark is not part of the text (RFC 8259, section 8.1).
    if body.starts_with(b"\xef\xbb\xbf") {
        body.drain(..3);
    }
    let text = match String::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let problem = error.utf8_error();
            return not_json(error.as_bytes(), &problem);
        }
    };
    let reading = Reading {
        format,
        received_at,
    };
    if text.bytes().find(|byte| !byte.is_ascii_whitespace()) == Some(b'[') {
        return reading.read_array(&text);
    }
    let mut items = Vec::new();
    match parse(&text) {
        Ok(value) => reading.read_item(text, &value, 0, &mut items),
        Err(error) if is_json(&text) => items.push(unreadable(text, &error)),
        Err(error) => return not_json(text.as_bytes(), &error),
    }
    bounded(items)
}

fn bounded(items: Vec<Item>) -> Body {
    match items.len() > MAX_ITEMS {
        true => Body::TooMany,
        false => Body::Events(items),
    }
}

struct Reading<'a> {
    format: &'a Format,
    received_at: Timestamp,
}

impl Reading<'_> {
    fn read_array(&self, text: &str) -> Body {
        let elements = match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(elements) if elements.len() > MAX_ITEMS => return Body::TooMany,
            Ok(elements) => elements,
            Err(error) => return not_json(text.as_bytes(), &error),
        };
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            let text = element.get().to_owned();
            match parse(&text) {
                Ok(value) => self.read_item(text, &value, 0, &mut items),
                Err(error) => items.push(unreadable(text, &error)),
            }
        }
        bounded(items)
    }

    fn read_item(&self, text: String, value: &Value, splits: usize, items: &mut Vec<Item>) {
        let around = Around::nothing(self.received_at);
        match reader::read(self.format, &JsonCursor::root(value), &around) {
            Found::Event(read) => items.push(Item { text, read }),
            Found::Several(_) if splits >= MAX_SPLITS => {
                let problem = "there are lists in lists of events".to_owned();
                items.push(review(text, problem));
            }
            Found::Several(elements) => {
                for element in elements {
                    self.read_item(element.to_string(), &element, splits + 1, items);
                }
            }
        }
    }
}

/// Valid JSON that cannot be processed: nested too deep, too many values, a number out of
/// range, half a surrogate pair. Sending it again would not help, so it is stored for a person.
fn unreadable(text: String, error: &serde_json::Error) -> Item {
    review(text, format!("unreadable JSON: {error}"))
}

fn review(text: String, problem: String) -> Item {
    Item {
        read: Normalised {
            event_id: id_of_raw(text.as_bytes()),
            outcome: Outcome::Mismatch(SchemaMismatch::new("", problem)),
        },
        text,
    }
}

fn not_json(body: &[u8], problem: &dyn Display) -> Body {
    let problem = problem.to_string();
    Body::NotJson {
        item: kept_for_review(body, format!("not JSON: {problem}")),
        problem,
    }
}

/// A body that is kept for a person, for this reason.
pub(crate) fn kept_for_review(body: &[u8], reason: String) -> Item {
    Item {
        read: Normalised {
            event_id: identity::of_bytes(body),
            outcome: Outcome::Mismatch(SchemaMismatch::new("", reason)),
        },
        text: printable(body),
    }
}

/// Whether `text` is JSON by its grammar alone.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// `bytes` as text: valid UTF-8 as it is, every other byte, and NUL, which PostgreSQL cannot
/// hold, as `\xNN`. So nothing is lost, and the readable part stays readable.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\0', "\\x00"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02X}"));
        }
    }
    text
}
