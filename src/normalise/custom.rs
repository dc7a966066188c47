//! The `custom` format: any JSON, read at the places of `[sources.*.map]`.
//!
//! Owns the form of a mapped value. Unlike `genesys` it takes text such as `"412.5"` for a number,
//! because the operator has pointed at it by hand.

use serde_json::Value;

use super::around::Around;
use super::custom_maps::{CustomMap, CustomMaps, CustomMetric, Unit};
use super::fill::{self, clean};
use super::json_cursor::JsonCursor;
use super::outcome::{Normalised, Outcome};
use super::place::{Place, scalar};
use super::placeholder::is_no_event_id;
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

/// Reads one event of a custom source.
pub(super) fn read(maps: &CustomMaps, root: &JsonCursor<'_, '_>, around: &Around) -> Normalised {
    let item = root.value();
    let received_at = around.time;
    let (map, given) = match root.object().and_then(|_| chosen(maps, item)) {
        Ok(chosen) => chosen,
        Err(mismatch) => {
            return Normalised {
                event_id: event_id(None, item, true, around),
                outcome: Outcome::Mismatch(mismatch),
            };
        }
    };
    let time = map.timestamp.as_deref().map(|at| find(at, item));
    let has_time = !matches!(time, None | Some(Ok(None)));
    let event_id = event_id(given, item, has_time, around);
    let outcome =
        signal(map, root, &event_id, received_at).map(|signal| Outcome::Signals(vec![signal]));
    Normalised {
        event_id,
        outcome: outcome.into(),
    }
}

/// The map for `item`, and the id that it finds.
fn chosen<'m>(
    maps: &'m CustomMaps,
    item: &Value,
) -> Result<(&'m CustomMap, Option<String>), SchemaMismatch> {
    let map = maps.of(item)?;
    let places = map.event_id.as_deref();
    let found = places.map(|at| find(at, item)).transpose()?.flatten();
    Ok((map, found.and_then(|(_, value)| scalar(value))))
}

fn event_id(given: Option<String>, item: &Value, has_time: bool, around: &Around) -> String {
    let given = given.filter(|id| !is_no_event_id(id));
    match given.or_else(|| around.id.clone()) {
        Some(id) => identity::storable(id),
        None if has_time => identity::derived(&[item]),
        None => identity::derived_at(&[item], around.time),
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
    let place = map.timestamp.as_deref();
    let occurred_at = match place.map(|at| find(at, item)).transpose()?.flatten() {
        Some((place, value)) => timestamp::timestamp(value)
            .ok_or_else(|| unfit(place, "an RFC 3339 time or epoch seconds or milliseconds"))?,
        None => received_at,
    };
    let mut signal = Signal::new(event_id, event_type(map, item)?, occurred_at);
    for (name, places) in &map.fields {
        if let Some((place, value)) = find(places, item)? {
            set_field(&mut signal, name, place, value)?;
        }
    }
    for (name, metric) in &map.metrics {
        let reading = reading(metric, item)?;
        if !reading.is_empty() {
            signal.metrics.insert(name.clone(), reading);
        }
    }
    for (name, places) in &map.labels {
        if let Some((place, value)) = find(places, item)? {
            let text = scalar(value).ok_or_else(|| unfit(place, "text, a number or a flag"))?;
            signal.labels.insert(name.clone(), clean(&text));
        }
    }
    check(map, &signal)?;
    fill::derive_fields(&mut signal);
    Ok(signal)
}

fn event_type(map: &CustomMap, item: &Value) -> Result<String, SchemaMismatch> {
    match find(&map.event_type, item)? {
        Some((place, value)) => scalar(value)
            .map(|text| clean(&text))
            .ok_or_else(|| unfit(place, "text (the event's type)")),
        None if map.event_type.is_empty() => Ok("custom".to_owned()),
        None => Err(absent(map.event_type.iter(), "the event's type")),
    }
}

fn set_field(
    signal: &mut Signal,
    name: &'static str,
    place: &Place,
    value: &Value,
) -> Result<(), SchemaMismatch> {
    match name {
        "wait_time_avg" | "connected_duration" | "alert_threshold" => {
            let number = number(value).ok_or_else(|| unfit(place, "a number"))?;
            signal.fields.insert(name, Field::Number(number));
            return Ok(());
        }
        "alert_active" => {
            let flag = value.as_bool();
            let flag = flag.ok_or_else(|| unfit(place, "true or false"))?;
            signal.fields.insert(name, Field::Flag(flag));
            return Ok(());
        }
        _ => {}
    }
    let text = scalar(value).ok_or_else(|| unfit(place, "text, a number or a flag"))?;
    match name {
        "status" | "previous_status" => fill::set_upper(signal, name, Some(text)),
        "media_type" => fill::set_lower(signal, name, Some(text)),
        _ => fill::set_text(signal, name, Some(text)),
    }
    Ok(())
}

fn reading(metric: &CustomMetric, item: &Value) -> Result<Reading, SchemaMismatch> {
    let mut reading = Reading::new();
    for (name, places) in &metric.statistics {
        let Some((place, value)) = find(places, item)? else {
            continue;
        };
        let number = number(value).ok_or_else(|| unfit(place, "a number"))?;
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
        let places = entities().flat_map(|(_, places)| places);
        return Err(absent(places, "what the event is about"));
    }
    let says = |name: &str| matches!(name, "status" | "wait_time_avg");
    let values = || {
        let fields = map.fields.iter().filter(|(name, _)| says(name));
        let statistics = map
            .metrics
            .values()
            .flat_map(|metric| metric.statistics.values());
        fields.map(|(_, places)| places).chain(statistics)
    };
    let has_value = !signal.metrics.is_empty() || signal.fields.keys().any(|name| says(name));
    if values().next().is_some() && !has_value {
        return Err(absent(values().flatten(), "a status or a reading"));
    }
    Ok(())
}

/// The first place at which there is something, and that.
fn find<'m, 'v>(
    places: &'m [Place],
    item: &'v Value,
) -> Result<Option<(&'m Place, &'v Value)>, SchemaMismatch> {
    for place in places {
        if let Some(value) = place.find(item)? {
            return Ok(Some((place, value)));
        }
    }
    Ok(None)
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number| number.is_finite())
}

fn unfit(place: &Place, what: &str) -> SchemaMismatch {
    SchemaMismatch::new(
        place.as_str(),
        format!("expected {what}, found something else"),
    )
}

fn absent<'m>(places: impl Iterator<Item = &'m Place>, what: &str) -> SchemaMismatch {
    let places: Vec<_> = places.map(Place::as_str).collect();
    let first = places.first().copied().unwrap_or_default();
    let problem = format!("expected {what}, found nothing at {}", places.join(", "));
    SchemaMismatch::new(first, problem)
}
