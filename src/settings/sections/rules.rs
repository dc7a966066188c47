//! `[rules.NAME]`: when is it an incident.

use std::time::Duration;

use serde_json::json;

use super::server::NONE;
use crate::domain::incident::FlappingPolicy;
use crate::domain::severity::Severity;
use crate::normalise::catalogue::topic;
use crate::rules::{Expression, Routing, Template, Unsatisfiable, unsatisfiable};
use crate::settings::declare::{
    Crms, Declared, Kind, Setting, Shape, keys, list, read_from_toml, section, some, table,
};
use crate::settings::kinds::{
    condition, duration, event_type, expression, name_of, one_of, positive_duration, routes,
    severity as severity_name, template, whole,
};
use crate::settings::read::{Entry, Section};
use crate::settings::value::{Table, ValueKind};

/// So many starts of a key's trouble can be remembered.
const MAX_STARTS: u32 = 20;

section! {
    /// `[rules.NAME]`.
    pub struct RuleSettings checked by warn_of_idle {
        /// the rule's name
        name: String = Setting::own_name(str::to_owned),
        /// event types that the rule evaluates
        events: Vec<String> = some("event types", event_type()).required(),
        /// only signals of these sources are evaluated, and these sources count as one; empty:
        /// signals of all sources are evaluated, and each source can end only what it reported
        /// ([incidents.md](incidents.md))
        sources: Vec<String> = list("sources", name_of("sources", "source")).default(NONE),
        /// the signal is a breach when this holds
        when: Expression = condition().required(),
        /// the signal is a recovery when this holds
        clear: Option<Expression> = condition().optional("not `when`; nothing with `at_least` above 1"),
        /// how old a reading or status of another message may be, compared with the newest message
        /// about the same entity; an older one counts as missing ([rules.md](rules.md#freshness))
        fresh: Option<Duration> = positive_duration().optional("`5m` for readings; a status is valid until the next one"),
        /// breach only when so many signals match `when` …
        at_least: u32 = whole(1, 1_000).default(1_i64),
        /// … within this time ([rules.md](rules.md#counting))
        within: Duration = positive_duration().default("10m"),
        /// the breach must last this long before a ticket is opened
        hold_for as "for": Duration = duration().default("0s"),
        /// the recovery must last this long
        clear_for: Duration = duration().default("2m"),
        /// when no breach arrives for so long, the incident has recovered
        quiet_after: Duration = positive_duration().default("30m"),
        /// the correlation key: one incident per key; a key longer than 1,000 bytes is replaced
        /// by its beginning and a digest
        key: Template = template().default_from(
            "what the events are about, such as `{{ queue_id or queue_name }}`: [events.md](events.md#keys)",
            default_key,
        ),
        /// no new ticket for a key within this time after its last new ticket
        burst_lock: Duration = duration().default("60s"),
        /// shortest time between two comments on a lasting breach; `0s`: no such comments
        update_every: Duration = duration().default("15m"),
        /// severity of its incidents
        severity: SeverityLevels = severity().default("high"),
        /// what is written to the ticket when the incident has recovered
        on_recovery: OnRecovery = one_of(ON_RECOVERY).default("comment"),
        /// when trouble comes and goes, the incident stays open:
        /// [incidents.md](incidents.md#flapping); `false`: no flapping detection
        flapping: Option<FlappingPolicy> = flapping().or_empty(),
        /// in order of preference; failover follows this order; see below
        targets: Routing = routes().required(),
    }
}

read_from_toml!(RuleSettings);

impl RuleSettings {
    /// Whether it looks at signals of this source and type.
    pub(crate) fn looks_at(&self, source: &str, event_type: &str) -> bool {
        self.hears(source) && self.looks_at_type(event_type)
    }

    /// Whether it looks at signals of this source.
    pub(crate) fn hears(&self, source: &str) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|name| name == source)
    }

    /// Whether it looks at signals of this type; of `*`, whether it looks at every one.
    pub(crate) fn looks_at_type(&self, event_type: &str) -> bool {
        let mut events = self.events.iter();
        events.any(|wanted| wanted == "*" || wanted == event_type)
    }
}

/// What happens on the ticket when its incident has recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRecovery {
    Comment,
    Resolve,
    None,
}

pub(crate) const ON_RECOVERY: &[(&str, OnRecovery)] = &[
    ("comment", OnRecovery::Comment),
    ("resolve", OnRecovery::Resolve),
    ("none", OnRecovery::None),
];

keys! {
    for FlappingPolicy {
        /// trouble that starts more often than this …
        times: u32 = whole(1, MAX_STARTS).default(4_i64),
        /// … within this time is flapping
        within: Duration = positive_duration().default("1h"),
        /// flapping ends when no breach has arrived for so long
        quiet_period as "calm": Duration = positive_duration().default("15m"),
    }
}

