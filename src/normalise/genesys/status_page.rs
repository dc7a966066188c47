//! What Ringdown itself writes about a status page, so that `explain` can be given such an event.
//!
//! The daemon reads its own by a map (`settings/sections/enrichment.rs`); both give the same.

use super::super::fill::{set_text, set_upper};
use super::super::json_cursor::{JsonCursor, Read};
use super::super::outcome::Outcome;
use super::super::timestamp;
use crate::domain::polling::STATUS_EVENT;
use crate::domain::signal::Signal;
use crate::domain::time::Timestamp;

pub(super) fn read(
    item: &JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Read<Outcome> {
    let at = timestamp::read(&item.name("timestamp"))?.unwrap_or(received_at);
    let mut signal = Signal::new(event_id, STATUS_EVENT, at);
    let status = item.name("status").required_text()?;
    set_text(
        &mut signal,
        "entity_id",
        Some(item.name("entity").required_text()?),
    );
    set_text(&mut signal, "entity_name", item.name("name").text()?);
    set_upper(&mut signal, "status", Some(status));
    set_text(&mut signal, "status_detail", item.name("detail").text()?);
    Ok(Outcome::Signals(vec![signal]))
}
