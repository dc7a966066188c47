//! Edges: online or not, and their load.
//!
//! Owns how the load of several processors, disks and networks becomes one reading each.

use serde_json::Value;

use super::super::catalogue::EDGE_LISTS;
use super::super::fill::{self, average, clean, set_text, set_upper};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::outcome::Outcome;
use super::super::timestamp;
use super::message::Message;
use crate::domain::signal::{Reading, Signal};

/// Whether an Edge is online.
pub(super) fn status(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(None);
    identify(&mut signal, body, message)?;
    let status = body.name("onlineStatus").required_text()?;
    set_upper(&mut signal, "status", Some(status));
    Ok(signal)
}

pub(super) fn metrics(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(timestamp::read(&body.name("eventTime"))?);
    let edge = body.name("edge");
    edge.optional_object()?;
    identify(&mut signal, &edge, message)?;
    if let Some(milliseconds) = body.name("upTimeMsec").number()? {
        let reading = Reading::from([("value".to_owned(), milliseconds / 1_000.0)]);
        signal.metrics.insert("upTime".to_owned(), reading);
    }
    for (list, row_key) in EDGE_LISTS {
        read_list(&mut signal, list, row_key, &body.name(list))?;
    }
    if signal.metrics.is_empty() {
        return Err(body.expected("readings of an Edge"));
    }
    Ok(signal)
}

/// How far a software update has come; it has no effect as long as no status is told.
pub(super) fn software(message: &Message<'_, '_>) -> Read<Outcome> {
    let body = &message.body;
    let Some(status) = body.name("status").text()? else {
        return Ok(Outcome::Nothing("progress of an Edge's software update"));
    };
    let mut signal = message.signal(None);
    identify(&mut signal, body, message)?;
    set_upper(&mut signal, "status", Some(status));
    set_text(&mut signal, "event_name", Some("Edge software update"));
    fill::derive_fields(&mut signal);
    Ok(Outcome::Signals(vec![signal]))
}

/// A network interface was changed. The topic has the id of the Edge, the content its own.
pub(super) fn interface(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(None);
    message.identify(&mut signal, "edge_id", &body.name("edgeId"))?;
    set_text(&mut signal, "entity_id", body.name("id").id()?);
    set_text(&mut signal, "entity_type", Some("INTERFACE"));
    set_text(&mut signal, "event_name", Some("Edge interface change"));
    let error = body.name("errorInfo");
    error.optional_object()?;
    let status = if error.is_absent() { "OK" } else { "ERROR" };
    set_text(&mut signal, "status", Some(status));
    set_text(&mut signal, "status_detail", error.name("message").text()?);
    set_text(&mut signal, "error_code", error.name("code").code()?);
    Ok(signal)
}

fn identify(signal: &mut Signal, edge: &JsonCursor<'_, '_>, message: &Message<'_, '_>) -> Read<()> {
    message.identify(signal, "edge_id", &edge.name("id"))?;
    set_text(signal, "edge_name", edge.name("name").text()?);
    Ok(())
}

/// Every number in the rows of `list`: of each row as `processors[cpu0].activeTimePct` with its
/// `value`, and over all rows as `processors.activeTimePct` with `min`, `max`, `sum`, `count` and
/// `avg`. The member `row_key` names a row.
fn read_list(
    signal: &mut Signal,
    list: &str,
    row_key: &str,
    cursor: &JsonCursor<'_, '_>,
) -> Read<()> {
    let rows = cursor.elements()?;
    let has_parts = rows.iter().any(|row| is_part(row, row_key));
    for (index, row) in rows.iter().enumerate() {
        let place = cursor.index(index);
        let members = place.object()?;
        let row_name = place.name(row_key).code()?;
        let counts = !has_parts || is_part(row, row_key);
        for (key, value) in members.iter().filter(|(key, _)| *key != row_key) {
            let Some(number) = value.as_f64() else {
                continue;
            };
            let (name, number) = match key.strip_suffix("Ms") {
                Some(name) => (name, number / 1_000.0),
                None => (key.as_str(), number),
            };
            if let Some(row_name) = &row_name {
                let reading = Reading::from([("value".to_owned(), number)]);
                let name = clean(&format!("{list}[{row_name}].{name}"));
                signal.metrics.insert(name, reading);
            }
            if counts {
                let name = clean(&format!("{list}.{name}"));
                include(signal.metrics.entry(name).or_default(), number);
            }
        }
    }
    let prefix = format!("{list}.");
    let read = signal.metrics.iter_mut();
    read.filter(|(name, _)| name.starts_with(&prefix))
        .for_each(|(_, reading)| average(reading));
    Ok(())
}

/// Whether `row` is one of the parts of a list: not their total, and not an empty place such as
/// virtual memory of 0 bytes, whose 0 free bytes would be the least of all.
fn is_part(row: &Value, row_key: &str) -> bool {
    let name = row.get(row_key).and_then(Value::as_str);
    let is_total = name.is_some_and(|name| {
        let name = name.trim_start_matches('_');
        name.eq_ignore_ascii_case("total")
    });
    let size = row.get("totalBytes").and_then(Value::as_f64);
    !is_total && size != Some(0.0)
}

fn include(reading: &mut Reading, number: f64) {
    let mut fold = |name: &str, combine: fn(f64, f64) -> f64, first: f64| {
        let so_far = reading.entry(name.to_owned());
        so_far
            .and_modify(|so_far| *so_far = combine(*so_far, first))
            .or_insert(first);
    };
    fold("min", f64::min, number);
    fold("max", f64::max, number);
    fold("sum", |left, right| left + right, number);
    fold("count", |left, right| left + right, 1.0);
}
