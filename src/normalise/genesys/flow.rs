//! Architect flows: the end of a run, and outcomes.
//!
//! Callers' numbers (`ani`, `dnis`) are personal data and are never read.

use super::super::fill::{set_lower, set_number, set_text, set_upper};
use super::super::json_cursor::Read;
use super::super::timestamp;
use super::message::Message;
use super::queue;
use crate::domain::signal::Signal;

const OUTCOME: &str = "FLOW_OUTCOME";

/// A conversation left a flow.
pub(super) fn end(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = run(message)?;
    set_upper(&mut signal, "status", body.name("exitReason").text()?);
    let disconnect = body.name("disconnectType").text()?;
    set_text(&mut signal, "disconnect_type", disconnect);
    let milliseconds = body.name("connectedDurationMs").number()?;
    let seconds = milliseconds.map(|milliseconds| milliseconds / 1_000.0);
    set_number(&mut signal, "connected_duration", seconds);
    Ok(signal)
}

/// An outcome ended in one conversation.
pub(super) fn outcome(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = run(message)?;
    let value = body.name("flowOutcomeValue").required_text()?;
    set_upper(&mut signal, "status", Some(value));
    set_text(&mut signal, "entity_id", body.name("flowOutcomeId").id()?);
    set_text(&mut signal, "entity_type", Some(OUTCOME));
    Ok(signal)
}

/// How often an outcome was reached, or failed.
pub(super) fn outcomes(message: &Message<'_, '_>) -> Read<Signal> {
    let mut signal = queue::observation(message, "entity_id", "flowOutcomeId")?;
    set_text(&mut signal, "entity_type", Some(OUTCOME));
    Ok(signal)
}

/// What every event about one run tells.
fn run(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let mut signal = message.signal(timestamp::read(&body.name("eventTime"))?);
    let flow = body.name("flowId");
    let flow_id = flow.id()?.ok_or_else(|| flow.expected("an id"))?;
    set_text(&mut signal, "flow_id", Some(flow_id));
    set_text(&mut signal, "division_id", body.name("divisionId").id()?);
    let conversation = body.name("conversationId").id()?;
    set_text(&mut signal, "conversation_id", conversation);
    set_lower(&mut signal, "media_type", body.name("mediaType").text()?);
    Ok(signal)
}
