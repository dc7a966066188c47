//! Finds the topic that the name of a message belongs to.
//!
//! A topic that the catalogue does not have goes to review, so that a subscription that is too
//! wide, or a new topic, is seen by somebody.

use super::entry::{Content, Topic};

/// The topic that `name` (a template, or a name with real ids) belongs to.
pub fn find(name: &str) -> Option<&'static Topic> {
    let mut topics = named_topics();
    let same = topics.find(|topic| topic.event_type == name);
    same.or_else(|| named_topics().find(|topic| matches(topic.event_type, name)))
}

/// The types of other senders are no topics.
fn named_topics() -> impl Iterator<Item = &'static Topic> {
    let is_topic = |topic: &&Topic| !matches!(topic.content, Content::Guide | Content::StatusPage);
    super::topics().filter(is_topic)
}

/// The first real id in `name`, a name of the topic `template`.
pub(in crate::normalise) fn id_in<'n>(template: &str, name: &'n str) -> Option<&'n str> {
    let mut segments = template.split('.').zip(name.split('.'));
    segments
        .find(|(wanted, _)| *wanted == "{id}")
        .map(|(_, id)| id)
        .filter(|id| *id != "{id}")
}

fn matches(template: &str, name: &str) -> bool {
    // Most topics differ before their first id: that is cheap to see.
    let mut letters = template.bytes().zip(name.bytes());
    let differing = letters.find(|(wanted, letter)| wanted != letter);
    if differing.is_some_and(|(wanted, _)| wanted != b'{') {
        return false;
    }
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
        for topic in named_topics() {
            let name = topic.event_type.replace("{id}", "0b4c");
            let short = topic.event_type.trim_end_matches(".{id}");
            for spelling in [topic.event_type, name.as_str(), short] {
                let found = find(spelling).map(|found| found.event_type);
                assert_eq!(found, Some(topic.event_type), "{spelling}");
            }
        }
    }

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        let id = |name| find(name).and_then(|topic| id_in(topic.event_type, name));
        assert_eq!(id("v2.analytics.queues.7b0f.observations"), Some("7b0f"));
        assert_eq!(id("v2.telephony.providers.edges.trunks.c4"), Some("c4"));
        assert_eq!(id("v2.audits.entitytype.flow.entityid.9e"), Some("flow"));
        assert_eq!(id("v2.analytics.queues.{id}.observations"), None);
    }

    #[test]
    fn a_longer_or_shorter_name_is_another_topic() {
        assert!(find("v2.analytics.queues.7b0f").is_none());
        assert!(find("v2.analytics.queues.7b0f.observations.more").is_none());
        assert!(find("v2.analytics.queues..observations").is_none());
        assert!(find("v2.audits.entitytype.flow").is_none());
    }

    #[test]
    fn a_type_of_the_guide_is_no_topic() {
        assert!(find("telephony.queue.waiting").is_none());
    }
}
