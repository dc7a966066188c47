//! The event of the original integration guide: `metrics[0].name` and `metrics[0].avg`, or a
//! `trunk` with a `status`.
//!
//! Owns its required values (g19 in docs/building.md): a queue and its average wait, or a trunk
//! and its status. Durations are in seconds here.

use super::super::fill::{
    self, MAX_TEXT_LENGTH, WAIT_TIME, average, clean, set_lower, set_text, set_upper,
};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::outcome::Outcome;
use super::super::placeholder::is_variable;
use super::super::timestamp;
use super::trunk::base_name;
use crate::domain::signal::{Reading, Signal};
use crate::domain::time::Timestamp;
use crate::normalise::catalogue::{self, Content};

/// Where the event's type may be, in order.
pub(super) const TYPE_KEYS: [&str; 4] = ["type", "eventType", "event_type", "topic"];

const QUEUE_WAITING: &str = "telephony.queue.waiting";
const TRUNK_STATUS: &str = "telephony.trunk.status";

/// Statistics that must be numbers wherever they stand.
const STATISTICS: [&str; 9] = [
    "avg", "count", "sum", "min", "max", "current", "ratio", "p95", "p99",
];

pub(super) fn read(
    item: &JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Read<Outcome> {
    let (event_type, is_trunk) = event_type(item)?;
    let occurred_at = timestamp::read(&item.name("timestamp"))?.unwrap_or(received_at);
    let mut signal = Signal::new(event_id, event_type, occurred_at);
    if is_trunk {
        read_trunk(item, &mut signal)?;
    } else {
        read_queue(item, &mut signal)?;
    }
    fill::derive_fields(&mut signal);
    Ok(Outcome::Signals(vec![signal]))
}

/// The event's type, and whether it is about a trunk.
fn event_type(item: &JsonCursor<'_, '_>) -> Read<(String, bool)> {
    let mut given = None;
    for key in TYPE_KEYS {
        if given.is_none() {
            let cursor = item.name(key);
            given = cursor.text()?.map(|text| (key, text));
        }
    }
    let has_trunk = item.has("trunk");
    let Some((key, text)) = given else {
        let implied = if has_trunk {
            TRUNK_STATUS
        } else {
            QUEUE_WAITING
        };
        return Ok((implied.to_owned(), has_trunk));
    };
    if text.starts_with("telephony.queue.") || text.starts_with("telephony.trunk.") {
        return Ok((clean(text), text.starts_with("telephony.trunk.")));
    }
    match catalogue::find(text) {
        Some(topic) if topic.content == Content::Queue => Ok((topic.event_type.to_owned(), false)),
        Some(topic) if topic.content == Content::Trunk => Ok((topic.event_type.to_owned(), true)),
        _ => Err(item
            .name(key)
            .expected(&format!("{QUEUE_WAITING} or {TRUNK_STATUS}"))),
    }
}

fn read_queue(item: &JsonCursor<'_, '_>, signal: &mut Signal) -> Read<()> {
    let metrics = item.name("metrics");
    metrics.filled()?;
    let queue = item.name("queue");
    queue.optional_object()?;
    let id = first_id(&[
        queue.name("id"),
        item.name("queueId"),
        item.name("queue_id"),
    ])?;
    let name = first(&[
        queue.name("name"),
        item.name("queueName"),
        item.name("queue_name"),
    ])?;
    let media = first(&[item.name("mediaType"), queue.name("mediaType")])?;
    let media = media.filter(|media| !is_variable(media));
    let is_named_elsewhere = id.is_some() || name.is_some();
    set_text(signal, "queue_id", id);
    set_text(signal, "queue_name", name);
    set_lower(signal, "media_type", media);
    let first_metric = metrics.index(0);
    first_metric.object()?;
    let label = first_metric.name("name");
    if signal.text("queue_name").is_none() {
        match label.text()? {
            Some(WAIT_TIME | "tWait") if is_named_elsewhere => {}
            Some(WAIT_TIME | "tWait") => return Err(label.expected("the queue's name")),
            text => set_text(signal, "queue_name", text),
        }
    }
    if signal.text("queue_name").is_none() && !is_named_elsewhere {
        return Err(label.expected("the queue's name"));
    }
    if !is_named_elsewhere {
        only_queue(&metrics)?;
    }
    let wait = wait_entry(&metrics)?;
    let entry = metrics.index(wait);
    let reading = reading(&entry)?;
    if !reading.contains_key("avg") {
        return Err(entry.name("avg").expected("the average wait in seconds"));
    }
    signal.metrics.insert(WAIT_TIME.to_owned(), reading);
    read_others(&metrics, signal)
}

/// Refuses a further entry that may be a second queue: where the first one is called like its queue,
/// an average under a name that is no metric's would be lost as a metric of the first.
fn only_queue(metrics: &JsonCursor<'_, '_>) -> Read<()> {
    for index in 1..metrics.elements()?.len() {
        let entry = metrics.index(index);
        let name = entry.name("name").text()?.unwrap_or_default();
        let is_metric = || {
            let mut topics = catalogue::topics();
            name.contains('.') || topics.any(|topic| topic.metric(name).is_some())
        };
        if entry.has("avg") && !name.is_empty() && !is_metric() {
            let problem = format!(
                "{name:?} is no metric, and may be a second queue; send an event for each queue, or \
                 name the queue in queueName"
            );
            return Err(entry.name("name").mismatch(problem));
        }
    }
    Ok(())
}

/// Which of `metrics` is the wait: the one named so, else the first.
fn wait_entry(metrics: &JsonCursor<'_, '_>) -> Read<usize> {
    let named = metrics
        .elements()?
        .iter()
        .position(|entry| entry.get("name").and_then(|name| name.as_str()) == Some(WAIT_TIME));
    Ok(named.unwrap_or(0))
}

fn read_trunk(item: &JsonCursor<'_, '_>, signal: &mut Signal) -> Read<()> {
    let trunk = item.name("trunk");
    trunk.optional_object()?;
    let id = first_id(&[
        trunk.name("id"),
        item.name("trunkId"),
        item.name("trunk_id"),
    ])?;
    let name = first(&[
        trunk.name("name"),
        item.name("trunkName"),
        item.name("trunk_name"),
    ])?;
    if id.is_none() && name.is_none() {
        return Err(trunk.expected("a trunk with an id or a name"));
    }
    set_text(signal, "trunk_id", id);
    set_text(signal, "trunk_name", name.as_deref().map(base_name));
    let cursor = item.name("status");
    let status = first(&[cursor, trunk.name("status")])?;
    let status = status.ok_or_else(|| cursor.expected("the trunk's status"))?;
    set_upper(signal, "status", Some(status));
    read_others(&item.name("metrics"), signal)
}

/// Every entry of `metrics` under its own name.
fn read_others(metrics: &JsonCursor<'_, '_>, signal: &mut Signal) -> Read<()> {
    for index in 0..metrics.elements()?.len() {
        let entry = metrics.index(index);
        entry.object()?;
        let reading = reading(&entry)?;
        if let Some(name) = entry.name("name").text()?
            && !reading.is_empty()
        {
            signal.metrics.entry(clean(name)).or_insert(reading);
        }
    }
    Ok(())
}

/// The statistics of an entry: its numbers.
fn reading(entry: &JsonCursor<'_, '_>) -> Read<Reading> {
    let mut reading = Reading::new();
    for (name, value) in entry.object()?.iter() {
        let number = if STATISTICS.contains(&name.as_str()) {
            entry.name(name).number()?
        } else {
            value.as_f64()
        };
        if let Some(number) = number.filter(|_| name.len() <= MAX_TEXT_LENGTH) {
            reading.insert(clean(name), number);
        }
    }
    if !reading.contains_key("avg") {
        average(&mut reading);
    }
    Ok(reading)
}

/// The first id.
fn first_id(cursors: &[JsonCursor<'_, '_>]) -> Read<Option<String>> {
    for cursor in cursors {
        if let Some(id) = cursor.id()? {
            return Ok(Some(id.into_owned()));
        }
    }
    Ok(None)
}

/// The first name or status.
fn first(cursors: &[JsonCursor<'_, '_>]) -> Read<Option<String>> {
    for cursor in cursors {
        if let Some(text) = cursor.code()? {
            return Ok(Some(text.into_owned()));
        }
    }
    Ok(None)
}
