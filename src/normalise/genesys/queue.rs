//! Queues and flows: readings, single conversation metrics, and ends of a stay in a queue.
//!
//! Owns which fields these give. Callers' numbers (`ani`, `dnis`) are personal data and are
//! never read.

use super::super::fill::{self, set_lower, set_number, set_text};
use super::super::json_cursor::Read;
use super::super::outcome::Outcome;
use super::super::timestamp;
use super::message::Message;
use super::readings;
use crate::domain::signal::{Reading, Signal};

/// Readings of a queue or a flow; `key` is its id's name in `group`, `field` ours.
pub(super) fn observation(
    message: &Message<'_, '_>,
    field: &'static str,
    key: &'static str,
) -> Read<Signal> {
    let group = message.body.name("group");
    group.optional_object()?;
    let mut signal = message.signal(None);
    let own_id = group.name(key);
    message.identify(&mut signal, field, &own_id)?;
    set_lower(&mut signal, "media_type", group.name("mediaType").part()?);
    set_text(&mut signal, "division_id", group.name("divisionId").id()?);
    readings::read(&message.body.name("data"), &mut signal)?;
    Ok(signal)
}

/// How a queue stands: one signal for each media type.
pub(super) fn activity(message: &Message<'_, '_>) -> Read<Outcome> {
    let results = message.body.name("results");
    let mut signals = Vec::new();
    for index in 0..results.filled()?.len() {
        let group = results.index(index);
        group.object()?;
        let mut signal = message.signal(None);
        message.identify(&mut signal, "queue_id", &message.body.name("queueId"))?;
        set_lower(&mut signal, "media_type", group.name("mediaType").part()?);
        readings::read_counts(&group.name("data"), &mut signal)?;
        if !signal.metrics.is_empty() {
            fill::derive_fields(&mut signal);
            signals.push(signal);
        }
    }
    if signals.is_empty() {
        return Err(results.mismatch("expected at least one count, found metrics without any"));
    }
    Ok(Outcome::Signals(signals))
}

/// One reading of one conversation, under its metric's name as the statistic `value`.
pub(super) fn conversation(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(timestamp::read(&body.name("metricDate"))?);
    set_text(&mut signal, "queue_id", body.name("queueId").id()?);
    set_text(&mut signal, "edge_id", body.name("edgeId").id()?);
    set_text(
        &mut signal,
        "conversation_id",
        body.name("conversationId").id()?,
    );
    set_lower(&mut signal, "media_type", body.name("mediaType").text()?);
    let metric = body.name("metric").required_text()?;
    let cursor = body.name("value");
    let value = cursor
        .number()?
        .ok_or_else(|| cursor.expected("a number"))?;
    let value = readings::in_seconds(metric, "value", value, &cursor)?;
    let reading = Reading::from([("value".to_owned(), value)]);
    signal.metrics.insert(fill::clean(metric), reading);
    Ok(signal)
}

/// A conversation left its queue.
pub(super) fn acd_end(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(timestamp::read(&body.name("eventTime"))?);
    let queue = body.name("queueId");
    let queue_id = queue.id()?.ok_or_else(|| queue.expected("an id"))?;
    set_text(&mut signal, "queue_id", Some(queue_id));
    let outcome = body.name("acdOutcome").required_text()?;
    set_text(&mut signal, "acd_outcome", Some(outcome));
    set_text(&mut signal, "division_id", body.name("divisionId").id()?);
    set_text(
        &mut signal,
        "conversation_id",
        body.name("conversationId").id()?,
    );
    set_text(
        &mut signal,
        "disconnect_type",
        body.name("disconnectType").text()?,
    );
    set_lower(&mut signal, "media_type", body.name("mediaType").text()?);
    let milliseconds = body.name("connectedDurationMs").number()?;
    let seconds = milliseconds.map(|milliseconds| milliseconds / 1_000.0);
    set_number(&mut signal, "connected_duration", seconds);
    Ok(signal)
}
