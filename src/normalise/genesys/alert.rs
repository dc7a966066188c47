//! Alerts of Genesys's own alert rules: the topic's spelling and the REST API's.
//!
//! Owns the lifecycle (which actions open, continue or end) and the event id that makes the copies
//! for several recipients one event. An alert carries its threshold, never the value observed.

use std::borrow::Cow;

use serde_json::Value;

use super::super::fill::{self, set_lower, set_number, set_text};
use super::super::json_cursor::{JsonCursor, Read, trimmed};
use super::super::outcome::Outcome;
use super::super::placeholder::is_no_event_id;
use super::super::{identity, timestamp};
use super::message::Message;
use crate::domain::signal::{Field, Signal};
use crate::domain::time::Timestamp;
use crate::normalise::catalogue::{self, Content};

/// The type of signals made from the REST form, which names no topic.
const TEMPLATE: &str = "v2.users.{id}.alerting.alerts";

const MINUTE: i64 = 60_000;

/// The event id of a message (`topicName`, `eventBody`, `timestamp`), when it is an alert.
pub(super) fn message_event_id(message: &Value, template: Option<&Value>) -> Option<String> {
    let topic = [template, message.get("topicName")]
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find_map(catalogue::find)?;
    let body = message.get("eventBody")?;
    (topic.content == Content::Alert)
        .then(|| event_id(body, message.get("timestamp")))
        .flatten()
}

/// The event id of an alert. One alert reaches every recipient as a message of its own, all
/// alike but for the topic's user: the id leaves the recipient out. An update or a renewed
/// notice differs from an earlier one by its minute and by its content.
pub(super) fn event_id(alert: &Value, time: Option<&Value>) -> Option<String> {
    let text = |name: &str| alert.get(name).and_then(Value::as_str);
    let id = text("id").and_then(trimmed)?;
    if is_no_event_id(id) {
        return None;
    }
    let date = text("dateEnd")
        .or_else(|| text("dateStart"))
        .unwrap_or_default();
    let stage = match text("action") {
        Some(action @ ("UPDATE" | "RENOTIFY")) => {
            let minute = time
                .and_then(timestamp::timestamp)
                .map_or(0, |time| time.as_millis().div_euclid(MINUTE));
            let minute = Timestamp::from_millis(minute * MINUTE);
            format!("{action}:{minute}:{}", state_digest(alert))
        }
        Some(action) => format!("{action}:{date}"),
        None => format!("STATE:{date}:{}", state_digest(alert)),
    };
    Some(format!("alert:{id}:{stage}"))
}

/// A short digest of an alert's content about itself and its entities.
fn state_digest(alert: &Value) -> String {
    let state = ["active", "alertSummary"].map(|name| alert.get(name).unwrap_or(&Value::Null));
    let mut digest = identity::digest(&state);
    digest.truncate(16);
    digest
}

/// An alert from its topic.
pub(super) fn from_topic(message: &Message<'_, '_>) -> Read<Outcome> {
    read(&message.body, |own_time| message.signal(own_time))
}

/// An alert as the REST API gives it.
pub(super) fn rest(
    item: &JsonCursor<'_, '_>,
    event_id: &str,
    received_at: Timestamp,
) -> Read<Outcome> {
    read(item, |own_time| {
        Signal::new(event_id, TEMPLATE, own_time.unwrap_or(received_at))
    })
}

fn read(alert: &JsonCursor<'_, '_>, start: impl Fn(Option<Timestamp>) -> Signal) -> Read<Outcome> {
    let action = alert.name("action");
    let active = alert.name("active").flag()?;
    let is_on = match (action.text()?, active) {
        (Some("UNREAD_COUNT_UPDATE"), _) => {
            return Ok(Outcome::Nothing("a count of unread alerts"));
        }
        (Some("BULK_DELETE" | "BULK_UPDATE"), _) => {
            return Ok(Outcome::Nothing(
                "somebody tidied up several alerts at once",
            ));
        }
        (Some("UNKNOWN"), _) => return Ok(Outcome::Nothing("an alert without a known action")),
        (Some("CLOSE" | "DELETE"), _) => false,
        (Some("CREATE" | "UPDATE" | "RENOTIFY"), active) => active.unwrap_or(true),
        (None, Some(active)) => active,
        (_, _) => return Err(action.expected("an action such as CREATE or CLOSE")),
    };
    let time = if is_on {
        None
    } else {
        timestamp::read(&alert.name("dateEnd"))?
    };
    let time = time.map_or_else(
        || timestamp::read(&alert.name("dateStart")),
        |time| Ok(Some(time)),
    )?;
    let mut common = start(time);
    let id = alert.name("id");
    let alert_id = id.id()?.ok_or_else(|| id.expected("the alert's id"))?;
    set_text(&mut common, "alert_id", Some(alert_id));
    set_text(&mut common, "alert_action", action.text()?);
    common.fields.insert("alert_active", Field::Flag(is_on));
    let rule = alert.name("rule");
    rule.optional_object()?;
    set_text(&mut common, "alert_rule_id", rule.name("id").id()?);
    set_text(&mut common, "alert_rule_name", rule.name("name").text()?);
    Ok(Outcome::Signals(signals(alert, &common, is_on)?))
}

