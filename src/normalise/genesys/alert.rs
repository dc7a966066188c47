//! Alerts of Genesys's own alert rules: the topic's spelling and the REST API's.
//!
//! Owns the lifecycle (which actions open, continue or end) and the event id that makes the copies
//! for several recipients one event. An alert carries its threshold, never the value observed.

use serde_json::Value;

use super::super::fill::{self, set_lower, set_number, set_text};
use super::super::json_cursor::{JsonCursor, Read, trimmed};
use super::super::outcome::Outcome;
use super::super::{identity, timestamp};
use super::message::Message;
use super::topics::{self, Content};
use crate::domain::signal::{Field, Signal};
use crate::domain::time::Timestamp;

/// The type of signals made from the REST form, which names no topic.
const TEMPLATE: &str = "v2.users.{id}.alerting.alerts";

const MINUTE: i64 = 60_000;

/// The event id of a message (`topicName`, `eventBody`, `timestamp`), when it is an alert.
pub(super) fn message_event_id(message: &Value, template: Option<&Value>) -> Option<String> {
    let topic = [template, message.get("topicName")]
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find_map(topics::find)?;
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
    let conditions = alert.name("conditions");
    conditions.optional_object()?;
    let predicates = conditions.name("predicates");
    let summary = alert.name("alertSummary");
    summary.optional_object()?;
    let entities = summary.name("entities");
    let mut signals = Vec::new();
    for index in 0..entities.elements()?.len() {
        let entity = entities.index(index);
        let is_on = is_on && entity.name("alerting").flag()? != Some(false);
        signals.push(signal(common, Some(&entity), &predicates, is_on)?);
    }
    if signals.is_empty() {
        for index in 0..predicates.elements()?.len() {
            let predicate = predicates.index(index);
            let signal = signal(common, Some(&predicate.name("entity")), &predicates, is_on)?;
            if !signals
                .iter()
                .any(|other: &Signal| other.part == signal.part)
            {
                signals.push(signal);
            }
        }
    }
    if signals.is_empty() {
        signals.push(signal(common, None, &predicates, is_on)?);
    }
    Ok(signals)
}

fn signal(
    common: &Signal,
    entity: Option<&JsonCursor<'_, '_>>,
    predicates: &JsonCursor<'_, '_>,
    is_on: bool,
) -> Read<Signal> {
    let mut signal = common.clone();
    let status = if is_on { "ALERTING" } else { "CLEARED" };
    set_text(&mut signal, "status", Some(status));
    if let Some(entity) = entity {
        name_entity(&mut signal, entity)?;
    }
    let chosen = predicate_about(signal.text("entity_id"), predicates)?;
    set_threshold(&mut signal, &predicates.index(chosen))?;
    // Several rules may watch one queue, and one rule several queues: only both together say
    // which of them has cleared.
    let rule = signal
        .text("alert_rule_id")
        .or_else(|| signal.text("alert_id"));
    let entity = signal.text("entity_id").unwrap_or_default();
    signal.part = format!("{}/{entity}", rule.unwrap_or_default());
    fill::derive_fields(&mut signal);
    Ok(signal)
}

/// An entity is `{entityType: "Queue", queue: {id, displayName}}`.
fn name_entity(signal: &mut Signal, entity: &JsonCursor<'_, '_>) -> Read<()> {
    if entity.is_absent() {
        return Ok(());
    }
    let members = entity.object()?;
    let kind = entity.name("entityType").text()?;
    set_text(signal, "entity_type", kind);
    let has_id = |member: &Value| member.get("id").is_some();
    let Some((key, _)) = members.iter().find(|(_, member)| has_id(member)) else {
        return Ok(());
    };
    let about = entity.name(key);
    let id = about.name("id").id()?;
    let name = about.name("displayName").text()?;
    let name = name.map_or_else(|| about.name("name").text(), |name| Ok(Some(name)))?;
    match key.as_str() {
        "queue" => {
            set_text(signal, "queue_id", id.as_deref());
            set_text(signal, "queue_name", name);
        }
        "edge" => {
            set_text(signal, "edge_id", id.as_deref());
            set_text(signal, "edge_name", name);
        }
        _ => {}
    }
    set_text(signal, "entity_id", id);
    set_text(signal, "entity_name", name);
    Ok(())
}

/// Which predicate is about the entity `id`; the first when none is.
fn predicate_about(id: Option<&str>, predicates: &JsonCursor<'_, '_>) -> Read<usize> {
    let is_about = |predicate: &Value| {
        let members = predicate.get("entity").and_then(Value::as_object);
        members.is_some_and(|members| {
            let mut ids = members
                .iter()
                .map(|(_, value)| value)
                .filter_map(|member| member.get("id")?.as_str());
            ids.any(|found| Some(found) == id)
        })
    };
    Ok(predicates
        .elements()?
        .iter()
        .position(is_about)
        .unwrap_or(0))
}

/// The condition that was met: its metric, its media type and its threshold, which is in
/// milliseconds when the metric is a duration and it is not counted.
fn set_threshold(signal: &mut Signal, predicate: &JsonCursor<'_, '_>) -> Read<()> {
    let metric = predicate.name("metric").text()?;
    set_text(signal, "alert_metric", metric);
    set_lower(signal, "media_type", predicate.name("mediaType").text()?);
    let statistic = match predicate.name("metricValueType").text()? {
        Some("Count") => "count",
        Some("Percentage") => "ratio",
        _ => "avg",
    };
    let value = predicate.name("value");
    if let Some(number) = value.number()? {
        let metric = metric.unwrap_or_default();
        let threshold = super::readings::in_seconds(metric, statistic, number, &value)?;
        set_number(signal, "alert_threshold", Some(threshold));
    }
    Ok(())
}
