//! The wrapping of a topic's message: an EventBridge envelope, nothing, or a data action's flat
//! body.
//!
//! Owns the wrapping; `content` reads what is inside.

use super::super::around::Around;
use super::super::json_cursor::{JsonCursor, Read};
use super::super::outcome::Outcome;
use super::super::timestamp;
use super::content::read;
use super::message::Message;
use crate::domain::time::Timestamp;
use crate::normalise::catalogue::{self, Topic};

/// The prefix of every envelope's `source` that EventBridge writes for Genesys Cloud.
pub(super) const PARTNER: &str = "aws.partner/genesys.com/";

pub(super) fn envelope(
    item: &JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Read<Outcome> {
    let source = item.name("source");
    let organization = match source.text()? {
        Some(text) => match text.strip_prefix(PARTNER) {
            Some(rest) => rest.split('/').nth(1).filter(|id| !id.is_empty()),
            None => return Err(source.expected(&format!("a source that begins with {PARTNER}"))),
        },
        None => None,
    };
    let detail = item.name("detail");
    detail.object()?;
    let template = item.name("detail-type");
    let name = detail.name("topicName");
    let topic =
        find_topic(&template)?.map_or_else(|| find_topic(&name), |topic| Ok(Some(topic)))?;
    let Some(topic) = topic else {
        let cursor = if name.is_absent() { &template } else { &name };
        return Err(unknown_topic(cursor));
    };
    let body = detail.name("eventBody");
    let time = match timestamp::read(&detail.name("timestamp"))? {
        None => timestamp::read(&item.name("time"))?,
        time => time,
    };
    read(&Message {
        event_id,
        topic,
        name: name.text()?.unwrap_or(topic.event_type),
        body,
        time,
        organization,
        received_at,
    })
}

pub(super) fn bare(
    item: &JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Read<Outcome> {
    named(
        item,
        &item.name("topicName"),
        item.name("eventBody"),
        event_id,
        received_at,
    )
}

/// The content of a message, in a wrapper whose type is the message's topic.
pub(super) fn content(item: &JsonCursor<'_, '_>, around: &Around, event_id: &str) -> Read<Outcome> {
    let name = around.event_type.as_deref().unwrap_or_default();
    let Some(topic) = catalogue::find(name) else {
        return Err(item.mismatch(format!("{name:?} is no topic that Ringdown reads")));
    };
    read(&Message {
        event_id,
        topic,
        name,
        body: *item,
        time: timestamp::read(&item.name("timestamp"))?,
        organization: None,
        received_at: around.time,
    })
}

/// A message whose content stands at the top, as a data action sends it.
pub(super) fn flat(
    item: &JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Read<Outcome> {
    // A data action's author may call it either.
    for key in ["topic", "topicName"] {
        let name = item.name(key);
        if !name.is_absent() {
            return named(item, &name, *item, event_id, received_at);
        }
    }
    let template = "v2.operations.events.{id}";
    match catalogue::find(template) {
        Some(topic) => read(&Message {
            event_id,
            topic,
            name: template,
            body: *item,
            time: timestamp::read(&item.name("timestamp"))?,
            organization: None,
            received_at,
        }),
        None => Err(unknown_topic(&item.name("topic"))),
    }
}

fn named(
    item: &JsonCursor<'_, '_>,
    name: &JsonCursor<'_, '_>,
    body: JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Read<Outcome> {
    let Some(topic) = find_topic(name)? else {
        return Err(unknown_topic(name));
    };
    read(&Message {
        event_id,
        topic,
        name: name.required_text()?,
        body,
        time: timestamp::read(&item.name("timestamp"))?,
        organization: None,
        received_at,
    })
}

fn find_topic(cursor: &JsonCursor<'_, '_>) -> Read<Option<&'static Topic>> {
    Ok(cursor.text()?.and_then(catalogue::find))
}

fn unknown_topic(cursor: &JsonCursor<'_, '_>) -> crate::domain::signal::SchemaMismatch {
    cursor.expected("one of the topics that Ringdown reads (docs/events.md)")
}
