//! The catalogue: every event type that Ringdown understands, with its fields, metrics, statuses
//! and samples.
//!
//! Owns the one table of them. The parsers take their topics from it; the reference in
//! `docs/events.md`, `ringdown catalogue`, the default keys of rules and the check of the
//! configuration are made from it. Plain data: it reads no event.

/// The sample in the file of this name.
macro_rules! sample {
    ($name:literal) => {
        Sample {
            name: $name,
            body: include_str!(concat!("samples/", $name, ".json")),
        }
    };
}

mod analytics;
mod conversations;
mod entry;
mod fields;
mod metrics;
mod names;
mod operations;
mod outbound;
mod senders;
mod statuses;
mod telephony;
#[cfg(test)]
mod tests;
mod words;

pub(super) use entry::Content;
pub use entry::{
    Means, MetricKind, Sample, Statistic, Subject, Topic, TopicField, TopicMetric, TopicStatus,
    Unit, ValueType, Words,
};
pub(super) use metrics::EDGE_LISTS;
pub use names::find;
pub(super) use names::id_in;
pub use words::with_tables;

/// Every event type, those of the busiest topics first.
static TOPICS: &[&Topic] = &[
    &analytics::QUEUE_OBSERVATIONS,
    &telephony::TRUNK,
    &telephony::TRUNK_METRICS,
    &telephony::PHONE,
    &telephony::EDGE,
    &telephony::EDGE_METRICS,
    &analytics::QUEUE_ACTIVITY,
    &conversations::ACD_END,
    &conversations::METRICS,
    &conversations::FLOW_END,
    &conversations::FLOW_OUTCOME,
    &telephony::EDGE_SOFTWARE,
    &telephony::EDGE_INTERFACES,
    &operations::EVENTS,
    &operations::ALERTS,
    &operations::AUDITS,
    &analytics::FLOW_AGGREGATES,
    &analytics::FLOW_OUTCOME_AGGREGATES,
    &outbound::CAMPAIGN,
    &outbound::MESSAGING_CAMPAIGN,
    &outbound::EMAIL_CAMPAIGN,
    &outbound::WHATSAPP_CAMPAIGN,
    &senders::QUEUE_WAITING,
    &senders::TRUNK_STATUS,
    &senders::STATUS_PAGE,
    &operations::ALERT_RULES,
    &senders::HEARTBEAT,
    &senders::SOCKET_CLOSING,
];

/// Every event type that is understood.
pub fn topics() -> impl Iterator<Item = &'static Topic> {
    TOPICS.iter().copied()
}

/// The entry of `event_type`. Further types of the guide's families (`telephony.queue.…`) have the
/// entry of their family.
pub fn topic(event_type: &str) -> Option<&'static Topic> {
    let is_of_family =
        |topic: &&Topic| (topic.family).is_some_and(|family| event_type.starts_with(family));
    topics()
        .find(|topic| topic.event_type == event_type)
        .or_else(|| topics().find(is_of_family))
}

/// The words by which senders whose statuses are not listed say how something is.
pub const fn usual_statuses() -> &'static [TopicStatus] {
    statuses::USUAL
}

/// Whether it is known what `status` means in an event of this type. Any other status may mean
/// anything, so it ends no incident.
pub fn is_known_status(event_type: &str, status: &str) -> bool {
    let own = topic(event_type).map(|topic| topic.statuses);
    let known = own.filter(|own| !own.is_empty());
    let mut known = known.unwrap_or(statuses::USUAL).iter();
    known.any(|known| known.word == status)
}
