//! Genesys's topics: which there are, and their templates with `{id}`.

/// What a topic's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    QueueStatistics,
    FlowStatistics,
    Trunk,
    TrunkMetrics,
    Edge,
    EdgeMetrics,
    Operational,
    AcdEnd,
    Alert,
    /// Known, and never says anything about trouble.
    Silent(&'static str),
}

/// Template to kind; literal segments before `{id}` where both would fit.
const TOPICS: &[(&str, Topic)] = &[
    ("channel.metadata", Topic::Silent("heartbeat")),
    (
        "v2.system.socket_closing",
        Topic::Silent("the notification channel is closing"),
    ),
    (
        "v2.analytics.queues.{id}.observations",
        Topic::QueueStatistics,
    ),
    ("v2.analytics.flow.{id}.aggregates", Topic::FlowStatistics),
    (
        "v2.telephony.providers.edges.trunks.{id}.metrics",
        Topic::TrunkMetrics,
    ),
    ("v2.telephony.providers.edges.trunks.{id}", Topic::Trunk),
    (
        "v2.telephony.providers.edges.{id}.metrics",
        Topic::EdgeMetrics,
    ),
    (
        "v2.telephony.providers.edges.{id}.logicalinterfaces",
        Topic::Silent("a change of logical interfaces"),
    ),
    (
        "v2.telephony.providers.edges.{id}.softwareupdate",
        Topic::Silent("a software update's progress"),
    ),
    ("v2.telephony.providers.edges.{id}", Topic::Edge),
    ("v2.operations.events.{id}", Topic::Operational),
    ("v2.operations.events", Topic::Operational),
    ("v2.detail.events.conversation.{id}.acd.end", Topic::AcdEnd),
    (
        "v2.analytics.conversation.{id}.metrics",
        Topic::Silent("metrics of one conversation"),
    ),
    ("v2.users.{id}.alerting.alerts", Topic::Alert),
    (
        "v2.users.{id}.alerting.heartbeat.alerts",
        Topic::Silent("heartbeat"),
    ),
    (
        "v2.users.{id}.alerting.rules",
        Topic::Silent("a change of alerting rules"),
    ),
];

impl Topic {
    /// The kind of the topic with the real name `name`.
    pub(super) fn of(name: &str) -> Option<Self> {
        find(name).map(|(_, topic)| *topic)
    }
}

/// The template of the topic `name`: known ones by their pattern, others with every segment
/// that is a UUID replaced.
pub(super) fn template_of(name: &str) -> String {
    if let Some((template, _)) = find(name) {
        return (*template).to_owned();
    }
    name.split('.')
        .map(|segment| {
            if uuid::Uuid::try_parse(segment).is_ok() {
                "{id}"
            } else {
                segment
            }
        })
        .collect::<Vec<_>>()
        .join(".")
}

fn find(name: &str) -> Option<&'static (&'static str, Topic)> {
    TOPICS.iter().find(|(template, _)| matches(template, name))
}

fn matches(template: &str, name: &str) -> bool {
    let mut wanted = template.split('.');
    let mut given = name.split('.');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("{id}"), Some(id)) if !id.is_empty() => {}
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return false,
        }
    }
}
