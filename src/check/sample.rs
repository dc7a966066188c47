//! Signals as the events of a type give them: from the samples of the catalogue, and with every
//! value that such an event can contain.

use crate::domain::signal::{FIELD_NAMES, Field, Signal};
use crate::domain::time::Timestamp;
use crate::normalise::catalogue::{Topic, ValueType};
use crate::normalise::{self, CustomMap, Format, Outcome, normalise};

/// The time of the samples.
const NOW: Timestamp = Timestamp::from_millis(1_795_442_850_000);

/// Signals of one type of events.
#[derive(Debug)]
pub(super) struct Samples {
    /// With every value that any of its events can contain.
    pub(super) whole: Signal,
    /// As single events give them.
    pub(super) single: Vec<Signal>,
}

pub(super) fn of_topic(topic: &Topic) -> Samples {
    let single: Vec<Signal> = topic
        .samples
        .iter()
        .filter_map(|sample| normalise::parse(sample.body).ok())
        .flat_map(
            |body| match normalise(&Format::Genesys, &body, NOW).outcome {
                Outcome::Signals(signals) => signals,
                Outcome::Nothing(_) | Outcome::Mismatch(_) => Vec::new(),
            },
        )
        .collect();
    let mut whole = Signal::new("an event", topic.event_type, NOW);
    whole.topic = Some(topic.event_type.to_owned());
    for field in topic.fields {
        let value = match field.value_type {
            ValueType::Text => Field::from(format!("any {}", field.name)),
            ValueType::Number => Field::Number(1.0),
            ValueType::Flag => Field::Flag(true),
        };
        whole.fields.insert(field.name, value);
    }
    for signal in &single {
        whole.fields.extend(signal.fields.clone());
        whole.labels.extend(signal.labels.clone());
    }
    for metric in topic.metrics {
        let reading = whole.metrics.entry(metric.name.to_owned()).or_default();
        let names = metric.statistics.iter().map(|one| one.name);
        let qualifiers = metric.qualifiers.unwrap_or_default().iter().copied();
        reading.extend(names.chain(qualifiers).map(|name| (name.to_owned(), 1.0)));
    }
    for signal in &single {
        for (name, reading) in &signal.metrics {
            whole
                .metrics
                .entry(name.clone())
                .or_insert_with(|| reading.clone());
        }
    }
    Samples { whole, single }
}

/// A signal with everything that `map` points at.
pub(super) fn mapped(event_type: &str, map: &CustomMap) -> Signal {
    let mut signal = Signal::new("an event", event_type.to_owned(), NOW);
    for name in map.fields.keys() {
        signal.fields.insert(name, value_of(name));
    }
    for (name, metric) in &map.metrics {
        let reading = signal.metrics.entry(name.clone()).or_default();
        reading.extend(metric.statistics.keys().map(|name| (name.clone(), 1.0)));
        if reading.contains_key("sum") && reading.contains_key("count") {
            reading.insert("avg".to_owned(), 1.0);
        }
    }
    for name in map.labels.keys() {
        signal.labels.insert(name.clone(), format!("any {name}"));
    }
    let has_wait = signal
        .metrics
        .get(normalise::WAIT_TIME)
        .is_some_and(|wait| wait.contains_key("avg"));
    if has_wait {
        signal
            .fields
            .insert("wait_time_avg", value_of("wait_time_avg"));
    }
    // An id stands in for a name that is missing.
    for (name, id) in [
        ("queue_name", "queue_id"),
        ("trunk_name", "trunk_id"),
        ("edge_name", "edge_id"),
    ] {
        if signal.fields.contains_key(id) {
            signal.fields.entry(name).or_insert_with(|| value_of(name));
        }
    }
    signal
}

fn value_of(name: &str) -> Field {
    match name {
        "wait_time_avg" | "connected_duration" | "alert_threshold" => Field::Number(1.0),
        "alert_active" => Field::Flag(true),
        other => Field::from(format!("any {other}")),
    }
}

/// `signal` with the names that the Platform API gives.
pub(super) fn enriched(mut signal: Signal) -> Signal {
    let adds: [(&str, &[&str]); 3] = [
        ("queue_id", &["queue_name", "division_id", "division"]),
        ("trunk_id", &["trunk_name", "edge_id"]),
        ("edge_id", &["edge_name"]),
    ];
    for (id, names) in adds {
        if signal.fields.contains_key(id) {
            for name in FIELD_NAMES.iter().filter(|name| names.contains(name)) {
                signal.fields.entry(name).or_insert_with(|| value_of(name));
            }
        }
    }
    if signal.fields.contains_key("edge_id") {
        let site = signal.labels.entry("site".to_owned());
        site.or_insert_with(|| "any site".to_owned());
    }
    signal
}
