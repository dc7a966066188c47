//! The values of a signal that templates see, and the signal that such values were made of.
//!
//! A value that is missing in the event is missing here: there are no nulls and no empty texts.

use serde_json::{Map, Value, json};

use crate::domain::signal::{FIELD_NAMES, Field, Signal};
use crate::rules::TemplateContext;

/// The fields, metrics and labels of a signal, and the values that every event has.
pub(crate) fn signal_values(signal: &Signal, source: &str) -> TemplateContext {
    named_values(signal, source, |_| true)
}

/// The part of [`signal_values`] whose names are wanted.
pub(super) fn named_values(
    signal: &Signal,
    source: &str,
    wanted: impl Fn(&str) -> bool,
) -> TemplateContext {
    let mut context = Map::new();
    let mut set = |name: &str, value: &dyn Fn() -> Value| {
        if wanted(name) {
            context.insert(name.to_owned(), value());
        }
    };
    for (name, field) in signal.fields.iter() {
        set(name, &|| field_value(field));
    }
    set("metrics", &|| metrics_value(signal));
    set("labels", &|| json!(signal.labels));
    set("event_payload_id", &|| json!(signal.event_payload_id));
    set("event_type", &|| json!(signal.event_type));
    set("timestamp", &|| json!(signal.occurred_at.to_string()));
    set("source", &|| json!(source));
    if let Some(topic) = &signal.topic {
        set("topic", &|| json!(topic));
    }
    context
}

fn metrics_value(signal: &Signal) -> Value {
    signal
        .metrics
        .iter()
        .map(|(name, reading)| {
            let reading = reading
                .iter()
                .map(|(statistic, value)| (statistic.to_string(), number(*value)))
                .collect();
            (name.to_string(), Value::Object(reading))
        })
        .collect()
}

/// The signal that `context` was made of, as far as expressions see it.
pub(in crate::decide) fn signal_in(context: &TemplateContext) -> Signal {
    let text = |name: &str| context.get(name).and_then(Value::as_str);
    let id = text("event_payload_id").unwrap_or_default();
    let event_type = text("event_type").unwrap_or_default();
    let occurred_at = text("timestamp").and_then(|at| at.parse().ok());
    let mut signal = Signal::new(id, event_type.to_owned(), occurred_at.unwrap_or_default());
    signal.topic = text("topic").map(str::to_owned);
    for name in FIELD_NAMES {
        if let Some(field) = context.get(*name).and_then(field_in) {
            signal.fields.insert(*name, field);
        }
    }
    for (name, statistics) in entries(context, "metrics") {
        let reading = statistics.as_object().into_iter().flatten();
        let reading = reading.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
        signal.metrics.insert(name.clone(), reading.collect());
    }
    for (name, label) in entries(context, "labels") {
        if let Some(label) = label.as_str() {
            signal.labels.insert(name.clone(), label.to_owned());
        }
    }
    signal
}

fn entries<'c>(
    context: &'c TemplateContext,
    name: &str,
) -> impl Iterator<Item = (&'c String, &'c Value)> {
    let table = context.get(name).and_then(Value::as_object);
    table.into_iter().flatten()
}

fn field_in(value: &Value) -> Option<Field> {
    match value {
        Value::String(text) => Some(Field::from(text.as_str())),
        Value::Number(number) => number.as_f64().map(Field::Number),
        Value::Bool(flag) => Some(Field::Flag(*flag)),
        _ => None,
    }
}

fn field_value(field: &Field) -> Value {
    match field {
        Field::Text(text) => json!(text),
        Field::Number(value) => number(*value),
        Field::Flag(flag) => json!(flag),
    }
}

/// A whole number is written without a fraction: "365", not "365.0".
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and below 2^53, so the conversion is exact"
        )]
        return json!(value as i64);
    }
    json!(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn expressions_see_in_a_kept_context_what_they_saw_in_its_signal() {
        let at = Timestamp::from_millis(1_795_442_400_000);
        let mut signal = Signal::new("evt-1", "telephony.queue.waiting", at);
        signal.topic = Some("v2.analytics".to_owned());
        signal.fields.insert("queue_name", "Billing".into());
        signal.fields.insert("wait_time_avg", 365.0.into());
        signal.fields.insert("alert_active", true.into());
        let reading = [("avg".to_owned(), 365.5), ("count".to_owned(), 4.0)];
        signal
            .metrics
            .insert("queue.waitTime".to_owned(), reading.into());
        signal.labels.insert("site".into(), "FRA".into());
        assert_eq!(signal_in(&signal_values(&signal, "genesys")), signal);
    }
}
