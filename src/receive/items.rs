//! Splits a body into events. Each event keeps its own bytes as they were received. Pure.
//!
//! A part that cannot be read becomes an event too: it goes to review, never to the rules.
//! Must not know: HTTP, credentials, the journal beyond the shape of its entries.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::signal::Meaning;
use crate::domain::time::Timestamp;
use crate::normalise::{self, Format, Outcome, id_of_raw, normalise};
use crate::store::NewEvent;

/// Most events in one body. EventBridge sends one; with the limit, one request cannot occupy the
/// journal's writer for long.
pub(super) const MAX_ITEMS: usize = 10_000;

/// Longest event id that is kept as the sender wrote it, in bytes.
const MAX_EVENT_ID: usize = 256;

/// The content of a body.
#[derive(Debug)]
pub(super) enum Contents {
    /// JSON: one event for an object, one for each element of an array.
    Events(Vec<NewEvent>),
    /// Not JSON: the whole body, for a person.
    NotJson {
        /// The body as an event that goes to review.
        event: NewEvent,
        /// The parser's error, with its place.
        problem: String,
    },
    /// An array of more than [`MAX_ITEMS`].
    TooMany,
}

/// The content of an event, or why it goes to review.
type Parsed = Result<Meaning, String>;

/// Parses bodies of `source` in its `format`.
pub(super) struct BodyParser<'a> {
    pub(super) source: &'a Arc<str>,
    pub(super) format: &'a Format,
    pub(super) received_at: Timestamp,
}

impl BodyParser<'_> {
    pub(super) fn read(&self, body: Bytes) -> Contents {
        // A byte order mark is not part of the text (RFC 8259, section 8.1).
        let body = match body.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => body.slice_ref(rest),
            None => body,
        };
        let text = match String::from_utf8(Vec::from(body)) {
            Ok(text) => text,
            Err(error) => return self.not_json(error.as_bytes(), &error.utf8_error()),
        };
        let first = text.bytes().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(b'[') {
            return self.read_array(&text);
        }
        match self.parse_event(&text) {
            Ok((event_id, meaning)) => {
                Contents::Events(vec![self.new_event(event_id, text, meaning)])
            }
            Err(error) if is_json(&text) => Contents::Events(vec![self.unreadable(text, &error)]),
            Err(error) => self.not_json(text.as_bytes(), &error),
        }
    }

    fn read_array(&self, text: &str) -> Contents {
        let items = match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) if items.len() > MAX_ITEMS => return Contents::TooMany,
            Ok(items) => items,
            Err(error) => return self.not_json(text.as_bytes(), &error),
        };
        let events = items.into_iter().map(|item| {
            let text = item.get();
            match self.parse_event(text) {
                Ok((event_id, meaning)) => self.new_event(event_id, text.to_owned(), meaning),
                Err(error) => self.unreadable(text.to_owned(), &error),
            }
        });
        Contents::Events(events.collect())
    }

    /// The event's id, and its meaning or the reason why it goes to review.
    fn parse_event(&self, text: &str) -> Result<(String, Parsed), serde_json::Error> {
        normalise::parse(text).map(|value| self.meaning(&value))
    }

    fn meaning(&self, value: &Value) -> (String, Parsed) {
        let normalised = normalise(self.format, value, self.received_at);
        let meaning = match normalised.outcome {
            Outcome::Signals(signals) => Ok(Meaning::Signals(signals)),
            Outcome::Nothing(why) => Ok(Meaning::Nothing(why)),
            Outcome::Mismatch(mismatch) if mismatch.path.is_empty() => Err(mismatch.problem),
            Outcome::Mismatch(mismatch) => Err(mismatch.to_string()),
        };
        (storable_id(normalised.event_id), meaning)
    }

    /// Valid JSON that cannot be processed: nested too deep, too many values, a number out of
    /// range, half a surrogate pair. Sending it again would not help, so it is stored for a person.
    fn unreadable(&self, text: String, error: &serde_json::Error) -> NewEvent {
        let id = id_of_raw(text.as_bytes());
        self.new_event(id, text, Err(format!("unreadable JSON: {error}")))
    }

    fn not_json(&self, body: &[u8], problem: &dyn std::fmt::Display) -> Contents {
        let problem = problem.to_string();
        let reason = format!("not JSON: {problem}");
        Contents::NotJson {
            event: self.new_event(id_of_raw(body), printable(body), Err(reason)),
            problem,
        }
    }

    /// An event, with its meaning or the reason why it goes to review.
    fn new_event(&self, event_id: String, body: String, meaning: Parsed) -> NewEvent {
        let (meaning, review) = match meaning {
            Ok(meaning) => (Some(meaning), None),
            Err(reason) => (None, Some(reason)),
        };
        NewEvent {
            source: Arc::clone(self.source),
            event_id,
            received_at: self.received_at,
            body,
            review,
            meaning,
        }
    }
}

