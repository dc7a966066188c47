//! The `genesys` format: every shape that Genesys Cloud and the guide send, recognised by its
//! members.
//!
//! Owns the shapes and the order in which they are tried. The children read one kind of
//! content each. Facts about Genesys Cloud are from the models of its SDK (version 269).

mod alert;
mod audit;
mod campaign;
mod content;
mod edge;
mod event_ids;
mod flow;
mod guide;
mod message;
mod operational;
mod phone;
mod queue;
pub(super) mod readings;
mod status_page;
mod trunk;
mod wrapping;

use serde_json::Value;

use super::around::Around;
use super::catalogue;
use super::identity;
use super::json_cursor::{JsonCursor, keys};
use super::outcome::{Normalised, Outcome};
use super::wrappers::{Wrapper, looks_like_json};
use crate::domain::polling::STATUS_EVENT;
use crate::domain::signal::SchemaMismatch;

/// The shape of an item, as its members show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// EventBridge: `detail` holds the message.
    Envelope,
    /// `topicName` and `eventBody`, from a WebSocket relay or an input transformer.
    Message,
    /// Another broker's wrapper.
    Wrapped(Wrapper),
    /// The content of a message whose topic is the type that a wrapper gives.
    Content,
    /// An alert as the REST API gives it.
    Alert,
    /// The guide's event: `metrics` or `trunk` at the top.
    Guide,
    /// What polling writes about a status page.
    StatusPage,
    /// A data action's body: the content's own fields at the top.
    Flat,
    Unknown,
}

impl Shape {
    /// In words for people.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Envelope => "a message in an EventBridge envelope",
            Self::Message => "a topic's message",
            Self::Wrapped(wrapper) => wrapper.name(),
            Self::Content => "the content of a topic's message",
            Self::Alert => "an alert as the REST API gives it",
            Self::Guide => "the guide's event",
            Self::StatusPage => "Ringdown's event about a status page",
            Self::Flat => "a data action's flat body",
            Self::Unknown => "none that is known",
        }
    }
}

/// Reads an item in `shape`.
pub(super) fn read(shape: Shape, item: &JsonCursor<'_, '_>, around: &Around) -> Normalised {
    let received_at = around.time;
    let event_id = event_id(shape, item.value(), around);
    let outcome = match shape {
        Shape::Envelope => wrapping::envelope(item, &event_id, received_at),
        Shape::Message => wrapping::bare(item, &event_id, received_at),
        Shape::Content => wrapping::content(item, around, &event_id),
        Shape::Alert => alert::rest(item, &event_id, received_at),
        Shape::Guide => guide::read(item, &event_id, received_at),
        Shape::StatusPage => status_page::read(item, &event_id, received_at),
        Shape::Flat => wrapping::flat(item, &event_id, received_at),
        Shape::Wrapped(_) | Shape::Unknown => Err(unknown(item)),
    };
    Normalised {
        event_id,
        outcome: Outcome::from(outcome),
    }
}

/// The shape of `item`, which stands in a wrapper that gives the event `wrapped_type`. A shape is
/// told by all the members that it needs: a sender may have a member of one of these names for
/// something else.
pub(super) fn shape(item: &Value, wrapped_type: Option<&str>) -> Shape {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let is_object = |name: &str| item.get(name).is_some_and(Value::is_object);
    let is_array = |name: &str| item.get(name).is_some_and(Value::is_array);
    if is_envelope(item) {
        return Shape::Envelope;
    }
    if is_message(item) {
        return Shape::Message;
    }
    if let Some(wrapper) = Wrapper::of(item) {
        return Shape::Wrapped(wrapper);
    }
    let has_type = || {
        let mut keys = guide::TYPE_KEYS.iter();
        keys.any(|key| text(key).is_some_and(|text| text.starts_with("telephony.")))
    };
    let has_topic = text("topic").is_some_and(|topic| topic.starts_with("v2."));
    if has_type() {
        return Shape::Guide;
    }
    if text("type") == Some(STATUS_EVENT) && text("entity").is_some() {
        return Shape::StatusPage;
    }
    if !has_topic && wrapped_type.is_some_and(|name| catalogue::find(name).is_some()) {
        return Shape::Content;
    }
    if is_object("rule")
        && (is_array("conditions") || is_object("conditions") || is_object("alertSummary"))
    {
        return Shape::Alert;
    }
    let has_entity = ["entityId", "entityName", "eventEntity"]
        .iter()
        .any(|name| item.get(name).is_some_and(|value| !value.is_null()));
    if has_topic && has_entity {
        return Shape::Flat;
    }
    if is_array("metrics") || is_object("trunk") {
        return Shape::Guide;
    }
    if has_topic || (has_entity && says_a_change(item)) {
        return Shape::Flat;
    }
    Shape::Unknown
}

/// A message in EventBridge's envelope: by its source, by its type, or by the message inside.
fn is_envelope(item: &Value) -> bool {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    if text("detail").is_some_and(looks_like_json) {
        // JSON text is opened first.
        return false;
    }
    let Some(kind) = text("detail-type") else {
        return item.get("detail").is_some()
            && text("source").is_some_and(|source| source.starts_with(wrapping::PARTNER));
    };
    let source = text("source");
    let is_message = || item.get("detail").is_some_and(is_message);
    source.is_some_and(|source| source.starts_with(wrapping::PARTNER))
        || kind.starts_with("v2.")
        || is_message()
}

fn is_message(item: &Value) -> bool {
    let is_object = |name: &str| item.get(name).is_some_and(Value::is_object);
    match item.get("topicName") {
        Some(_) => item.get("eventBody").is_some() || !says_a_change(item),
        None => is_object("eventBody"),
    }
}

/// Whether `item` has members of an operational event beside its entity.
fn says_a_change(item: &Value) -> bool {
    [
        "currentValue",
        "previousValue",
        "eventName",
        "eventEntity",
        "entityType",
        "eventDescription",
    ]
    .iter()
    .any(|name| item.get(name).is_some_and(|value| !value.is_null()))
}

/// The id of an item in `shape`: the alert's own, the sender's, that of a wrapper whose format has
/// one, or one from the content.
fn event_id(shape: Shape, item: &Value, around: &Around) -> String {
    let detail = item.get("detail").unwrap_or(&Value::Null);
    let alert_id = match shape {
        Shape::Envelope => alert::message_event_id(detail, item.get("detail-type")),
        Shape::Message => alert::message_event_id(item, None),
        Shape::Alert => alert::event_id(item, None),
        _ => None,
    };
    let given = alert_id.or_else(|| event_ids::given(shape, item));
    if let Some(id) = given.or_else(|| around.id.clone()) {
        return identity::storable(id);
    }
    if matches!(shape, Shape::Unknown | Shape::Wrapped(_)) {
        return identity::derived(&[item]);
    }
    let message = if shape == Shape::Envelope {
        detail
    } else {
        item
    };
    let there = |value: &&Value| !value.is_null();
    let own = ["timestamp", "eventTime"].map(|name| message.get(name).filter(there));
    let around_it = item.get("time").filter(|_| shape == Shape::Envelope);
    let time = own[0].or(around_it.filter(there));
    let content: &[&Value] = match message.get("eventBody") {
        // Not the metadata: its trace id differs between two copies of one event.
        Some(body) => &[
            message.get("topicName").unwrap_or(&Value::Null),
            time.unwrap_or(&Value::Null),
            body,
        ],
        None => &[item],
    };
    if time.or(own[1]).is_some() {
        identity::derived(content)
    } else {
        identity::derived_at(content, around.time)
    }
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
