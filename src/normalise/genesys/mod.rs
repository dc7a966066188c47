//! Format `genesys`: every shape that Genesys Cloud and its users' relays send, told apart by
//! shape alone.
//!
//! Sources of the shapes: the official SDK's topic models, Amazon EventBridge's documentation
//! of partner events and API destinations, and the integration guide's event.

mod alert;
mod conversation;
mod guide;
mod operational;
mod statistics;
mod telephony;
mod topic;

use serde_json::{Map, Value};

use super::json::{expected, missing_key, text, time};
use super::{Read, Reading, identity};
use crate::domain::signal::{SchemaMismatch, Signal};
use crate::domain::time::Timestamp;
use topic::Topic;

/// A topic message, wherever it came from.
struct Message<'a> {
    /// Where its body is, as a JSON pointer.
    path: &'static str,
    topic_name: &'a str,
    event_type: String,
    event_id: String,
    occurred_at: Timestamp,
    body: &'a Map<String, Value>,
}

impl Message<'_> {
    /// A signal of this message's type, id, topic and time.
    fn signal(&self) -> Signal {
        let mut signal = Signal::new(&*self.event_id, &*self.event_type, self.occurred_at);
        signal.topic = Some(self.topic_name.to_owned());
        signal
    }

    /// The path of `rest` in the body.
    fn at(&self, rest: &str) -> String {
        format!("{}{rest}", self.path)
    }

    /// The text at `key` of the body, which must be there.
    fn required(&self, key: &str) -> Result<String, SchemaMismatch> {
        text(self.body.get(key)).ok_or_else(|| match self.body.get(key) {
            None => missing_key(self.at(&format!("/{key}")), self.body),
            found => expected(self.at(&format!("/{key}")), "text", found),
        })
    }
}

/// Reads `item` as whichever shape it has.
pub(super) fn read(item: &Value, received_at: Timestamp) -> (String, Read) {
    let Some(object) = item.as_object() else {
        let mismatch = expected(String::new(), "an object", Some(item));
        return (identity::of_content(&[item]), Err(mismatch));
    };
    if let Some(detail) = object.get("detail").and_then(Value::as_object) {
        return read_envelope(item, object, detail, received_at);
    }
    if object.contains_key("topicName") || object.contains_key("eventBody") {
        return read_bare_message(item, object, received_at);
    }
    if alert::is_rest_alert(object) {
        return alert::read_rest(object, received_at);
    }
    if operational::is_flat(object) {
        return operational::read_flat(item, object, received_at);
    }
    guide::read(item, object, received_at)
}

/// An EventBridge envelope: `detail` holds the topic message.
fn read_envelope(
    item: &Value,
    object: &Map<String, Value>,
    detail: &Map<String, Value>,
    received_at: Timestamp,
) -> (String, Read) {
    let given_id = text(object.get("id"));
    let event_id = given_id.unwrap_or_else(|| content_id(item, detail));
    let read = || {
        let at = match time(|| "/detail/timestamp".into(), detail.get("timestamp"))? {
            Some(at) => at,
            None => time(|| "/time".into(), object.get("time"))?.unwrap_or(received_at),
        };
        message("/detail", detail, event_id.clone(), at)
    };
    let (event_id, mut read) = finish(read(), event_id);
    if let (Ok(Reading::Signals(signals)), Some(organization)) = (&mut read, organization(object)) {
        for signal in signals {
            signal
                .fields
                .insert("organization_id", organization.clone().into());
        }
    }
    (event_id, read)
}

/// A topic message as the notification service sends it: no id, often no time.
fn read_bare_message(
    item: &Value,
    object: &Map<String, Value>,
    received_at: Timestamp,
) -> (String, Read) {
    let event_id = text(object.get("id")).unwrap_or_else(|| content_id(item, object));
    let read = || {
        let at = time(|| "/timestamp".into(), object.get("timestamp"))?.unwrap_or(received_at);
        message("", object, event_id.clone(), at)
    };
    finish(read(), event_id)
}

