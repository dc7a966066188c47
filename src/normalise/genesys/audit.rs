//! Entries of the audit log.
//!
//! Owns which of them say how an action ended. Who did it, and from which address, is never read.

use super::super::fill::{self, set_text, set_upper};
use super::super::json_cursor::Read;
use super::super::outcome::Outcome;
use super::super::timestamp;
use super::message::Message;

/// The result of an action, where the entry tells one.
pub(super) fn entry(message: &Message<'_, '_>) -> Read<Outcome> {
    let body = &message.body;
    let action = body.name("action").required_text()?;
    let status = match body.name("status").text()? {
        Some(status) => status,
        None if action.ends_with("Failed") => "FAILURE",
        None => return Ok(Outcome::Nothing("an audit entry that tells no failure")),
    };
    let mut signal = message.signal(timestamp::read(&body.name("eventTime"))?);
    set_upper(&mut signal, "status", Some(status));
    set_text(&mut signal, "event_name", Some(action));
    let told = body.name("message");
    told.optional_object()?;
    set_text(
        &mut signal,
        "event_description",
        told.name("message").text()?,
    );
    let code = told.name("localizableMessageCode").text()?;
    set_text(&mut signal, "error_code", code);
    set_text(&mut signal, "entity_type", body.name("entityType").text()?);
    let entity = body.name("entity");
    entity.optional_object()?;
    set_text(&mut signal, "entity_id", entity.name("id").id()?);
    set_text(&mut signal, "entity_name", entity.name("name").text()?);
    fill::derive_fields(&mut signal);
    Ok(Outcome::Signals(vec![signal]))
}
