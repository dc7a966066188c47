//! Whether an id is that of a thing in an event: of a trunk, a queue, an Edge. Pure.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::json_cursor::trimmed;

/// The ids of an event.
const OF_EVENTS: [&str; 3] = ["id", "eventId", "event_id"];

/// Beginnings of names of other ids that say nothing about things.
const OF_CALLS: [&str; 4] = ["correlation", "trace", "request", "message"];

/// Whether `id`, which stands around `content`, is that of a thing in it, or of its topic.
pub(super) fn is_of_a_content(id: &str, content: &Value) -> bool {
    let body = content.get("eventBody");
    is_id(id, content.get("id"))
        || is_of_a_thing(id, content)
        || body.is_some_and(|body| is_of_a_thing(id, body))
}

/// Whether `id` is the name of one of the `metrics`: that of a queue.
pub(super) fn is_of_a_reading(id: &str, item: &Value) -> bool {
    let metrics = item.get("metrics").and_then(Value::as_array);
    let mut metrics = metrics.into_iter().flatten();
    metrics.any(|metric| is_id(id, metric.get("name")))
}

/// Whether `id` also stands in the event as the id or the name of a thing.
pub(super) fn is_of_a_thing(id: &str, item: &Value) -> bool {
    let Some(members) = item.as_object() else {
        return false;
    };
    has_thing(id, members)
        || members.iter().any(|(name, value)| match value {
            Value::Object(inner) => {
                has_thing(id, inner) || is_id(id, inner.get("id")) || is_id(id, inner.get("name"))
            }
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

/// Whether `name` is like `trunkId`, `queue_id` or `edgeName`.
fn is_name_of_thing(name: &str) -> bool {
    let ends = ["Id", "_id", "ID", "Name", "_name"];
    let is_id = ends.iter().any(|end| name.ends_with(end));
    let lower = name.to_ascii_lowercase();
    is_id && !OF_EVENTS.contains(&name) && !OF_CALLS.iter().any(|call| lower.starts_with(call))
}

fn is_id(id: &str, value: Option<&Value>) -> bool {
    value
        .and_then(scalar)
        .is_some_and(|other| other.eq_ignore_ascii_case(id))
}

pub(super) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => trimmed(text).map(Cow::Borrowed),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
