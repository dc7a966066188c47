//! A signal: an event after normalisation, with its kind, entity, readings and time.
//!
//! Owns the names by which rules and templates see an event. A value that was missing or null in
//! the event is absent here, never an empty string or zero.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::time::Timestamp;

/// Every field a signal can carry, by the name that rules and templates use for it.
///
/// Durations are in seconds for every sender.
pub const FIELD_NAMES: &[&str] = &[
    "queue_id",
    "queue_name",
    "media_type",
    "division_id",
    "division",
    "wait_time_avg",
    "trunk_id",
    "trunk_name",
    "edge_id",
    "edge_name",
    "flow_id",
    "status",
    "previous_status",
    "status_detail",
    "entity_id",
    "entity_name",
    "entity_type",
    "event_name",
    "event_description",
    "error_code",
    "conversation_id",
    "acd_outcome",
    "disconnect_type",
    "connected_duration",
    "alert_id",
    "alert_action",
    "alert_active",
    "alert_rule_id",
    "alert_rule_name",
    "alert_metric",
    "alert_threshold",
    "organization_id",
];

/// Names that every signal has besides its fields.
pub const COMMON_NAMES: &[&str] = &[
    "event_payload_id",
    "event_type",
    "topic",
    "timestamp",
    "source",
    "metrics",
    "labels",
];

/// One field's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Field {
    /// Text, as the sender wrote it.
    Text(String),
    /// A finite number.
    Number(f64),
    /// A truth value.
    Flag(bool),
}

impl Field {
    /// The text, when this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Flag(_) => None,
        }
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Field {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// The statistics of one metric: `avg`, `count`, `sum`, `min`, `max`, … by name.
///
/// A metric that came once per qualifier holds the sum as `count` and each qualifier's own
/// count under the qualifier's name (`metrics[oOnQueueUsers].IDLE`).
pub type Reading = BTreeMap<String, f64>;

/// The content of one event about one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The event's id as the sender gave it, or one derived from its content.
    pub event_payload_id: String,
    /// `telephony.queue.waiting`, or a topic template such as
    /// `v2.analytics.queues.{id}.observations`. Rules select by it.
    pub event_type: Cow<'static, str>,
    /// The topic with its real id, where there is one.
    pub topic: Option<String>,
    /// When it happened, by the sender's clock.
    pub occurred_at: Timestamp,
    /// Which part of the entity this is about: a queue's media type, a trunk's instance. An
    /// incident has recovered when every part that breached has cleared. Empty when the
    /// entity has no parts.
    pub part: String,
    /// Fields by their name in [`FIELD_NAMES`].
    pub fields: BTreeMap<&'static str, Field>,
    /// Readings by metric name: Genesys's own (`tWait`, `oWaiting`) and `queue.waitTime`.
    pub metrics: BTreeMap<String, Reading>,
    /// The qualifiers of metrics that came once for each qualifier. Such a reading is the whole only
    /// together with the qualifiers that other messages tell.
    pub qualifiers: BTreeMap<String, Vec<String>>,
    /// Free labels (`site`, `region`), from the format's mapping.
    pub labels: BTreeMap<String, String>,
}

impl Signal {
    /// A signal with no fields, metrics or labels yet.
    pub fn new(
        event_payload_id: impl Into<String>,
        event_type: impl Into<Cow<'static, str>>,
        occurred_at: Timestamp,
    ) -> Self {
        Self {
            event_payload_id: event_payload_id.into(),
            event_type: event_type.into(),
            topic: None,
            occurred_at,
            part: String::new(),
            fields: BTreeMap::new(),
            metrics: BTreeMap::new(),
            qualifiers: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }

    /// The text of a field, when it is there and is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Field::as_text)
    }
}

/// The content of an event that `normalise` could read.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// One signal per entity the event is about; never empty.
    Signals(Vec<Signal>),
    /// Nothing that could begin or end an incident, such as a heartbeat; the text says why.
    Nothing(&'static str),
}

/// Why an event could not be turned into a signal: the reason on its review item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SchemaMismatch {
    /// An RFC 6901 pointer to the place in the event; empty for the whole of it.
    pub path: String,
    /// The expected form, and the form that was found.
    pub problem: String,
}

impl SchemaMismatch {
    /// A mismatch at `path`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
        }
    }
}
