//! The `genesys` format: every shape that Genesys Cloud and the guide send, recognised by its keys.
//!
//! Owns the shapes and the order in which they are tried. The children read one kind of
//! content each. Facts about Genesys Cloud are from the models of its SDK (version 269).

mod alert;
mod audit;
mod campaign;
mod content;
mod edge;
mod flow;
mod guide;
mod message;
mod operational;
mod phone;
mod queue;
pub(super) mod readings;
mod topics;
mod trunk;
mod wrapping;

use serde_json::Value;

use super::identity;
use super::json_cursor::{JsonCursor, keys, trimmed};
use super::outcome::{Normalised, Outcome};
use crate::domain::signal::SchemaMismatch;
use crate::domain::time::Timestamp;

/// The shape of an item, as its keys show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// EventBridge: `detail` holds the message.
    Envelope,
    /// `topicName` and `eventBody`, from a WebSocket relay or an input transformer.
    Message,
    /// An alert as the REST API gives it.
    Alert,
    /// The guide's event: `metrics` or `trunk` at the top.
    Guide,
    /// A data action's body: the content's own fields at the top.
    Flat,
    Unknown,
}

pub(super) fn read(root: JsonCursor<'_, '_>, received_at: Timestamp) -> Normalised {
    let item = unwrapped(&root);
    let shape = shape(item.value());
    let event_id = event_id(shape, item.value(), received_at);
    let outcome = match shape {
        Shape::Envelope => wrapping::envelope(&item, &event_id, received_at),
        Shape::Message => wrapping::bare(&item, &event_id, received_at),
        Shape::Alert => alert::rest(&item, &event_id, received_at),
        Shape::Guide => guide::read(&item, &event_id, received_at),
        Shape::Flat => wrapping::flat(&item, &event_id, received_at),
        Shape::Unknown => Err(unknown(&item)),
    };
    Normalised {
        event_id,
        outcome: Outcome::from(outcome),
    }
}

/// The shape of one item, in words for people.
pub(super) fn describe_shape(root: JsonCursor<'_, '_>) -> &'static str {
    match shape(unwrapped(&root).value()) {
        Shape::Envelope => "a message in an EventBridge envelope",
        Shape::Message => "a topic's message",
        Shape::Alert => "an alert as the REST API gives it",
        Shape::Guide => "the guide's event",
        Shape::Flat => "a data action's flat body",
        Shape::Unknown => "none that is known",
    }
}

/// The event itself, where a sender has put it under `body`.
fn unwrapped<'v, 'p>(root: &'p JsonCursor<'v, 'p>) -> JsonCursor<'v, 'p> {
    let body = root.name("body");
    if shape(root.value()) == Shape::Unknown && body.value().is_object() {
        body
    } else {
        *root
    }
}

fn shape(item: &Value) -> Shape {
    let has = |name: &str| item.get(name).is_some();
    let starts = |name: &str, prefix: &str| {
        let text = item.get(name).and_then(Value::as_str);
        text.is_some_and(|text| text.starts_with(prefix))
    };
    let has_type = || guide::TYPE_KEYS.iter().any(|key| starts(key, "telephony."));
    if has("detail") || has("detail-type") {
        Shape::Envelope
    } else if has("eventBody") || has("topicName") {
        Shape::Message
    } else if has("rule") && (has("conditions") || has("alertSummary")) {
        Shape::Alert
    } else if has("metrics") || has("trunk") || has_type() {
        Shape::Guide
    } else if starts("topic", "v2.") || has("entityId") || has("eventEntity") {
        Shape::Flat
    } else {
        Shape::Unknown
    }
}

/// The id of an item in `shape`: the alert's own, the sender's, or one from the content.
fn event_id(shape: Shape, item: &Value, received_at: Timestamp) -> String {
    let detail = item.get("detail").unwrap_or(&Value::Null);
    let alert_id = match shape {
        Shape::Envelope => alert::message_event_id(detail, item.get("detail-type")),
        Shape::Message => alert::message_event_id(item, None),
        Shape::Alert => alert::event_id(item, None),
        _ => None,
    };
    if let Some(id) = alert_id.or_else(|| given_id(shape, item)) {
        return identity::storable(id);
    }
    if shape == Shape::Unknown {
        return identity::derived(&[item]);
    }
    let message = if shape == Shape::Envelope {
        detail
    } else {
        item
    };
    let time = ["timestamp", "eventTime"].map(|name| message.get(name));
    let content: &[&Value] = match message.get("eventBody") {
        // Not the metadata: its trace id differs between two copies of one event.
        Some(body) => &[
            message.get("topicName").unwrap_or(&Value::Null),
            time[0].unwrap_or(&Value::Null),
            body,
        ],
        None => &[item],
    };
    if time.iter().flatten().any(|time| !time.is_null()) {
        identity::derived(content)
    } else {
        identity::derived_at(content, received_at)
    }
}

/// The id that the sender gave the event. In a flat body `id` may as well be the id of the
/// thing that the event is about, unless that thing's own stands beside it.
fn given_id(shape: Shape, item: &Value) -> Option<String> {
    let id = item.get("id");
    let is_events = |id: &&Value| {
        let entity = item.get("entityId");
        shape != Shape::Flat || entity.is_some_and(|entity| entity != *id)
    };
    let own = ["eventId", "event_id"].map(|name| item.get(name));
    let own = own.into_iter().flatten().filter(|_| shape == Shape::Flat);
    own.chain(id.filter(is_events)).find_map(|id| match id {
        Value::String(text) => trimmed(text).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn unknown(item: &JsonCursor<'_, '_>) -> SchemaMismatch {
    match item.value() {
        Value::Object(members) => item.mismatch(format!(
            "this is none of the shapes that Genesys or the guide sends; {}",
            keys(members)
        )),
        _ => item.expected("an object"),
    }
}