/// Whether `text` is JSON by its grammar alone.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// The id itself, unless a database or a log could not hold it; then one made from it.
fn storable_id(event_id: String) -> String {
    if event_id.len() > MAX_EVENT_ID || event_id.contains(char::is_control) {
        return id_of_raw(event_id.as_bytes());
    }
    event_id
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::MAX_VALUES;

    fn contents(body: &'static [u8]) -> Contents {
        let source: Arc<str> = "genesys".into();
        BodyParser {
            source: &source,
            format: &Format::Genesys,
            received_at: Timestamp::from_millis(1_795_442_850_000),
        }
        .read(Bytes::from_static(body))
    }

    fn events(body: &'static [u8]) -> Vec<NewEvent> {
        match contents(body) {
            Contents::Events(events) => events,
            other => panic!("{other:?}"),
        }
    }

    fn kept(body: &'static [u8]) -> NewEvent {
        match contents(body) {
            Contents::NotJson { event, .. } => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_element_keeps_its_own_bytes_as_they_came() {
        let events = events(b" [ {\"b\":1.50, \"a\":2} ,\n{\"a\" : \"\\u0041\"}, 7 ] ");
        let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
        assert_eq!(
            bodies,
            ["{\"b\":1.50, \"a\":2}", "{\"a\" : \"\\u0041\"}", "7"]
        );
    }

    #[test]
    fn an_empty_array_holds_no_event() {
        assert!(events(b"[]").is_empty());
    }

    #[test]
    fn valid_json_that_cannot_be_worked_with_goes_to_review() {
        let deep: &'static str =
            Box::leak(format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500)).into());
        for body in [
            deep,
            "1e400",
            "{\"id\":\"\\ud800\"}",
            "null",
            "\"text\"",
            "[[]]",
        ] {
            let events = events(body.as_bytes());
            assert_eq!(events.len(), 1, "{body}");
            assert!(events[0].review.is_some(), "{body}");
        }
    }

    #[test]
    fn an_event_of_very_many_values_goes_to_review() {
        let values = |count: usize| -> &'static str {
            Box::leak(format!("{{\"a\":[{}]}}", vec!["[]"; count - 2].join(",")).into())
        };
        let reason = |body: &'static str| events(body.as_bytes())[0].review.clone().unwrap();
        let most = reason(values(MAX_VALUES));
        assert!(most.contains("none of the shapes"), "{most}");
        let more = reason(values(MAX_VALUES + 1));
        assert!(
            more.starts_with("unreadable JSON: more than 40000 values"),
            "{more}"
        );
    }

    #[test]
    fn what_is_not_json_is_kept_so_that_a_person_can_read_it() {
        assert_eq!(kept(b"{\"id\": \"evt-1\",").body, "{\"id\": \"evt-1\",");
        assert_eq!(
            kept(b"{\"n\":\"caf\xe9\"}\0").body,
            "{\"n\":\"caf\\xE9\"}\\x00"
        );
        assert_eq!(kept(b"").body, "");
        assert_eq!(kept(b"[{}, ").body, "[{}, ");
    }

    #[test]
    fn the_same_garbage_twice_is_one_review_item() {
        assert_eq!(kept(b"garbage").event_id, kept(b"garbage").event_id);
        assert_ne!(kept(b"garbage").event_id, kept(b"other").event_id);
    }

    #[test]
    fn a_byte_order_mark_does_no_harm() {
        assert_eq!(
            events(b"\xef\xbb\xbf{\"id\":\"evt-1\"}")[0].body,
            "{\"id\":\"evt-1\"}"
        );
    }

    #[test]
    fn more_elements_than_the_bound_are_refused() {
        let array = |count: usize| -> &'static [u8] {
            Box::leak(
                format!("[{}]", vec!["{}"; count].join(","))
                    .into_bytes()
                    .into(),
            )
        };
        assert_eq!(events(array(MAX_ITEMS)).len(), MAX_ITEMS);
        assert!(matches!(contents(array(MAX_ITEMS + 1)), Contents::TooMany));
    }

    #[test]
    fn an_id_that_a_database_cannot_hold_is_replaced_by_a_stable_one() {
        assert_eq!(storable_id("evt-1".into()), "evt-1");
        for bad in ["a\0b".to_owned(), "\u{1b}[31m".to_owned(), "x".repeat(257)] {
            let made = storable_id(bad.clone());
            assert!(made.starts_with("sha256:"));
            assert_eq!(made, storable_id(bad));
        }
    }
}
