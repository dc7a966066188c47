//! What is worth asking for: the kinds of things, and their metrics, that the rules look at. Pure.

use std::collections::BTreeSet;

use crate::domain::polling::Kind;
use crate::normalise::Format;
use crate::settings::{EnrichmentSettings, RuleSettings, Settings};

/// Metrics of conversations that an observation query can be asked for. Where one is missing in an
/// answer about a queue, there is no such conversation.
pub(super) const CONVERSATION_METRICS: &[&str] = &[
    "oWaiting",
    "oInteracting",
    "oAlerting",
    "oLongestWaiting",
    "oLongestInteracting",
];

/// The other metrics that it can be asked for.
const USER_METRICS: &[&str] = &[
    "oOnQueueUsers",
    "oOffQueueUsers",
    "oActiveUsers",
    "oMemberUsers",
    "oUserPresences",
    "oUserRoutingStatuses",
];

/// A source whose entities are polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolledSource {
    pub(super) name: String,
    /// Kinds that some rule looks at, in events of this source.
    pub(super) kinds: BTreeSet<Kind>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// An entity of which no source has told anything counts as one of the first.
    pub(super) sources: Vec<PolledSource>,
    /// The metrics of queues that some rule reads.
    pub(super) metrics: Vec<&'static str>,
}

impl Plan {
    /// `None` where no answer could make a difference.
    pub(super) fn of(settings: &Settings, enrichment: &EnrichmentSettings) -> Option<Self> {
        let metrics = metrics_read(settings);
        let named = &enrichment.poll_sources;
        let sources = settings.sources.iter().filter(|(name, source)| {
            source.format == Format::Genesys && (named.is_empty() || named.contains(name))
        });
        let sources = sources.map(|(name, _)| PolledSource {
            name: name.clone(),
            kinds: kinds_of(settings, name, !metrics.is_empty()),
        });
        let sources: Vec<_> = sources.filter(|one| !one.kinds.is_empty()).collect();
        (!sources.is_empty()).then_some(Self { sources, metrics })
    }

    /// The kinds that are asked about.
    pub(super) fn kinds(&self) -> BTreeSet<Kind> {
        let kinds = self.sources.iter().flat_map(|source| &source.kinds);
        kinds.copied().collect()
    }
}

fn kinds_of(settings: &Settings, source: &str, reads_queues: bool) -> BTreeSet<Kind> {
    let looks_at = |kind: &Kind| {
        let mut rules = settings.rules.iter();
        rules.any(|rule| rule.looks_at(source, kind.topic()))
    };
    let kinds = Kind::ALL.into_iter().filter(looks_at);
    kinds
        .filter(|kind| *kind != Kind::Queue || reads_queues)
        .collect()
}

fn metrics_read(settings: &Settings) -> Vec<&'static str> {
    let of_queues = |rule: &&RuleSettings| {
        let mut events = rule.events.iter();
        events.any(|event| event == "*" || event == Kind::Queue.topic())
    };
    let rules = settings.rules.iter().filter(of_queues);
    let expressions = rules.flat_map(|rule| {
        let levels = rule.severity.levels.iter().map(|(_, level)| level);
        let routes = rule.targets.routes.iter().map(|route| &route.when);
        [&rule.when]
            .into_iter()
            .chain(&rule.clear)
            .chain(levels)
            .chain(routes)
    });
    let read: BTreeSet<&String> = expressions.flat_map(|one| &one.reads().metrics).collect();
    let metrics = CONVERSATION_METRICS.iter().chain(USER_METRICS).copied();
    metrics
        .filter(|metric| read.iter().any(|name| name == metric))
        .collect()
}
