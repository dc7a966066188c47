//! Operational events: as a topic, and as the flat body of a workflow's data action.

use serde_json::{Map, Value};

use super::super::json::{missing_key, text, time};
use super::super::{Read, Reading, identity};
use super::{Message, name_by_id};
use crate::domain::signal::{SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

/// The event type of both forms.
const EVENT_TYPE: &str = "v2.operations.events.{id}";

/// `v2.operations.events.{id}`.
pub(super) fn read_topic(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    message.required("entityId")?;
    let mut signal = message.signal();
    EVENT_TYPE.clone_into(&mut signal.event_type);
    if let Some(at) = time(|| message.at("/timestamp"), message.body.get("timestamp"))? {
        signal.occurred_at = at;
    }
    fill(&mut signal, message.body);
    if let Some(event) = message.body.get("eventEntity").and_then(Value::as_object) {
        set(&mut signal, "event_name", event.get("name"));
        set(&mut signal, "event_description", event.get("description"));
    }
    Ok(signal)
}

/// Whether `object` is the flat body that a data action's template makes.
pub(super) fn is_flat(object: &Map<String, Value>) -> bool {
    object.contains_key("entityId")
        || object.contains_key("eventDefinitionId")
        || object
            .get("topic")
            .and_then(Value::as_str)
            .is_some_and(|topic| topic.starts_with("v2.operations.events"))
}

/// Reads a data action's flat body.
pub(super) fn read_flat(
    item: &Value,
    object: &Map<String, Value>,
    received_at: Timestamp,
) -> (String, Read) {
    let event_id = text(object.get("id"))
        .or_else(|| text(object.get("eventId")))
        .unwrap_or_else(|| identity::of_content(&[item]));
    let read =
        flat_signal(object, &event_id, received_at).map(|signal| Reading::Signals(vec![signal]));
    (event_id, read)
}

fn flat_signal(
    object: &Map<String, Value>,
    event_id: &str,
    received_at: Timestamp,
) -> Result<Signal, SchemaMismatch> {
    if text(object.get("entityId")).is_none() {
        return Err(missing_key("/entityId".to_owned(), object));
    }
    let at = time(|| "/timestamp".into(), object.get("timestamp"))?.unwrap_or(received_at);
    let mut signal = Signal::new(event_id, EVENT_TYPE, at);
    signal.topic = text(object.get("topic"));
    fill(&mut signal, object);
    set(&mut signal, "event_name", object.get("eventName"));
    Ok(signal)
}

fn fill(signal: &mut Signal, body: &Map<String, Value>) {
    for (field, key) in [
        ("entity_id", "entityId"),
        ("entity_name", "entityName"),
        ("entity_type", "entityType"),
        ("status", "currentValue"),
        ("previous_status", "previousValue"),
        ("error_code", "errorCode"),
        ("conversation_id", "conversationId"),
    ] {
        set(signal, field, body.get(key));
    }
    let kind = signal.text("entity_type").map(str::to_lowercase);
    let (id, name) = match kind.as_deref() {
        Some("edge") => ("edge_id", "edge_name"),
        Some("trunk") => ("trunk_id", "trunk_name"),
        Some("queue") => ("queue_id", "queue_name"),
        _ => return name_by_id(signal),
    };
    set(signal, id, body.get("entityId"));
    set(signal, name, body.get("entityName"));
    name_by_id(signal);
}

fn set(signal: &mut Signal, field: &'static str, value: Option<&Value>) {
    if let Some(text) = text(value) {
        signal.fields.insert(field, text.into());
    }
}
