//! Format `custom`: any JSON, with a map that says where things are.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::Value;

use super::json::{clean, expected, number, text, time};
use super::{Read, Reading, identity};
use crate::domain::signal::{Field, SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

/// RFC 6901 pointers; the first that leads to a value counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointers(Vec<String>);

/// A text that is not an RFC 6901 pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a JSON pointer: {problem}")]
pub struct BadPointer {
    text: String,
    problem: &'static str,
}

impl Pointers {
    /// Checks `pointers`, which must not be empty.
    ///
    /// # Errors
    ///
    /// [`BadPointer`] for the first that is not a pointer.
    pub fn new(pointers: Vec<String>) -> Result<Self, BadPointer> {
        if pointers.is_empty() {
            return Err(BadPointer {
                text: String::new(),
                problem: "the list is empty",
            });
        }
        for pointer in &pointers {
            check(pointer).map_err(|problem| BadPointer {
                text: pointer.clone(),
                problem,
            })?;
        }
        Ok(Self(pointers))
    }

    /// The first pointer that leads to a value that is not null, and the value.
    fn find<'a>(&self, item: &'a Value) -> Option<(&str, &'a Value)> {
        self.0.iter().find_map(|pointer| {
            item.pointer(pointer)
                .filter(|value| !value.is_null())
                .map(|value| (pointer.as_str(), value))
        })
    }

    fn first(&self) -> String {
        self.0.first().cloned().unwrap_or_default()
    }
}

impl FromStr for Pointers {
    type Err = BadPointer;

    fn from_str(pointer: &str) -> Result<Self, BadPointer> {
        Self::new(vec![pointer.to_owned()])
    }
}

fn check(pointer: &str) -> Result<(), &'static str> {
    if !pointer.starts_with('/') {
        return Err("it must begin with \"/\", as in \"/queue/name\"");
    }
    let mut characters = pointer.chars();
    while let Some(character) = characters.next() {
        if character == '~' && !matches!(characters.next(), Some('0' | '1')) {
            return Err("\"~\" must be written \"~0\", and \"/\" inside a name \"~1\"");
        }
    }
    Ok(())
}

/// The unit of a metric's values in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds; rules and tickets see seconds.
    Milliseconds,
    /// Not a duration.
    None,
}

/// Where a metric's statistics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomMetric {
    /// Statistic (`avg`, `count`) to place.
    pub statistics: BTreeMap<String, Pointers>,
    /// Their unit.
    pub unit: Unit,
}

/// Where things are in a source's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomMap {
    /// The event's id; absent: derived from the content.
    pub event_id: Option<Pointers>,
    /// The event's type.
    pub event_type: Pointers,
    /// When it happened; absent: when it was received.
    pub timestamp: Option<Pointers>,
    /// Fields by their names in `domain::signal::FIELD_NAMES`.
    pub fields: BTreeMap<&'static str, Pointers>,
    /// Metrics by name.
    pub metrics: BTreeMap<String, CustomMetric>,
    /// Labels by name.
    pub labels: BTreeMap<String, Pointers>,
}

/// Reads `item` by `map`.
pub(super) fn read(map: &CustomMap, item: &Value, received_at: Timestamp) -> (String, Read) {
    let event_id = map
        .event_id
        .as_ref()
        .and_then(|pointers| pointers.find(item))
        .and_then(|(_, value)| text(Some(value)))
        .unwrap_or_else(|| identity::of_content(&[item]));
    let read =
        signal(map, item, &event_id, received_at).map(|signal| Reading::Signals(vec![signal]));
    (event_id, read)
}

fn signal(
    map: &CustomMap,
    item: &Value,
    event_id: &str,
    received_at: Timestamp,
) -> Result<Signal, SchemaMismatch> {
    if !item.is_object() {
        return Err(expected(String::new(), "an object", Some(item)));
    }
    let event_type = map
        .event_type
        .find(item)
        .and_then(|(_, value)| text(Some(value)))
        .ok_or_else(|| expected(map.event_type.first(), "the event's type", None))?;
    let occurred_at = match map.timestamp.as_ref().and_then(|at| at.find(item)) {
        Some((pointer, value)) => time(|| pointer.to_owned(), Some(value))?,
        None => None,
    };
    let mut signal = Signal::new(event_id, event_type, occurred_at.unwrap_or(received_at));
    read_fields(map, item, &mut signal)?;
    read_metrics(map, item, &mut signal)?;
    for (name, pointers) in &map.labels {
        if let Some(label) = pointers.find(item).and_then(|(_, value)| text(Some(value))) {
            signal.labels.insert(name.clone(), label);
        }
    }
    if signal.fields.is_empty() && signal.metrics.is_empty() {
        return Err(SchemaMismatch::new(
            "",
            "nothing that the source's map names is there",
        ));
    }
    signal.part = signal
        .text("media_type")
        .map(str::to_lowercase)
        .unwrap_or_default();
    super::genesys::name_by_id(&mut signal);
    Ok(signal)
}

fn read_fields(map: &CustomMap, item: &Value, signal: &mut Signal) -> Result<(), SchemaMismatch> {
    for (name, pointers) in &map.fields {
        let Some((pointer, value)) = pointers.find(item) else {
            continue;
        };
        let field = match value {
            Value::String(text) => Field::Text(clean(text)),
            Value::Bool(flag) => Field::Flag(*flag),
            // An id is text even when the sender writes it as a number.
            Value::Number(id) if name.ends_with("_id") => Field::Text(id.to_string()),
            Value::Number(_) => Field::Number(number(|| pointer.to_owned(), value)?),
            _ => {
                return Err(expected(
                    pointer.to_owned(),
                    "text or a number",
                    Some(value),
                ));
            }
        };
        if field.as_text() != Some("") {
            signal.fields.insert(name, field);
        }
    }
    Ok(())
}

fn read_metrics(map: &CustomMap, item: &Value, signal: &mut Signal) -> Result<(), SchemaMismatch> {
    for (name, metric) in &map.metrics {
        for (statistic, pointers) in &metric.statistics {
            let Some((pointer, value)) = pointers.find(item) else {
                continue;
            };
            let value = number(|| pointer.to_owned(), value)?;
            let value = match metric.unit {
                Unit::Milliseconds if statistic != "count" => value / 1000.0,
                _ => value,
            };
            signal
                .metrics
                .entry(name.clone())
                .or_default()
                .insert(statistic.clone(), value);
        }
    }
    if let Some(wait) = signal
        .metrics
        .get("queue.waitTime")
        .and_then(|reading| reading.get("avg"))
        .copied()
    {
        signal.fields.entry("wait_time_avg").or_insert(wait.into());
    }
    Ok(())
}
