//! What a topic's message came in: an EventBridge envelope, nothing, or a data action's flat body.
//!
//! Owns the wrapping, and which file reads the content of which topic.

use super::super::outcome::Outcome;
use super::super::place::{Place, Read};
use super::super::{fill, moment};
use super::message::Message;
use super::topics::{self, Content, Topic};
use super::{alert, edge, operational, queue, trunk};
use crate::domain::time::Timestamp;

/// The prefix of every envelope's `source` that EventBridge writes for Genesys Cloud.
const PARTNER: &str = "aws.partner/genesys.com/";

/// An EventBridge envelope.
pub(super) fn envelope(
    item: &Place<'_, '_>,
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
        let place = if name.is_absent() { &template } else { &name };
        return Err(unknown_topic(place));
    };
    let body = detail.name("eventBody");
    let time = match moment::read(&detail.name("timestamp"))? {
        None => moment::read(&item.name("time"))?,
        time => time,
    };
    read(&Message {
        event_id,
        topic,
        name: name.text()?.unwrap_or(topic.template),
        body,
        time,
        organization,
        received_at,
    })
}

/// A bare message.
pub(super) fn bare(item: &Place<'_, '_>, event_id: &str, received_at: Timestamp) -> Read<Outcome> {
    named(
        item,
        &item.name("topicName"),
        item.name("eventBody"),
        event_id,
        received_at,
    )
}

/// A message whose content stands at the top, as a data action sends it.
pub(super) fn flat(item: &Place<'_, '_>, event_id: &str, received_at: Timestamp) -> Read<Outcome> {
    let name = item.name("topic");
    if !name.is_absent() {
        return named(item, &name, *item, event_id, received_at);
    }
    let template = "v2.operations.events.{id}";
    match topics::find(template) {
        Some(topic) => read(&Message {
            event_id,
            topic,
            name: template,
            body: *item,
            time: moment::read(&item.name("timestamp"))?,
            organization: None,
            received_at,
        }),
        None => Err(unknown_topic(&name)),
    }
}

fn named(
    item: &Place<'_, '_>,
    name: &Place<'_, '_>,
    body: Place<'_, '_>,
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
        time: moment::read(&item.name("timestamp"))?,
        organization: None,
        received_at,
    })
}

fn find_topic(place: &Place<'_, '_>) -> Read<Option<&'static Topic>> {
    Ok(place.text()?.and_then(topics::find))
}

fn unknown_topic(place: &Place<'_, '_>) -> crate::domain::signal::SchemaMismatch {
    place.expected("one of the topics that Ringdown reads (docs/events.md)")
}

fn read(message: &Message<'_, '_>) -> Read<Outcome> {
    if let Content::Nothing(why) = message.topic.content {
        return Ok(Outcome::Nothing(why));
    }
    message.body.object()?;
    let signal = match message.topic.content {
        Content::Alert => return alert::from_topic(message),
        Content::Nothing(why) => return Ok(Outcome::Nothing(why)),
        Content::Queue => queue::observation(message, "queue_id", "queueId"),
        Content::Flow => queue::observation(message, "flow_id", "flowId"),
        Content::Conversation => queue::conversation(message),
        Content::Trunk => trunk::status(message),
        Content::TrunkMetrics => trunk::metrics(message),
        Content::Edge => edge::status(message),
        Content::EdgeMetrics => edge::metrics(message),
        Content::Operational => operational::event(message),
        Content::AcdEnd => queue::acd_end(message),
    };
    let mut signal = signal?;
    fill::complete(&mut signal);
    Ok(Outcome::Signals(vec![signal]))
}
