//! Queue observations and aggregates, and flow aggregates: one body model for both.
//!
//! Genesys's durations are milliseconds; here everything is seconds. A metric comes once per
//! qualifier and is summed. A metric that is not in the message is not there: never zero.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::json::{expected, missing_key, number, text};
use super::{Message, name_by_id};
use crate::domain::signal::{Reading, SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

/// A larger number of milliseconds is a point in time, not a span: 1e12 ms is in 2001.
const SMALLEST_EPOCH_MILLIS: f64 = 1e12;

/// `v2.analytics.queues.{id}.observations`.
pub(super) fn queue(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    let mut signal = grouped(message, "queueId", "queue_id")?;
    if let Some(wait) = signal.metrics.get("tWait").cloned() {
        if let Some(average) = wait.get("avg").copied() {
            signal.fields.insert("wait_time_avg", average.into());
        }
        signal.metrics.insert("queue.waitTime".to_owned(), wait);
    }
    Ok(signal)
}

/// `v2.analytics.flow.{id}.aggregates`.
pub(super) fn flow(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    grouped(message, "flowId", "flow_id")
}

fn grouped(
    message: &Message<'_>,
    id_key: &str,
    id_field: &'static str,
) -> Result<Signal, SchemaMismatch> {
    let group = match message.body.get("group") {
        Some(Value::Object(group)) => group,
        None => return Err(missing_key(message.at("/group"), message.body)),
        other => return Err(expected(message.at("/group"), "an object", other)),
    };
    let mut signal = message.signal();
    let id = text(group.get(id_key))
        .ok_or_else(|| missing_key(message.at(&format!("/group/{id_key}")), group))?;
    signal.fields.insert(id_field, id.into());
    if let Some(media) = text(group.get("mediaType")) {
        signal.part = media.to_lowercase();
        signal
            .fields
            .insert("media_type", signal.part.clone().into());
    }
    if let Some(division) = text(group.get("divisionId")) {
        signal.fields.insert("division_id", division.into());
    }
    signal.metrics = metrics(message)?;
    name_by_id(&mut signal);
    Ok(signal)
}

fn metrics(message: &Message<'_>) -> Result<BTreeMap<String, Reading>, SchemaMismatch> {
    let data = match message.body.get("data") {
        Some(Value::Array(data)) if !data.is_empty() => data,
        None => return Err(missing_key(message.at("/data"), message.body)),
        other => return Err(expected(message.at("/data"), "a list with entries", other)),
    };
    // The latest interval wins, whatever the order; ISO 8601 sorts as text.
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.sort_by_key(|index| {
        data.get(*index)
            .and_then(|entry| entry.get("interval"))
            .and_then(Value::as_str)
            .unwrap_or("~")
    });
    let mut all = BTreeMap::new();
    for index in order {
        if let Some(entry) = data.get(index) {
            all.extend(metrics_of_entry(message, index, entry)?);
        }
    }
    Ok(all)
}

fn metrics_of_entry(
    message: &Message<'_>,
    index: usize,
    entry: &Value,
) -> Result<BTreeMap<String, Reading>, SchemaMismatch> {
    let path = || message.at(&format!("/data/{index}/metrics"));
    let list = match entry.get("metrics") {
        Some(Value::Array(list)) if !list.is_empty() => list,
        other => return Err(expected(path(), "a list with entries", other)),
    };
    let mut readings = BTreeMap::new();
    for (position, metric) in list.iter().enumerate() {
        let path = || format!("{}/{position}", path());
        let Some(metric) = metric.as_object() else {
            return Err(expected(path(), "an object", Some(metric)));
        };
        let name = text(metric.get("metric"))
            .ok_or_else(|| missing_key(format!("{}/metric", path()), metric))?;
        let statistics = match metric.get("stats") {
            Some(Value::Object(statistics)) => statistics,
            None => return Err(missing_key(format!("{}/stats", path()), metric)),
            other => return Err(expected(format!("{}/stats", path()), "an object", other)),
        };
        let qualifier = text(metric.get("qualifier"));
        let reading = readings.entry(name.clone()).or_insert_with(Reading::new);
        add(reading, &name, qualifier, statistics, message.occurred_at).map_err(
            |(statistic, value)| {
                expected(
                    format!("{}/stats/{statistic}", path()),
                    "a number",
                    Some(value),
                )
            },
        )?;
    }
    for reading in readings.values_mut() {
        add_average(reading);
    }
    Ok(readings)
}

/// Adds one entry's statistics to the metric's reading.
fn add<'a>(
    reading: &mut Reading,
    metric: &str,
    qualifier: Option<String>,
    statistics: &'a Map<String, Value>,
    occurred_at: Timestamp,
) -> Result<(), (&'a str, &'a Value)> {
    for (statistic, value) in statistics {
        if value.is_null() {
            continue;
        }
        let value = number(String::new, value).map_err(|_| (statistic.as_str(), value))?;
        if statistic == "count" {
            if let Some(qualifier) = &qualifier {
                reading.insert(qualifier.clone(), value);
            }
            *reading.entry("count".to_owned()).or_insert(0.0) += value;
        } else if metric.starts_with("oLongest") && statistic == "calculatedMetricValue" {
            reading.insert("age".to_owned(), age_in_seconds(value, occurred_at));
        } else if is_duration(metric) && !statistic.starts_with("count") {
            reading.insert(statistic.clone(), value / 1000.0);
        } else {
            reading.insert(statistic.clone(), value);
        }
    }
    Ok(())
}

/// `sum / count`; Genesys's statistics have no average.
fn add_average(reading: &mut Reading) {
    if let (Some(sum), Some(count)) = (reading.get("sum"), reading.get("count"))
        && *count > 0.0
        && !reading.contains_key("avg")
    {
        reading.insert("avg".to_owned(), sum / count);
    }
}

/// Genesys's names of durations begin with a `t` and a capital: `tWait`, `tAnswered`.
fn is_duration(metric: &str) -> bool {
    let mut characters = metric.chars();
    characters.next() == Some('t') && characters.next().is_some_and(char::is_uppercase)
}

/// How long the longest has waited. In practice the value is the time at which it began to
/// wait; read as a span it would be 56 years.
fn age_in_seconds(value: f64, occurred_at: Timestamp) -> f64 {
    if value < SMALLEST_EPOCH_MILLIS {
        return value / 1000.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are far below 2^53"
    )]
    let now = occurred_at.as_millis() as f64;
    ((now - value) / 1000.0).max(0.0)
}
