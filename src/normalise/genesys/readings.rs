//! `data[].metrics[]` of an analytics topic, turned into readings.
//!
//! Owns the units (Genesys sends milliseconds; readings are in seconds), which interval
//! counts, and how a metric that comes once per qualifier is added up. A metric that is not
//! in the message is absent, not zero.

use std::collections::BTreeMap;

use super::super::fill::{self, WAIT_TIME, clean};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::timestamp;
use crate::domain::signal::Reading;
use crate::domain::time::Timestamp;

pub(super) type Readings = BTreeMap<String, Reading>;

/// Metrics being gathered, by name.
type Gathering<'v> = BTreeMap<&'v str, Gathered>;

/// From here on a number is a point in time in epoch milliseconds, not a duration.
const EPOCH: f64 = 1e12;

/// Where Genesys keeps the start of the longest wait.
const LONGEST_WAIT_KEYS: [&str; 4] = ["calculatedMetricValue", "current", "max", "sum"];

/// A metric while it is read: the beginning of its interval, and the statistics read so far.
struct Gathered {
    since: Timestamp,
    reading: Reading,
}

/// The readings in `data`; `at` is when the event happened.
pub(super) fn read(data: &JsonCursor<'_, '_>, at: Timestamp) -> Read<Readings> {
    let intervals = data.filled()?;
    let mut order = Vec::new();
    for index in 0..intervals.len() {
        let element = data.index(index);
        element.object()?;
        order.push((since(&element.name("interval"))?, index));
    }
    order.sort_unstable();
    let mut gathered = Gathering::new();
    for (since, index) in order {
        let element = data.index(index);
        let metrics = element.name("metrics");
        for entry in 0..metrics.filled()?.len() {
            gather(&metrics.index(entry), since, at, &mut gathered)?;
        }
    }
    let readings = finish(gathered);
    if readings.is_empty() {
        return Err(data.mismatch("expected at least one statistic, found metrics without any"));
    }
    Ok(readings)
}

/// When the interval begins. What has none is current, and later than any interval.
fn since(interval: &JsonCursor<'_, '_>) -> Read<Timestamp> {
    let Some(text) = interval.text()? else {
        return Ok(Timestamp::from_millis(i64::MAX));
    };
    let start = text.split('/').next().unwrap_or_default();
    timestamp::parse(start).ok_or_else(|| interval.expected("an interval such as start/end"))
}

fn gather<'v>(
    entry: &JsonCursor<'v, '_>,
    since: Timestamp,
    at: Timestamp,
    gathered: &mut Gathering<'v>,
) -> Read<()> {
    entry.object()?;
    let metric = entry.name("metric").required_text()?;
    let qualifier = entry.name("qualifier").text()?;
    let stats = entry.name("stats");
    let slot = gathered.entry(metric).or_insert_with(|| Gathered {
        since,
        reading: Reading::new(),
    });
    if slot.since < since {
        slot.since = since;
        slot.reading.clear();
    }
    if metric.starts_with("oLongest") {
        return longest(&stats, at, &mut slot.reading);
    }
    for name in stats.object()?.keys() {
        let cursor = stats.name(name);
        let Some(number) = cursor.number()? else {
            continue;
        };
        let number = in_seconds(metric, name, number, &cursor)?;
        add(&mut slot.reading, name, number);
        if name == "count"
            && let Some(qualifier) = qualifier.filter(|name| *name != "count")
        {
            slot.reading.insert(clean(qualifier), number);
        }
    }
    Ok(())
}

/// Adds a statistic to those of other qualifiers. Sums and counts add up; of extremes the
/// more extreme counts; anything else (a ratio, a target) cannot be added, and the last counts.
fn add(reading: &mut Reading, name: &str, number: f64) {
    let Some(present) = reading.get_mut(name) else {
        reading.insert(clean(name), number);
        return;
    };
    *present = match name {
        "count" | "sum" | "countNegative" | "countPositive" | "numerator" | "denominator" => {
            *present + number
        }
        "min" => present.min(number),
        "max" => present.max(number),
        _ => number,
    };
}

/// How long the longest wait lasts by now. Genesys gives its start as epoch milliseconds;
/// read as a duration that would be a wait of 56 years.
fn longest(stats: &JsonCursor<'_, '_>, at: Timestamp, reading: &mut Reading) -> Read<()> {
    stats.object()?;
    if let Some(count) = stats.name("count").number()? {
        add(reading, "count", count);
    }
    for name in LONGEST_WAIT_KEYS {
        let Some(number) = stats.name(name).number()? else {
            continue;
        };
        let milliseconds = if number > EPOCH {
            at.as_millis() as f64 - number
        } else {
            number
        };
        let age = (milliseconds / 1_000.0).max(0.0);
        let oldest = reading.get("age").copied().unwrap_or_default().max(age);
        reading.insert("age".to_owned(), oldest);
        return Ok(());
    }
    Ok(())
}

/// Whether a statistic is a duration: one with a unit, of a metric named like `tWait`.
pub(in crate::normalise) fn is_duration(metric: &str, statistic: &str) -> bool {
    let mut letters = metric.chars();
    letters.next() == Some('t')
        && letters.next().is_some_and(char::is_uppercase)
        && fill::has_unit(statistic)
}

/// `number` in seconds when it is a duration.
pub(super) fn in_seconds(
    metric: &str,
    statistic: &str,
    number: f64,
    cursor: &JsonCursor<'_, '_>,
) -> Read<f64> {
    if !is_duration(metric, statistic) {
        return Ok(number);
    }
    if number > EPOCH {
        return Err(cursor.expected("a duration in milliseconds"));
    }
    Ok(number / 1_000.0)
}

/// Computes averages, drops metrics without statistics, and names the wait as the guide does.
fn finish(gathered: Gathering<'_>) -> Readings {
    let mut readings = Readings::new();
    for (name, mut gathered) in gathered {
        if !gathered.reading.is_empty() {
            fill::average(&mut gathered.reading);
            readings.insert(clean(name), gathered.reading);
        }
    }
    if let Some(wait) = readings.get("tWait").cloned() {
        readings.insert(WAIT_TIME.to_owned(), wait);
    }
    readings
}
