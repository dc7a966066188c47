//! Alerts of Genesys's own alerting rules, in the topic's and in the REST spelling.
//!
//! An alert carries its threshold, never the observed value. It comes once per recipient with
//! an envelope id of its own each time: its event id is made of the alert's own id.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::json::{missing_key, text, time};
use super::super::{Read, Reading, identity};
use super::{Message, name_by_id};
use crate::domain::signal::{SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

/// The event type of both spellings.
const EVENT_TYPE: &str = "v2.users.{id}.alerting.alerts";

/// `v2.users.{id}.alerting.alerts`; answers the event id too.
pub(super) fn read_topic(message: &Message<'_>) -> Result<(String, Reading), SchemaMismatch> {
    message.required("id")?;
    let event_id = event_id(message.body, message.occurred_at);
    let mut base = message.signal();
    base.event_payload_id.clone_from(&event_id);
    let reading = read(message.body, base)?;
    Ok((event_id, reading))
}

/// Whether `object` is an alert as the REST API gives it.
pub(super) fn is_rest_alert(object: &Map<String, Value>) -> bool {
    object.contains_key("rule")
        && (object.contains_key("alertSummary")
            || object.contains_key("conditions")
            || object.contains_key("notifications"))
}

/// Reads an alert as the REST API gives it.
pub(super) fn read_rest(object: &Map<String, Value>, received_at: Timestamp) -> (String, Read) {
    if text(object.get("id")).is_none() {
        let id = identity::of_content(&[&Value::Object(object.clone())]);
        return (id, Err(missing_key("/id".to_owned(), object)));
    }
    let started = time(|| "/dateStart".into(), object.get("dateStart"));
    let ended = time(|| "/dateEnd".into(), object.get("dateEnd"));
    match (started, ended) {
        (Ok(started), Ok(ended)) => {
            let at = ended.or(started).unwrap_or(received_at);
            let event_id = event_id(object, at);
            let base = Signal::new(&*event_id, EVENT_TYPE, at);
            let read = read(object, base);
            (event_id, read)
        }
        (Err(mismatch), _) | (_, Err(mismatch)) => (event_id(object, received_at), Err(mismatch)),
    }
}

/// The alert, what happened to it, and when: the same for each of its recipients. A repeated
/// notification of a lasting alert is another event, told apart by its minute.
fn event_id(body: &Map<String, Value>, occurred_at: Timestamp) -> String {
    let part = |key: &str| text(body.get(key)).unwrap_or_default();
    let action = part("action");
    let mut id = format!("alert:{}:{action}:{}", part("id"), part("dateEnd"));
    if matches!(action.as_str(), "UPDATE" | "RENOTIFY" | "") {
        id.push_str(&format!(":{}", occurred_at.as_millis() / 60_000));
    }
    id
}

fn read(body: &Map<String, Value>, base: Signal) -> Result<Reading, SchemaMismatch> {
    let action = text(body.get("action"));
    let active = body.get("active").and_then(Value::as_bool);
    let status = match (action.as_deref(), active) {
        (Some("CLOSE" | "DELETE"), _)
        | (None | Some("UPDATE" | "RENOTIFY" | "CREATE"), Some(false)) => "CLEARED",
        (None | Some("CREATE" | "UPDATE" | "RENOTIFY"), _) => "ALERTING",
        (Some("UNREAD_COUNT_UPDATE"), _) => {
            return Ok(Reading::Nothing("a count of unread alerts"));
        }
        _ => return Ok(Reading::Nothing("a change to alerts in bulk")),
    };
    let mut signal = base;
    signal.fields.insert("status", status.into());
    for (field, value) in [
        ("alert_id", body.get("id")),
        ("alert_action", body.get("action")),
        (
            "alert_rule_id",
            body.get("rule").and_then(|rule| rule.get("id")),
        ),
        (
            "alert_rule_name",
            body.get("rule").and_then(|rule| rule.get("name")),
        ),
    ] {
        if let Some(value) = text(value) {
            signal.fields.insert(field, value.into());
        }
    }
    if let Some(active) = active {
        signal.fields.insert("alert_active", active.into());
    }
    threshold(body, &mut signal);
    let queues = queues(body);
    if queues.is_empty() {
        return Ok(Reading::Signals(vec![signal]));
    }
    Ok(Reading::Signals(
        queues
            .into_iter()
            .map(|(id, name)| {
                let mut signal = signal.clone();
                signal.fields.insert("queue_id", id.into());
                if let Some(name) = name {
                    signal.fields.insert("queue_name", name.into());
                }
                name_by_id(&mut signal);
                signal
            })
            .collect(),
    ))
}

fn predicates(body: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    body.get("conditions")
        .and_then(|conditions| conditions.get("predicates"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Metric and threshold of the first predicate; a duration's threshold in seconds.
fn threshold(body: &Map<String, Value>, signal: &mut Signal) {
    let Some(predicate) = predicates(body).next() else {
        return;
    };
    let metric = text(predicate.get("metric"));
    if let Some(value) = predicate.get("value").and_then(Value::as_f64) {
        let is_duration = metric.as_deref().is_some_and(|metric| {
            metric.starts_with('t') && metric.chars().nth(1).is_some_and(char::is_uppercase)
        });
        let value = if is_duration { value / 1000.0 } else { value };
        signal.fields.insert("alert_threshold", value.into());
    }
    if let Some(metric) = metric {
        signal.fields.insert("alert_metric", metric.into());
    }
    if let Some(media) = text(predicate.get("mediaType")) {
        signal.part = media.to_lowercase();
        signal
            .fields
            .insert("media_type", signal.part.clone().into());
    }
}

/// The queues that the alert is about, by id, with the name where there is one.
fn queues(body: &Map<String, Value>) -> BTreeMap<String, Option<String>> {
    let summary = body
        .get("alertSummary")
        .and_then(|summary| summary.get("entities"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let conditions = predicates(body).filter_map(|predicate| predicate.get("entity"));
    summary
        .chain(conditions)
        .filter_map(|entity| {
            let queue = entity.get("queue")?;
            let name = text(queue.get("displayName")).or_else(|| text(queue.get("name")));
            Some((text(queue.get("id"))?, name))
        })
        .collect()
}
