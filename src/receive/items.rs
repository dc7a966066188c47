//! The events of a body, ready for the journal. Pure.

use std::sync::Arc;

use axum::body::Bytes;

use crate::domain::signal::Meaning;
use crate::domain::time::Timestamp;
use crate::normalise::{Body, Format, Item, Outcome, id_of_raw, kept_for_review, read_body};
use crate::store::NewEvent;

/// Longest event id that is kept as the sender wrote it, in bytes.
const MAX_EVENT_ID: usize = 256;

/// The content of a body.
#[derive(Debug)]
pub(super) enum Contents {
    /// JSON: its events.
    Events(Vec<NewEvent>),
    /// Not JSON: the whole body, for a person.
    NotJson {
        /// The body as an event that goes to review.
        event: NewEvent,
        /// The parser's error, with its place.
        problem: String,
    },
    /// More events than a body may have.
    TooMany,
}

/// Parses bodies of `source` in its `format`.
pub(super) struct BodyParser<'a> {
    pub(super) source: &'a Arc<str>,
    pub(super) format: &'a Format,
    pub(super) received_at: Timestamp,
}

impl BodyParser<'_> {
    pub(super) fn read(&self, body: Bytes) -> Contents {
        match read_body(self.format, Vec::from(body), self.received_at) {
            Body::Events(items) => {
                Contents::Events(items.into_iter().map(|item| self.event(item)).collect())
            }
            Body::NotJson { item, problem } => Contents::NotJson {
                event: self.event(item),
                problem,
            },
            Body::TooMany => Contents::TooMany,
        }
    }

    /// The whole body as an event that goes to review, for this reason.
    pub(super) fn for_review(&self, body: &[u8], reason: String) -> NewEvent {
        self.event(kept_for_review(body, reason))
    }

    /// The whole body as an event that is understood and has no meaning for an incident.
    pub(super) fn without_meaning(&self, body: &[u8], why: &'static str) -> NewEvent {
        NewEvent {
            review: None,
            meaning: Some(Meaning::Nothing(why)),
            ..self.for_review(body, String::new())
        }
    }

    fn event(&self, item: Item) -> NewEvent {
        let (meaning, review) = match item.read.outcome {
            Outcome::Signals(signals) => (Some(Meaning::Signals(signals)), None),
            Outcome::Nothing(why) => (Some(Meaning::Nothing(why)), None),
            Outcome::Mismatch(mismatch) if mismatch.path.is_empty() => {
                (None, Some(mismatch.problem))
            }
            Outcome::Mismatch(mismatch) => (None, Some(mismatch.to_string())),
        };
        NewEvent {
            source: Arc::clone(self.source),
            event_id: storable_id(item.read.event_id),
            received_at: self.received_at,
            body: item.text,
            review,
            meaning,
        }
    }
}

/// The id itself, unless a database or a log could not hold it; then one made from it.
fn storable_id(event_id: String) -> String {
    if event_id.len() > MAX_EVENT_ID || event_id.contains(char::is_control) {
        return id_of_raw(event_id.as_bytes());
    }
    event_id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::{MAX_ITEMS, MAX_VALUES};

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
