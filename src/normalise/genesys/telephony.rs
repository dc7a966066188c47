//! Trunks and edges: status and metrics.

use serde_json::{Map, Value};

use super::super::json::{expected, missing_key, text, time};
use super::{Message, name_by_id};
use crate::domain::signal::{Reading, SchemaMismatch, Signal};

/// `v2.telephony.providers.edges.trunks.{id}`: there is no status in it; connection, OPTIONS
/// and registration states make one.
pub(super) fn trunk(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    let id = message.required("id")?;
    let connected = match message
        .body
        .get("connectedStatus")
        .and_then(|status| status.get("connected"))
    {
        Some(Value::Bool(connected)) => *connected,
        None => {
            return Err(missing_key(
                message.at("/connectedStatus/connected"),
                message.body,
            ));
        }
        other => {
            let path = message.at("/connectedStatus/connected");
            return Err(expected(path, "true or false", other));
        }
    };
    let peers_up = all_true(message.body, "optionsStatus", "optionState")
        && all_true(message.body, "registersStatus", "registerState");
    let status = match (connected, peers_up) {
        (false, _) => "DOWN",
        (true, false) => "DEGRADED",
        (true, true) => "UP",
    };
    let mut signal = message.signal();
    // One logical trunk has an instance per edge; each is a part of it.
    signal.part.clone_from(&id);
    signal.fields.insert("trunk_id", id.into());
    signal.fields.insert("status", status.into());
    let errors = errors(message.body);
    if !errors.is_empty() {
        signal.fields.insert("status_detail", errors.into());
    }
    name_by_id(&mut signal);
    Ok(signal)
}

fn all_true(body: &Map<String, Value>, list: &str, state: &str) -> bool {
    body.get(list)
        .and_then(Value::as_array)
        .is_none_or(|entries| {
            entries
                .iter()
                .all(|entry| entry.get(state).and_then(Value::as_bool) != Some(false))
        })
}

/// The texts of every `errorInfo`, with the proxy they are about.
fn errors(body: &Map<String, Value>) -> String {
    let lists = ["optionsStatus", "registersStatus"]
        .iter()
        .filter_map(|list| body.get(*list)?.as_array())
        .flatten();
    let single = body.get("ipStatus").into_iter();
    lists
        .chain(single)
        .filter_map(|entry| {
            let error = entry.get("errorInfo")?;
            let said = text(error.get("text")).or_else(|| text(error.get("code")))?;
            Some(match text(entry.get("proxyAddress")) {
                Some(proxy) => format!("{proxy}: {said}"),
                None => said,
            })
        })
        .collect::<Vec<_>>()
        .join("; ")
}

/// `v2.telephony.providers.edges.trunks.{id}.metrics`.
pub(super) fn trunk_metrics(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    let (mut signal, id, name) = of_entity(message, "trunk")?;
    signal.part.clone_from(&id);
    if let Some(name) = name {
        signal
            .fields
            .insert("trunk_name", without_instance(&name).into());
    }
    signal.fields.insert("trunk_id", id.into());
    let value = |group: &str, key: &str| message.body.get(group)?.get(key)?.as_f64();
    let mut add = |metric: &str, statistic: &str, value: Option<f64>| {
        if let Some(value) = value {
            signal
                .metrics
                .entry(metric.to_owned())
                .or_default()
                .insert(statistic.to_owned(), value);
        }
    };
    add("trunk.calls", "inbound", value("calls", "inboundCallCount"));
    add(
        "trunk.calls",
        "outbound",
        value("calls", "outboundCallCount"),
    );
    // A sliding total over 24 hours: it falls by itself.
    add("trunk.mismatches", "count", value("qos", "mismatchCount"));
    name_by_id(&mut signal);
    Ok(signal)
}

/// `v2.telephony.providers.edges.{id}`.
pub(super) fn edge(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    let id = message.required("id")?;
    let status = message.required("onlineStatus")?;
    let mut signal = message.signal();
    signal.fields.insert("edge_id", id.into());
    signal.fields.insert("status", status.to_uppercase().into());
    name_by_id(&mut signal);
    Ok(signal)
}

/// `v2.telephony.providers.edges.{id}.metrics`.
pub(super) fn edge_metrics(message: &Message<'_>) -> Result<Signal, SchemaMismatch> {
    let (mut signal, id, name) = of_entity(message, "edge")?;
    signal.fields.insert("edge_id", id.into());
    if let Some(name) = name {
        signal.fields.insert("edge_name", name.into());
    }
    for (metric, list, key) in [
        ("edge.cpu", "processors", "activeTimePct"),
        ("edge.network", "networks", "utilizationPct"),
    ] {
        if let Some(highest) = highest(message.body, list, key) {
            let reading = Reading::from([("max".to_owned(), highest)]);
            signal.metrics.insert(metric.to_owned(), reading);
        }
    }
    name_by_id(&mut signal);
    Ok(signal)
}

/// A signal about the entity `{id, name}` under `key`, at its `eventTime`.
fn of_entity(
    message: &Message<'_>,
    key: &str,
) -> Result<(Signal, String, Option<String>), SchemaMismatch> {
    let entity = match message.body.get(key) {
        Some(Value::Object(entity)) => entity,
        None => return Err(missing_key(message.at(&format!("/{key}")), message.body)),
        other => return Err(expected(message.at(&format!("/{key}")), "an object", other)),
    };
    let id = text(entity.get("id"))
        .ok_or_else(|| missing_key(message.at(&format!("/{key}/id")), entity))?;
    let mut signal = message.signal();
    if let Some(at) = time(|| message.at("/eventTime"), message.body.get("eventTime"))? {
        signal.occurred_at = at;
    }
    Ok((signal, id, text(entity.get("name"))))
}

fn highest(body: &Map<String, Value>, list: &str, key: &str) -> Option<f64> {
    body.get(list)?
        .as_array()?
        .iter()
        .filter_map(|entry| entry.get(key)?.as_f64())
        .max_by(f64::total_cmp)
}

/// Instances are named `<trunk> <uuid>`; people know the trunk.
fn without_instance(name: &str) -> &str {
    match name.rsplit_once(' ') {
        Some((trunk, last)) if uuid::Uuid::try_parse(last).is_ok() => trunk.trim_end(),
        _ => name,
    }
}
