//! Operational events, from the topic and from a data action's own template.
//!
//! Owns the two spellings: the topic nests the definition in `eventEntity`, a template usually
//! has `eventName` at the top. Phone numbers and external contacts are never read.

use super::super::fill::{set_text, set_upper};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::timestamp;
use super::message::Message;
use super::trunk::base_name;
use crate::domain::signal::Signal;

/// Something changed its state.
pub(super) fn event(message: &Message<'_, '_>) -> Read<Signal> {
    let body = &message.body;
    let definition = body.name("eventEntity");
    definition.optional_object()?;
    let mut signal = message.signal(timestamp::read(&body.name("timestamp"))?);
    let entity = body.name("entityId");
    set_text(&mut signal, "entity_id", entity.id()?);
    set_text(&mut signal, "entity_name", body.name("entityName").text()?);
    set_text(&mut signal, "entity_type", body.name("entityType").text()?);
    set_upper(&mut signal, "status", body.name("currentValue").scalar()?);
    set_upper(
        &mut signal,
        "previous_status",
        body.name("previousValue").scalar()?,
    );
    let name = definition.name("name").text()?;
    let name = name.map_or_else(|| body.name("eventName").text(), |name| Ok(Some(name)))?;
    set_text(&mut signal, "event_name", name);
    if !names_entity(&signal) && !is_about_organization(&signal, body) {
        return Err(entity.expected("the id of the thing that the event is about"));
    }
    let description = definition.name("description").text()?;
    let description = description.map_or_else(
        || body.name("eventDescription").text(),
        |description| Ok(Some(description)),
    )?;
    set_text(&mut signal, "event_description", description);
    set_text(&mut signal, "error_code", body.name("errorCode").code()?);
    set_text(
        &mut signal,
        "conversation_id",
        body.name("conversationId").id()?,
    );
    name_entity(&mut signal);
    Ok(signal)
}

fn names_entity(signal: &Signal) -> bool {
    let names = ["entity_id", "entity_name"];
    names.iter().any(|name| signal.fields.contains_key(name))
}

/// Whether an event without an entity is about the organisation: it has a name of its own, and no
/// entity was meant. Where there is a type, or a placeholder that was not filled, one was.
fn is_about_organization(signal: &Signal, body: &JsonCursor<'_, '_>) -> bool {
    let has_text = |name: &str| {
        let text = body.name(name).value().as_str();
        text.is_some_and(|text| !text.trim().is_empty())
    };
    let is_entity_meant = ["entityId", "entityName", "entityType"]
        .into_iter()
        .any(has_text);
    signal.fields.contains_key("event_name") && !is_entity_meant
}

/// Fills the fields of the entity's kind, so that a rule's key works for operational events
/// and for the entity's own topic alike.
fn name_entity(signal: &mut Signal) {
    let kind = signal.text("entity_type").map(str::to_ascii_uppercase);
    let (id, name) = match kind.as_deref() {
        Some("EDGE") => ("edge_id", "edge_name"),
        Some("TRUNK") => ("trunk_id", "trunk_name"),
        Some("QUEUE") => ("queue_id", "queue_name"),
        _ => return,
    };
    let entity_id = signal.text("entity_id").map(str::to_owned);
    let entity_name = signal
        .text("entity_name")
        .map(|text| base_name(text).to_owned());
    set_text(signal, id, entity_id);
    set_text(signal, name, entity_name);
}
