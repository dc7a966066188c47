//! Edges: online or not, and their load.
//!
//! Owns how the load of several processors, disks and networks becomes one reading each.

use super::super::fill::{average, clean, set_text, set_upper};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::timestamp;
use super::message::Message;
use crate::domain::signal::{Reading, Signal};

/// The lists of an Edge's metrics.
const LISTS: [&str; 5] = ["processors", "memory", "disks", "subsystems", "networks"];

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
    for list in LISTS {
        read_list(&mut signal, list, &body.name(list))?;
    }
    if signal.metrics.is_empty() {
        return Err(body.expected("readings of an Edge"));
    }
    Ok(signal)
}

fn identify(signal: &mut Signal, edge: &JsonCursor<'_, '_>, message: &Message<'_, '_>) -> Read<()> {
    let own_id = edge.name("id");
    match own_id.id()? {
        Some(id) => set_text(signal, "edge_id", Some(id)),
        None => set_text(signal, "edge_id", message.topic_id()),
    }
    if !signal.fields.contains_key("edge_id") {
        return Err(own_id.expected("an id"));
    }
    set_text(signal, "edge_name", edge.name("name").text()?);
    Ok(())
}

/// Every number in the elements of `list`, over all elements: `processors.activeTimePct` with
/// its `min`, `max`, `sum`, `count` and `avg`.
fn read_list(signal: &mut Signal, list: &str, cursor: &JsonCursor<'_, '_>) -> Read<()> {
    for index in 0..cursor.elements()?.len() {
        for (key, value) in cursor.index(index).object()?.iter() {
            let Some(number) = value.as_f64() else {
                continue;
            };
            let (name, number) = match key.strip_suffix("Ms") {
                Some(name) => (name, number / 1_000.0),
                None => (key.as_str(), number),
            };
            let name = clean(&format!("{list}.{name}"));
            include(signal.metrics.entry(name).or_default(), number);
        }
    }
    let prefix = format!("{list}.");
    let read = signal.metrics.iter_mut();
    read.filter(|(name, _)| name.starts_with(&prefix))
        .for_each(|(_, reading)| average(reading));
    Ok(())
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