/// One signal for each entity: those of the summary, else those of the conditions, else one
/// about no entity in particular.
fn signals(alert: &JsonCursor<'_, '_>, common: &Signal, is_on: bool) -> Read<Vec<Signal>> {
    let mut conditions = Vec::new();
    read_conditions(&alert.name("conditions"), &mut conditions)?;
    let summary = alert.name("alertSummary");
    summary.optional_object()?;
    let entities = summary.name("entities");
    let mut signals = Vec::new();
    for index in 0..entities.elements()?.len() {
        let entity = entities.index(index);
        let is_on = is_on && entity.name("alerting").flag()? != Some(false);
        signals.push(signal(common, &Watched::read(&entity)?, &conditions, is_on));
    }
    if signals.is_empty() {
        for condition in &conditions {
            let signal = signal(common, &condition.watched, &conditions, is_on);
            if !signals
                .iter()
                .any(|other: &Signal| other.part == signal.part)
            {
                signals.push(signal);
            }
        }
    }
    if signals.is_empty() {
        signals.push(signal(common, &Watched::default(), &conditions, is_on));
    }
    Ok(signals)
}

fn signal(
    common: &Signal,
    watched: &Watched<'_>,
    conditions: &[Condition<'_>],
    is_on: bool,
) -> Signal {
    let mut signal = common.clone();
    let status = if is_on { "ALERTING" } else { "CLEARED" };
    set_text(&mut signal, "status", Some(status));
    watched.name_in(&mut signal);
    let mut about = conditions.iter();
    let about = about.find(|condition| condition.watched.id == watched.id);
    if let Some(condition) = about.or_else(|| conditions.first()) {
        set_text(&mut signal, "alert_metric", condition.metric);
        set_lower(&mut signal, "media_type", condition.media_type);
        set_number(&mut signal, "alert_threshold", condition.threshold);
    }
    // Several rules may watch one queue, and one rule several queues: only both together say
    // which of them has cleared.
    let rule = signal
        .text("alert_rule_id")
        .or_else(|| signal.text("alert_id"));
    let entity = signal.text("entity_id").unwrap_or_default();
    signal.part = format!("{}/{entity}", rule.unwrap_or_default());
    fill::derive_fields(&mut signal);
    signal
}

/// A thing that an alert rule watches: `{entityType: "Queue", queue: {id, displayName}}`.
#[derive(Default)]
struct Watched<'v> {
    entity_type: Option<&'v str>,
    /// The member that describes it.
    member: Option<&'v str>,
    id: Option<Cow<'v, str>>,
    name: Option<&'v str>,
}

impl<'v> Watched<'v> {
    fn read(entity: &JsonCursor<'v, '_>) -> Read<Self> {
        if entity.is_absent() {
            return Ok(Self::default());
        }
        let members = entity.object()?;
        let entity_type = entity.name("entityType").text()?;
        let has_id = |member: &Value| member.get("id").is_some();
        let Some((member, _)) = members.iter().find(|(_, member)| has_id(member)) else {
            return Ok(Self {
                entity_type,
                ..Self::default()
            });
        };
        let about = entity.name(member);
        let name = about.name("displayName").text()?;
        Ok(Self {
            entity_type,
            member: Some(member),
            id: about.name("id").id()?,
            name: name.map_or_else(|| about.name("name").text(), |name| Ok(Some(name)))?,
        })
    }

    fn name_in(&self, signal: &mut Signal) {
        let (id, name) = (self.id.as_deref(), self.name);
        set_text(signal, "entity_type", self.entity_type);
        set_text(signal, "entity_id", id);
        set_text(signal, "entity_name", name);
        match self.member {
            Some("queue") => {
                set_text(signal, "queue_id", id);
                set_text(signal, "queue_name", name);
            }
            Some("edge") => {
                set_text(signal, "edge_id", id);
                set_text(signal, "edge_name", name);
            }
            _ => {}
        }
    }
}

/// A condition of an alert rule, with its threshold in seconds when it is a duration.
struct Condition<'v> {
    watched: Watched<'v>,
    metric: Option<&'v str>,
    media_type: Option<&'v str>,
    threshold: Option<f64>,
}

/// The conditions in `tree`: its predicates, and those of its clauses, which are such trees.
fn read_conditions<'v>(tree: &JsonCursor<'v, '_>, found: &mut Vec<Condition<'v>>) -> Read<()> {
    tree.optional_object()?;
    let predicates = tree.name("predicates");
    for index in 0..predicates.elements()?.len() {
        found.push(Condition::read(&predicates.index(index))?);
    }
    let clauses = tree.name("clauses");
    for index in 0..clauses.elements()?.len() {
        read_conditions(&clauses.index(index), found)?;
    }
    Ok(())
}

impl<'v> Condition<'v> {
    fn read(predicate: &JsonCursor<'v, '_>) -> Read<Self> {
        let metric = predicate.name("metric").text()?;
        let statistic = match predicate.name("metricValueType").text()? {
            Some("Count") => "count",
            Some("Percentage") => "ratio",
            _ => "avg",
        };
        let value = predicate.name("value");
        let in_seconds = |number| {
            let metric = metric.unwrap_or_default();
            super::readings::in_seconds(metric, statistic, number, &value)
        };
        Ok(Self {
            watched: Watched::read(&predicate.name("entity"))?,
            metric,
            media_type: predicate.name("mediaType").text()?,
            threshold: value.number()?.map(in_seconds).transpose()?,
        })
    }
}
