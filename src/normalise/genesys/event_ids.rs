//! Which `id` of an item is the event's own, and which is that of a thing.
//!
//! Taken for the event's, the id of a trunk would make its recovery a repetition of its failure.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::json_cursor::trimmed;
use super::Shape;

/// The ids of an event.
const OF_EVENTS: [&str; 3] = ["id", "eventId", "event_id"];

/// Beginnings of names of other ids that say nothing about things.
const OF_CALLS: [&str; 4] = ["correlation", "trace", "request", "message"];

/// The id that the sender gave the event. Only an EventBridge envelope is sure to have one: in any
/// other shape `id` may as well be that of the thing that the event is about.
pub(super) fn given(shape: Shape, item: &Value) -> Option<String> {
    let names: &[&str] = match shape {
        // What is not understood is kept under the id that its sender knows.
        Shape::Envelope | Shape::Message | Shape::Guide | Shape::StatusPage | Shape::Unknown => {
            &["id"]
        }
        Shape::Flat => &["eventId", "event_id", "id"],
        Shape::Wrapped(_) | Shape::Content | Shape::Alert => return None,
    };
    let is_events = |name: &str, id: &str| match shape {
        Shape::Envelope => true,
        // Without another id of its thing, `id` is that id.
        Shape::Flat if name == "id" => item.get("entityId").is_some() && !is_of_a_thing(id, item),
        _ => !is_of_a_thing(id, item),
    };
    names.iter().find_map(|name| {
        let id = scalar(item.get(*name)?)?;
        is_events(name, &id).then(|| id.into_owned())
    })
}

/// Whether `id` also stands in the event as the id of a thing.
fn is_of_a_thing(id: &str, item: &Value) -> bool {
    let Some(members) = item.as_object() else {
        return false;
    };
    has_thing(id, members)
        || members.iter().any(|(name, value)| match value {
            Value::Object(inner) => has_thing(id, inner) || is_id(id, inner.get("id")),
            Value::String(topic) if matches!(name.as_str(), "topicName" | "topic") => {
                topic.split('.').any(|part| part.eq_ignore_ascii_case(id))
            }
            _ => false,
        })
}

fn has_thing(id: &str, members: &Map<String, Value>) -> bool {
    members
        .iter()
        .any(|(name, value)| is_name_of_thing(name) && is_id(id, Some(value)))
}

/// Whether `name` is like `trunkId` or `queue_id`.
fn is_name_of_thing(name: &str) -> bool {
    let is_id = name.ends_with("Id") || name.ends_with("_id") || name.ends_with("ID");
    let lower = name.to_ascii_lowercase();
    is_id && !OF_EVENTS.contains(&name) && !OF_CALLS.iter().any(|call| lower.starts_with(call))
}

fn is_id(id: &str, value: Option<&Value>) -> bool {
    value
        .and_then(scalar)
        .is_some_and(|other| other.eq_ignore_ascii_case(id))
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => trimmed(text).map(Cow::Borrowed),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
