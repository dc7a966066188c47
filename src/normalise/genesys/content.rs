//! Which file reads the content of which topic.

use super::super::fill;
use super::super::json_cursor::Read;
use super::super::outcome::Outcome;
use super::message::Message;
use super::{alert, audit, campaign, edge, flow, operational, phone, queue, trunk};
use crate::normalise::catalogue::Content;

/// Reads the content of `message`.
pub(super) fn read(message: &Message<'_, '_>) -> Read<Outcome> {
    if let Content::Nothing(why) = message.topic.content {
        return Ok(Outcome::Nothing(why));
    }
    message.body.object()?;
    let signal = match message.topic.content {
        Content::Alert => return alert::from_topic(message),
        Content::QueueActivity => return queue::activity(message),
        Content::EdgeSoftware => return edge::software(message),
        Content::Audit => return audit::entry(message),
        Content::Nothing(why) => return Ok(Outcome::Nothing(why)),
        // The guide's types are no topics, so no message has this content.
        Content::Guide | Content::StatusPage => {
            return Ok(Outcome::Nothing("another sender's event inside a message"));
        }
        Content::Queue => queue::observation(message, "queue_id", "queueId"),
        Content::Flow => queue::observation(message, "flow_id", "flowId"),
        Content::FlowOutcomes => flow::outcomes(message),
        Content::FlowEnd => flow::end(message),
        Content::FlowOutcome => flow::outcome(message),
        Content::Conversation => queue::conversation(message),
        Content::AcdEnd => queue::acd_end(message),
        Content::Trunk => trunk::status(message),
        Content::TrunkMetrics => trunk::metrics(message),
        Content::Edge => edge::status(message),
        Content::EdgeMetrics => edge::metrics(message),
        Content::EdgeInterface => edge::interface(message),
        Content::Phone => phone::status(message),
        Content::Campaign => campaign::state(message),
        Content::Operational => operational::event(message),
    };
    let mut signal = signal?;
    fill::derive_fields(&mut signal);
    Ok(Outcome::Signals(vec![signal]))
}
