//! `data[].metrics[]` of an analytics topic, turned into readings.
//!
//! Owns the units (Genesys sends milliseconds; readings are in seconds), which interval
//! counts, and how a metric that comes once per qualifier is added up. A metric that is not
//! in the message is absent, not zero.

use std::collections::BTreeMap;

use super::super::fill::{self, WAIT_TIME, clean};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::timestamp;
use crate::domain::signal::{Reading, Signal};
use crate::domain::time::Timestamp;

/// Metrics being gathered, by name.
type Gathering<'v> = BTreeMap<&'v str, Gathered>;

/// From here on a number is a point in time in epoch milliseconds, not a duration.
const EPOCH: f64 = 1e12;

/// The beginning of the metrics that tell how long the longest one lasts.
const LONGEST: &str = "oLongest";

/// Where Genesys keeps the start of the longest wait.
const LONGEST_WAIT_KEYS: [&str; 4] = ["calculatedMetricValue", "current", "max", "sum"];

/// A metric while it is read: the beginning of its interval, and the statistics read so far.
struct Gathered {
    since: Timestamp,
    /// Of the whole.
    reading: Reading,
    /// Of all qualifiers together, and the count of each under its name.
    by_qualifier: Reading,
    qualifiers: Vec<String>,
}

/// Puts the readings in `data` into `signal`.
pub(super) fn read(data: &JsonCursor<'_, '_>, signal: &mut Signal) -> Read<()> {
    let at = signal.occurred_at;
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
    finish(gathered, signal);
    if signal.metrics.is_empty() {
        return Err(data.mismatch("expected at least one statistic, found metrics without any"));
    }
    Ok(())
}

/// Puts the counts in `data` into `signal`: of each metric its `count`, and of the longest ones how
/// long they last.
pub(super) fn read_counts(data: &JsonCursor<'_, '_>, signal: &mut Signal) -> Read<()> {
    let at = signal.occurred_at;
    for index in 0..data.elements()?.len() {
        let entry = data.index(index);
        entry.object()?;
        let metric = entry.name("metric").required_text()?;
        let mut reading = Reading::new();
        if metric.starts_with(LONGEST) {
            longest(&entry, at, &mut reading)?;
        } else if let Some(count) = entry.name("count").number()? {
            reading.insert("count".to_owned(), count);
        }
        if !reading.is_empty() {
            signal.metrics.insert(clean(metric), reading);
        }
    }
    Ok(())
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
    let qualifier = entry.name("qualifier").part()?;
    let stats = entry.name("stats");
    let slot = gathered.entry(metric).or_insert_with(|| Gathered {
        since,
        reading: Reading::new(),
        by_qualifier: Reading::new(),
        qualifiers: Vec::new(),
    });
    if slot.since < since {
        slot.since = since;
        slot.reading.clear();
        slot.by_qualifier.clear();
        slot.qualifiers.clear();
    }
    let reading = match qualifier {
        Some(_) => &mut slot.by_qualifier,
        None => &mut slot.reading,
    };
    if metric.starts_with(LONGEST) {
        return longest(&stats, at, reading);
    }
    for name in stats.object()?.keys() {
        let cursor = stats.name(name);
        let Some(number) = cursor.number()? else {
            continue;
        };
        let number = in_seconds(metric, name, number, &cursor)?;
        add(reading, name, number);
        if name == "count"
            && let Some(qualifier) = qualifier.filter(|name| *name != "count")
        {
            let qualifier = clean(qualifier);
            reading.insert(qualifier.clone(), number);
            slot.qualifiers.push(qualifier);
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
fn finish(gathered: Gathering<'_>, signal: &mut Signal) {
    for (name, mut gathered) in gathered {
        // The whole, where the message gives it, counts; the qualifiers only add their names.
        let is_whole = !gathered.reading.is_empty();
        for (name, number) in gathered.by_qualifier {
            gathered.reading.entry(name).or_insert(number);
        }
        if gathered.reading.is_empty() {
            continue;
        }
        fill::average(&mut gathered.reading);
        let name = clean(name);
        if !is_whole && !gathered.qualifiers.is_empty() {
            signal.qualifiers.insert(name.clone(), gathered.qualifiers);
        }
        signal.metrics.insert(name, gathered.reading);
    }
    if let Some(wait) = signal.metrics.get("tWait").cloned() {
        signal.metrics.insert(WAIT_TIME.to_owned(), wait);
    }
    if let Some(qualifiers) = signal.qualifiers.get("tWait").cloned() {
        signal.qualifiers.insert(WAIT_TIME.to_owned(), qualifiers);
    }
}
