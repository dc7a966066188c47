//! Ends of conversations in a queue. Telephone numbers are personal data and stay out.

use super::super::json::{number, text, time};
use super::{Message, name_by_id};
use crate::domain::signal::{SchemaMismatch, Signal};

/// `v2.detail.events.conversation.{id}.acd.end`.
pub(super) fn acd_end(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    let queue_id = message.required("queueId")?;
    let mut signal = message.signal();
    if let Some(at) = time(|| message.at("/eventTime"), message.body.get("eventTime"))? {
        signal.occurred_at = at;
    }
    signal.fields.insert("queue_id", queue_id.into());
    for (field, key) in [
        ("division_id", "divisionId"),
        ("conversation_id", "conversationId"),
        ("acd_outcome", "acdOutcome"),
        ("disconnect_type", "disconnectType"),
    ] {
        if let Some(value) = text(message.body.get(key)) {
            signal.fields.insert(field, value.into());
        }
    }
    if let Some(media) = text(message.body.get("mediaType")) {
        signal.part = media.to_lowercase();
        signal
            .fields
            .insert("media_type", signal.part.clone().into());
    }
    if let Some(duration) = message.body.get("connectedDurationMs") {
        let milliseconds = number(|| message.at("/connectedDurationMs"), duration)?;
        signal
            .fields
            .insert("connected_duration", (milliseconds / 1000.0).into());
    }
    name_by_id(&mut signal);
    Ok(signal)
}