/// An alert fans out to each recipient under an id of its own; it gets the alert's.
fn finish(
    read: Result<(Option<String>, Reading), SchemaMismatch>,
    event_id: String,
) -> (String, Read) {
    match read {
        Ok((Some(own_id), reading)) => (own_id, Ok(reading)),
        Ok((None, reading)) => (event_id, Ok(reading)),
        Err(mismatch) => (event_id, Err(mismatch)),
    }
}

/// The organisation in an envelope's `source`: `aws.partner/genesys.com/cloud/ORG/SUFFIX`.
fn organization(object: &Map<String, Value>) -> Option<String> {
    let source = object.get("source")?.as_str()?;
    let mut parts = source
        .strip_prefix("aws.partner/genesys.com/")?
        .split('/')
        .skip(1);
    parts.next().filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Derived from topic, time and body: a re-publication with the same content is the same event.
fn content_id(item: &Value, message: &Map<String, Value>) -> String {
    let parts: Vec<&Value> = ["topicName", "timestamp", "eventBody"]
        .iter()
        .filter_map(|key| message.get(*key))
        .collect();
    if parts.is_empty() {
        identity::of_content(&[item])
    } else {
        identity::of_content(&parts)
    }
}

/// Reads the topic message in `holder`; `path` is where the holder is.
fn message(
    path: &'static str,
    holder: &Map<String, Value>,
    event_id: String,
    occurred_at: Timestamp,
) -> Result<(Option<String>, Reading), SchemaMismatch> {
    let topic_name = match holder.get("topicName") {
        Some(Value::String(name)) => name,
        Some(other) => return Err(expected(format!("{path}/topicName"), "text", Some(other))),
        None => return Err(missing_key(format!("{path}/topicName"), holder)),
    };
    let topic = Topic::of(topic_name);
    if let Some(Topic::Silent(why)) = topic {
        return Ok((None, Reading::Nothing(why)));
    }
    let body = match holder.get("eventBody") {
        Some(Value::Object(body)) => body,
        other => return Err(expected(format!("{path}/eventBody"), "an object", other)),
    };
    let message = Message {
        path: if path.is_empty() {
            "/eventBody"
        } else {
            "/detail/eventBody"
        },
        topic_name,
        event_type: topic::template_of(topic_name),
        event_id,
        occurred_at,
        body,
    };
    let signal = match topic {
        Some(Topic::QueueStatistics) => statistics::queue(&message)?,
        Some(Topic::FlowStatistics) => statistics::flow(&message)?,
        Some(Topic::Trunk) => telephony::trunk(&message)?,
        Some(Topic::TrunkMetrics) => telephony::trunk_metrics(&message)?,
        Some(Topic::Edge) => telephony::edge(&message)?,
        Some(Topic::EdgeMetrics) => telephony::edge_metrics(&message)?,
        Some(Topic::Operational) => operational::read_topic(&message)?,
        Some(Topic::AcdEnd) => conversation::acd_end(&message)?,
        Some(Topic::Alert) => {
            let (id, reading) = alert::read_topic(&message)?;
            return Ok((Some(id), reading));
        }
        Some(Topic::Silent(why)) => return Ok((None, Reading::Nothing(why))),
        None => {
            return Err(SchemaMismatch::new(
                format!("{path}/topicName"),
                format!("unknown topic {topic_name:?}"),
            ));
        }
    };
    Ok((None, Reading::Signals(vec![signal])))
}

/// Where an entity has an id but no name, the id stands in for the name: a ticket says which
/// queue it is about, by whatever is known.
pub(super) fn name_by_id(signal: &mut Signal) {
    for (name, id) in [
        ("queue_name", "queue_id"),
        ("trunk_name", "trunk_id"),
        ("edge_name", "edge_id"),
        ("entity_name", "entity_id"),
    ] {
        if !signal.fields.contains_key(name)
            && let Some(id) = signal.fields.get(id).cloned()
        {
            signal.fields.insert(name, id);
        }
    }
}
