//! The form of the catalogue's entries.

/// An event type that is understood.
#[derive(Debug)]
pub struct Topic {
    /// The name that rules use: a topic with `{id}` for each id, or the type of another sender.
    pub event_type: &'static str,
    /// In one sentence.
    pub meaning: &'static str,
    pub subject: Subject,
    /// The beginning of all event types that are read like this one.
    pub family: Option<&'static str>,
    /// An event may contain only some of them. A name (`queue_name`) that it lacks is the id.
    pub fields: &'static [TopicField],
    /// A message may contain only some of them.
    pub metrics: &'static [TopicMetric],
    /// Whether the sender may give further metrics, under names of its own.
    pub has_other_metrics: bool,
    /// The statuses that are known; empty when it tells none.
    pub statuses: &'static [TopicStatus],
    pub samples: &'static [Sample],
    pub(in crate::normalise) content: Content,
}

impl Topic {
    /// Whether its events have an effect on incidents.
    pub fn has_effect(&self) -> bool {
        self.subject != Subject::Nothing
    }

    /// The field called `name`.
    pub fn field(&self, name: &str) -> Option<&'static TopicField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The metric called `name`, also by the name of one of its rows: `memory[physical].totalBytes`.
    pub fn metric(&self, name: &str) -> Option<&'static TopicMetric> {
        let whole = without_row(name);
        self.metrics.iter().find(|metric| match &whole {
            Some(whole) => metric.row.is_some() && metric.name == whole,
            None => metric.name == name,
        })
    }

    /// The status `word`.
    pub fn status(&self, word: &str) -> Option<&'static TopicStatus> {
        self.statuses.iter().find(|status| status.word == word)
    }
}

/// `memory.totalBytes` for `memory[physical].totalBytes`.
fn without_row(name: &str) -> Option<String> {
    let (list, rest) = name.split_once('[')?;
    let (_, member) = rest.rsplit_once("].")?;
    Some(format!("{list}.{member}"))
}

/// What an event is about, which decides the key of a rule that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Queue,
    Flow,
    Trunk,
    Edge,
    /// A single conversation, in a queue or on an Edge.
    Conversation,
    /// An alert rule, and one of the things that it watches.
    Alert,
    /// Anything else that has an id: a phone, a campaign, an integration.
    Entity,
    /// Nothing that could have an incident.
    Nothing,
}

impl Subject {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Flow => "flow",
            Self::Trunk => "trunk",
            Self::Edge => "Edge",
            Self::Conversation => "conversation",
            Self::Alert => "alert",
            Self::Entity => "entity",
            Self::Nothing => "nothing",
        }
    }

    /// The correlation key of a rule about it, unless the rule has a key of its own.
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::Queue => Some("{{ queue_id or queue_name }}"),
            Self::Flow => Some("{{ flow_id }}"),
            // One logical trunk has an instance on each Edge, all with its name.
            Self::Trunk => Some("{{ trunk_name or trunk_id }}"),
            Self::Edge => Some("{{ edge_id or edge_name }}"),
            Self::Conversation => Some("{{ queue_id or edge_id or conversation_id }}"),
            Self::Alert => Some("{{ alert_rule_id or alert_id }} {{ entity_id or '' }}"),
            Self::Entity => Some("{{ entity_id or entity_name or event_name }}"),
            Self::Nothing => None,
        }
    }
}

/// A field of an event.
#[derive(Debug, Clone, Copy)]
pub struct TopicField {
    /// One of [`FIELD_NAMES`](crate::domain::signal::FIELD_NAMES).
    pub name: &'static str,
    pub value_type: ValueType,
    pub meaning: &'static str,
    pub words: Words,
}

/// The texts that a field can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// Whatever the sender writes, such as a name.
    Free,
    /// A sort of things, whose words are those of the samples, and further ones.
    Sort,
    /// These, and perhaps further ones.
    Usual(&'static [&'static str]),
    /// These only.
    Only(&'static [&'static str]),
}

/// The type of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    Text,
    Number,
    Flag,
}

impl ValueType {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "true or false",
        }
    }
}

/// A metric of an event.
#[derive(Debug, Clone, Copy)]
pub struct TopicMetric {
    pub name: &'static str,
    pub meaning: &'static str,
    pub kind: MetricKind,
    pub statistics: &'static [Statistic],
    /// It comes once for each qualifier, whose name is then a statistic too. The known ones; there
    /// may be more.
    pub qualifiers: Option<&'static [&'static str]>,
    /// It is taken over the rows of a list, and each row has a metric `LIST[ROW].MEMBER` of its own
    /// with the statistic `value`. The key in a row that names it.
    pub row: Option<&'static str>,
}

impl TopicMetric {
    /// The unit of the statistic `name`; of a row when `name` is `value`, of a qualifier when it is
    /// one that is known.
    pub fn unit(&self, name: &str) -> Option<Unit> {
        if let Some(known) = self.statistics.iter().find(|known| known.name == name) {
            return Some(known.unit);
        }
        if self.row.is_some() && name == "value" {
            return self.unit("max");
        }
        let qualifiers = self.qualifiers.unwrap_or_default();
        qualifiers.contains(&name).then_some(Unit::Count)
    }
}

/// What span of time a metric is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// How it is at this moment.
    Now,
    /// Over an interval, mostly of half an hour, that goes on: sums and counts grow within it.
    Interval,
    /// A single conversation.
    Single,
}

impl MetricKind {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Interval => "interval",
            Self::Single => "single",
        }
    }
}

/// A statistic of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistic {
    pub name: &'static str,
    pub unit: Unit,
}

/// The unit of a statistic, as rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Seconds,
    /// Seconds for rules; the sender gives milliseconds.
    SecondsFromMilliseconds,
    /// 0 to 1.
    Ratio,
    /// 0 to 100.
    Percent,
    Bytes,
    BytesPerSecond,
    BitsPerSecond,
}

impl Unit {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Seconds | Self::SecondsFromMilliseconds => "seconds",
            Self::Ratio => "ratio, 0 to 1",
            Self::Percent => "percent, 0 to 100",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes per second",
            Self::BitsPerSecond => "bits per second",
        }
    }

    /// Whether it is a duration.
    pub const fn is_duration(self) -> bool {
        matches!(self, Self::Seconds | Self::SecondsFromMilliseconds)
    }
}

/// A status, always in upper case.
#[derive(Debug, Clone, Copy)]
pub struct TopicStatus {
    pub word: &'static str,
    pub means: Means,
}

/// What a status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    Trouble,
    Fine,
    Neither,
}

impl Means {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Fine => "fine",
            Self::Neither => "neither",
        }
    }
}

/// An event as its sender sends it.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub name: &'static str,
    /// JSON.
    pub body: &'static str,
}

/// Which parser reads the content of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::normalise) enum Content {
    Queue,
    QueueActivity,
    Flow,
    FlowOutcomes,
    /// One reading of one conversation.
    Conversation,
    /// The end of a conversation's stay in a queue.
    AcdEnd,
    FlowEnd,
    FlowOutcome,
    Trunk,
    TrunkMetrics,
    Edge,
    EdgeMetrics,
    EdgeSoftware,
    EdgeInterface,
    Phone,
    Campaign,
    Operational,
    Alert,
    Audit,
    /// The guide's own event.
    Guide,
    /// What polling writes about a status page.
    StatusPage,
    /// Nothing for us, and why.
    Nothing(&'static str),
}
