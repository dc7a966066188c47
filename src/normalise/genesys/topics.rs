//! The topics that Ringdown knows, and the content of each.
//!
//! Owns the list. A topic that is not on it goes to review, so that a subscription that is too
//! wide, or a new topic, is seen by somebody.

/// The content of a topic's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Queue,
    Flow,
    /// One reading of one conversation.
    Conversation,
    Trunk,
    TrunkMetrics,
    Edge,
    EdgeMetrics,
    Operational,
    /// The end of a conversation's stay in a queue.
    AcdEnd,
    Alert,
    /// Nothing for us, and why.
    Nothing(&'static str),
}

#[derive(Debug)]
pub(super) struct Topic {
    /// Its name with `{id}` for the id; the type of its signals.
    pub(super) template: &'static str,
    pub(super) content: Content,
}

const fn topic(template: &'static str, content: Content) -> Topic {
    Topic { template, content }
}

const HEARTBEAT: Content = Content::Nothing("a heartbeat of the notification channel");
const CLOSING: Content = Content::Nothing("the notification channel is about to close");
const RULE_CHANGE: Content = Content::Nothing("a change of an alert rule");
const INTERFACES: Content = Content::Nothing("a change of an Edge's network interfaces");
const SOFTWARE: Content = Content::Nothing("progress of an Edge's software update");

/// The busiest topics come first.
static TOPICS: &[Topic] = &[
    topic("v2.analytics.queues.{id}.observations", Content::Queue),
    topic("v2.telephony.providers.edges.trunks.{id}", Content::Trunk),
    topic(
        "v2.telephony.providers.edges.trunks.{id}.metrics",
        Content::TrunkMetrics,
    ),
    topic("v2.telephony.providers.edges.{id}", Content::Edge),
    topic(
        "v2.telephony.providers.edges.{id}.metrics",
        Content::EdgeMetrics,
    ),
    topic(
        "v2.telephony.providers.edges.{id}.logicalinterfaces",
        INTERFACES,
    ),
    topic("v2.telephony.providers.edges.{id}.softwareupdate", SOFTWARE),
    topic("v2.operations.events.{id}", Content::Operational),
    topic(
        "v2.detail.events.conversation.{id}.acd.end",
        Content::AcdEnd,
    ),
    topic("v2.users.{id}.alerting.alerts", Content::Alert),
    topic("v2.users.{id}.alerting.rules", RULE_CHANGE),
    topic("v2.analytics.flow.{id}.aggregates", Content::Flow),
    topic(
        "v2.analytics.conversation.{id}.metrics",
        Content::Conversation,
    ),
    topic("channel.metadata", HEARTBEAT),
    topic("v2.system.socket_closing", CLOSING),
];

/// The topic that `name` (a template, or a name with a real id) belongs to.
pub(super) fn find(name: &str) -> Option<&'static Topic> {
    let mut topics = TOPICS.iter();
    let same = topics.find(|topic| topic.template == name);
    same.or_else(|| TOPICS.iter().find(|topic| matches(topic.template, name)))
}

/// The real id in `name`, a name of the topic `template`.
pub(super) fn id_in<'n>(template: &str, name: &'n str) -> Option<&'n str> {
    let mut segments = template.split('.').zip(name.split('.'));
    segments
        .find(|(wanted, _)| *wanted == "{id}")
        .map(|(_, id)| id)
        .filter(|id| *id != "{id}")
}

fn matches(template: &str, name: &str) -> bool {
    let mut segments = name.split('.');
    let fits = template.split('.').all(|wanted| match segments.next() {
        Some(segment) => wanted == segment || (wanted == "{id}" && !segment.is_empty()),
        None => false,
    });
    let is_whole = fits && segments.next().is_none();
    // A data action's template often names the topic without its id.
    is_whole || template.strip_suffix(".{id}") == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_found_by_its_template_and_by_a_name_with_an_id() {
        for topic in TOPICS {
            let name = topic.template.replace("{id}", "0b4c");
            for spelling in [topic.template, name.as_str()] {
                let found = find(spelling).map(|found| found.template);
                assert_eq!(found, Some(topic.template), "{spelling}");
            }
        }
    }

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        let id = |name| find(name).and_then(|topic| id_in(topic.template, name));
        assert_eq!(id("v2.analytics.queues.7b0f.observations"), Some("7b0f"));
        assert_eq!(id("v2.telephony.providers.edges.trunks.c4"), Some("c4"));
        assert_eq!(id("v2.analytics.queues.{id}.observations"), None);
    }

    #[test]
    fn a_longer_or_shorter_name_is_another_topic() {
        assert!(find("v2.analytics.queues.7b0f").is_none());
        assert!(find("v2.analytics.queues.7b0f.observations.more").is_none());
        assert!(find("v2.analytics.queues..observations").is_none());
    }
}
