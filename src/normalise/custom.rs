//! The `custom` format: any JSON, read by the pointers of `[sources.*.map]`.
//!
//! Owns the form of a mapped value. Unlike `genesys` it takes text such as `"412.5"` for a
//! number, because the operator has pointed at it by hand. Must not know how the map is
//! written in the configuration.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fill::{self, clean};
use super::json_cursor::{JsonCursor, trimmed};
use super::outcome::{Normalised, Outcome};
use super::pointer::{Pointer, Pointers};
use super::{identity, timestamp};
use crate::domain::signal::{Field, Reading, SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

/// Fields that say which thing an event is about.
const ENTITY_FIELDS: &[&str] = &[
    "queue_id",
    "queue_name",
    "trunk_id",
    "trunk_name",
    "edge_id",
    "edge_name",
    "flow_id",
    "entity_id",
    "entity_name",
    "conversation_id",
    "alert_id",
];

/// The places of values in the events of a custom source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomMap {
    /// The event's id; without it one is derived from the content.
    pub event_id: Option<Pointers>,
    /// The type, by which rules select; without any pointer every event's type is `custom`.
    pub event_type: Pointers,
    /// When it happened; without it the time of arrival counts.
    pub timestamp: Option<Pointers>,
    /// Fields by their name in [`crate::domain::signal::FIELD_NAMES`].
    pub fields: BTreeMap<&'static str, Pointers>,
    /// Metrics by the name that rules use.
    pub metrics: BTreeMap<String, CustomMetric>,
    pub labels: BTreeMap<String, Pointers>,
}

/// Where one metric's statistics are.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomMetric {
    /// Pointers by the statistic's name: `avg`, `count`, `sum`, …
    pub statistics: BTreeMap<String, Pointers>,
    /// The unit the sender uses; rules and templates see seconds.
    pub unit: Unit,
}

impl CustomMap {
    /// Whether the reading `statistic` of `metric` is in seconds, by the unit that the map gives.
    pub fn is_duration(&self, metric: &str, statistic: &str) -> bool {
        let metric = self.metrics.get(metric);
        metric.is_some_and(|metric| metric.unit != Unit::None) && fill::has_unit(statistic)
    }
}

/// The unit of a custom metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, taken as they are.
    Seconds,
    /// Milliseconds, turned into seconds (all statistics but counts and ratios).
    Milliseconds,
    /// Not a duration.
    None,
}

/// Reads one event of a custom source.
pub(super) fn read(
    map: &CustomMap,
    root: JsonCursor<'_, '_>,
    received_at: Timestamp,
) -> Normalised {
    let item = root.value();
    let time = map.timestamp.as_deref().and_then(|at| find(at, item));
    let given = map.event_id.as_deref().and_then(|at| find(at, item));
    let event_id = match given.and_then(|(_, value)| scalar(value)) {
        Some(id) => identity::storable(id),
        None if time.is_none() => identity::derived_at(&[item], received_at),
        None => identity::derived(&[item]),
    };
    let outcome =
        signal(map, &root, &event_id, received_at).map(|signal| Outcome::Signals(vec![signal]));
    Normalised {
        event_id,
        outcome: outcome.into(),
    }
}