section! {
    /// The severity of a rule's incidents.
    pub struct SeverityLevels {
        /// levels whose expression gives the severity, the worst first; empty: always `default`
        levels: Vec<(Severity, Expression)> = Setting::special(read_levels, declared_levels),
        /// the severity when no expression holds
        default: String = severity_name().default("medium"),
    }
}

/// `severity = "high"`, or a table with an expression for each level.
fn severity() -> Kind<SeverityLevels> {
    let fixed = severity_name();
    let by_level = table::<SeverityLevels>();
    let type_name = format!("{}, or a table", fixed.type_name());
    let shape = Shape::Either(vec![fixed.shape().clone(), by_level.shape().clone()]);
    Kind::composite(type_name, shape, move |entry| {
        if entry.table().is_err() {
            let levels = Vec::new();
            return fixed
                .read(entry)
                .map(|default| SeverityLevels { levels, default });
        }
        let severity = by_level.read(entry)?;
        let names_a_level = |table: Table| table.keys().any(|key| key != "default");
        if !entry.table().is_ok_and(names_a_level) {
            entry.fault("names no level; write for example high = \"metrics[tWait].avg > 300\"");
            return None;
        }
        Some(severity)
    })
}

fn read_levels(section: &Section<'_>) -> Option<Vec<(Severity, Expression)>> {
    let kind = expression();
    let read: Vec<_> = Severity::WORST_FIRST
        .into_iter()
        .filter_map(|level| Some((level, section.entry(level.as_str())?)))
        .map(|(level, entry)| Some((level, kind.read(&entry)?)))
        .collect();
    read.into_iter().collect()
}

fn declared_levels(crms: Crms<'_>) -> Vec<Declared> {
    let meaning = "the severity of a breach is the worst level whose expression holds; an \
                   expression does not hold when the event lacks a field or metric that it reads";
    let one = |level: Severity| {
        let setting = expression().optional("none");
        setting.declare(level.as_str(), meaning, crms)
    };
    Severity::WORST_FIRST.into_iter().flat_map(one).collect()
}

/// `flapping = false`, or a table.
fn flapping() -> Kind<Option<FlappingPolicy>> {
    let policy = table::<FlappingPolicy>();
    let off = Shape::Value(json!({ "const": false }));
    let shape = Shape::Either(vec![off, policy.shape().clone()]);
    Kind::composite("`false`, or a table", shape, move |entry: &Entry<'_>| {
        if entry.table().is_ok() {
            return policy.read(entry).map(Some);
        }
        if entry.flag() == Ok(false) {
            entry.in_effect();
            return Some(None);
        }
        entry.fault(
            "must be false, or a table such as { times = 4, within = \"1h\", calm = \"15m\" }",
        );
        None
    })
}

/// The key of the one thing that all events of the rule are about.
fn default_key(section: &Section<'_>) -> Option<ValueKind> {
    let events = section.peek("events")?.list().ok()?;
    let events = events.iter().filter_map(|event| event.text().ok());
    let mut keys: Vec<(&str, &'static str)> = Vec::new();
    for event in events {
        let Some(key) = topic(event).and_then(|topic| topic.subject.key()) else {
            section.fault(
                "key",
                format!(
                    "required, but not set: events of the type `{event}` have no key of their own"
                ),
            );
            return None;
        };
        keys.push((event, key));
    }
    let (first, key) = keys.first().copied()?;
    if let Some((other, another)) = keys.iter().find(|(_, another)| *another != key) {
        section.fault(
            "key",
            format!(
                "required, but not set: its events have different keys, `{key}` for {first} and `{another}` for {other}"
            ),
        );
        return None;
    }
    Some(key.into())
}

/// Warns of what is set, and can have no effect.
fn warn_of_idle(section: &Section<'_>, rule: &RuleSettings) -> Option<()> {
    if section.is_set("within") && rule.at_least == 1 {
        section.warn("within", "has no effect without `at_least`");
    }
    warn_of_unsatisfiable(section, rule)
}

/// Warns of a condition that no signal can ever meet.
fn warn_of_unsatisfiable(section: &Section<'_>, rule: &RuleSettings) -> Option<()> {
    let recovers = "an incident of this rule recovers only by quiet_after";
    let (key, reason) = match unsatisfiable(&rule.when, rule.clear.as_ref()) {
        None => return Some(()),
        Some(Unsatisfiable::When) => (
            "when",
            "can never be true: this rule opens no incident".to_owned(),
        ),
        Some(Unsatisfiable::Clear) => ("clear", format!("can never be true: {recovers}")),
        Some(Unsatisfiable::ClearInsideWhen) => (
            "clear",
            format!(
                "can never be true after `when`: wherever it holds, `when` holds too and is asked first; {recovers}"
            ),
        ),
    };
    section.warn(key, reason);
    Some(())
}