fn signal(
    map: &CustomMap,
    root: &JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Result<Signal, SchemaMismatch> {
    root.object()?;
    let item = root.value();
    let occurred_at = match map.timestamp.as_deref().and_then(|at| find(at, item)) {
        Some((pointer, value)) => timestamp::timestamp(value)
            .ok_or_else(|| unfit(pointer, "an RFC 3339 time or epoch seconds or milliseconds"))?,
        None => received_at,
    };
    let mut signal = Signal::new(event_id, event_type(map, item)?, occurred_at);
    for (name, pointers) in &map.fields {
        if let Some((pointer, value)) = find(pointers, item) {
            set_field(&mut signal, name, pointer, value)?;
        }
    }
    for (name, metric) in &map.metrics {
        let reading = reading(metric, item)?;
        if !reading.is_empty() {
            signal.metrics.insert(name.clone(), reading);
        }
    }
    for (name, pointers) in &map.labels {
        if let Some((pointer, value)) = find(pointers, item) {
            let text = scalar(value).ok_or_else(|| unfit(pointer, "text, a number or a flag"))?;
            signal.labels.insert(name.clone(), clean(&text));
        }
    }
    check(map, &signal)?;
    fill::derive_fields(&mut signal);
    Ok(signal)
}

fn event_type(map: &CustomMap, item: &Value) -> Result<String, SchemaMismatch> {
    match find(&map.event_type, item) {
        Some((pointer, value)) => scalar(value)
            .map(|text| clean(&text))
            .ok_or_else(|| unfit(pointer, "text (the event's type)")),
        None if map.event_type.is_empty() => Ok("custom".to_owned()),
        None => Err(absent(map.event_type.iter(), "the event's type")),
    }
}

fn set_field(
    signal: &mut Signal,
    name: &'static str,
    pointer: &Pointer,
    value: &Value,
) -> Result<(), SchemaMismatch> {
    match name {
        "wait_time_avg" | "connected_duration" | "alert_threshold" => {
            let number = number(value).ok_or_else(|| unfit(pointer, "a number"))?;
            signal.fields.insert(name, Field::Number(number));
            return Ok(());
        }
        "alert_active" => {
            let flag = value.as_bool();
            let flag = flag.ok_or_else(|| unfit(pointer, "true or false"))?;
            signal.fields.insert(name, Field::Flag(flag));
            return Ok(());
        }
        _ => {}
    }
    let text = scalar(value).ok_or_else(|| unfit(pointer, "text, a number or a flag"))?;
    match name {
        "status" | "previous_status" => fill::set_upper(signal, name, Some(text)),
        "media_type" => fill::set_lower(signal, name, Some(text)),
        _ => fill::set_text(signal, name, Some(text)),
    }
    Ok(())
}

fn reading(metric: &CustomMetric, item: &Value) -> Result<Reading, SchemaMismatch> {
    let mut reading = Reading::new();
    for (name, pointers) in &metric.statistics {
        let Some((pointer, value)) = find(pointers, item) else {
            continue;
        };
        let number = number(value).ok_or_else(|| unfit(pointer, "a number"))?;
        let is_milliseconds = metric.unit == Unit::Milliseconds && fill::has_unit(name);
        let number = if is_milliseconds {
            number / 1_000.0
        } else {
            number
        };
        reading.insert(name.clone(), number);
    }
    if !reading.contains_key("avg") {
        fill::average(&mut reading);
    }
    Ok(reading)
}

/// Refuses an event in which none of the mapped entities, or none of the mapped values, is
/// there: the sender's format has changed, or the map is wrong.
fn check(map: &CustomMap, signal: &Signal) -> Result<(), SchemaMismatch> {
    let entities = || {
        map.fields
            .iter()
            .filter(|(name, _)| ENTITY_FIELDS.contains(name))
    };
    let has_entity = ENTITY_FIELDS
        .iter()
        .any(|name| signal.fields.contains_key(name));
    if entities().next().is_some() && !has_entity {
        let places = entities().flat_map(|(_, pointers)| pointers);
        return Err(absent(places, "what the event is about"));
    }
    let says = |name: &str| matches!(name, "status" | "wait_time_avg");
    let values = || {
        let fields = map.fields.iter().filter(|(name, _)| says(name));
        let statistics = map
            .metrics
            .values()
            .flat_map(|metric| metric.statistics.values());
        fields.map(|(_, pointers)| pointers).chain(statistics)
    };
    let has_value = !signal.metrics.is_empty() || signal.fields.keys().any(|name| says(name));
    if values().next().is_some() && !has_value {
        return Err(absent(values().flatten(), "a status or a reading"));
    }
    Ok(())
}

/// The first pointer that leads to a value that is not null or blank, and the value.
fn find<'m, 'v>(pointers: &'m [Pointer], item: &'v Value) -> Option<(&'m Pointer, &'v Value)> {
    pointers
        .iter()
        .filter_map(|pointer| Some((pointer, pointer.find(item)?)))
        .find(|(_, value)| value.as_str().is_none_or(|text| trimmed(text).is_some()))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => trimmed(text).map(str::to_owned),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number| number.is_finite())
}

fn unfit(pointer: &Pointer, what: &str) -> SchemaMismatch {
    SchemaMismatch::new(
        pointer.as_str(),
        format!("expected {what}, found something else"),
    )
}

fn absent<'m>(pointers: impl Iterator<Item = &'m Pointer>, what: &str) -> SchemaMismatch {
    let places: Vec<_> = pointers.map(Pointer::as_str).collect();
    let first = places.first().copied().unwrap_or_default();
    let problem = format!("expected {what}, found nothing at {}", places.join(", "));
    SchemaMismatch::new(first, problem)
}
