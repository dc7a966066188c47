//! What an operator and the rules rely on, shown on the payloads in `tests/fixtures`.

mod alerts;
mod analytics;
mod custom;
mod drift;
mod guide;
mod identity;
mod operational;
mod properties;
mod telephony;
mod topics;

use serde_json::Value;

use super::{Format, Normalised, Outcome, normalise};
use crate::domain::signal::{FIELD_NAMES, Field, SchemaMismatch, Signal};
use crate::domain::time::Timestamp;

const QUEUE: &str = "7b0f5a52-6d0e-4f3b-9a3c-2f8e61d4c9b1";
const TRUNK: &str = "c4a9e0d7-51b2-4e8f-8f0a-9d27b3e6a105";
const EDGE: &str = "581f0c3d-5a2e-4b77-98cd-63a1c7187e09";

/// 2026-11-23T15:00:00Z, later than every fixture but the last.
const RECEIVED: Timestamp = Timestamp::from_millis(1_795_446_000_000);

fn fixture_text(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn fixture(name: &str) -> Value {
    serde_json::from_str(&fixture_text(name)).unwrap()
}

/// The fixture with the value at `pointer` replaced.
fn changed(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = fixture(name);
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

fn read(event: &Value) -> Normalised {
    normalise(&Format::Genesys, event, RECEIVED)
}

fn signals(event: &Value) -> Vec<Signal> {
    match read(event).outcome {
        Outcome::Signals(signals) => signals,
        other => panic!("expected signals, got {other:?} for {event}"),
    }
}

fn signal(event: &Value) -> Signal {
    let mut signals = signals(event);
    assert_eq!(signals.len(), 1);
    signals.remove(0)
}

fn mismatch(event: &Value) -> SchemaMismatch {
    match read(event).outcome {
        Outcome::Mismatch(mismatch) => mismatch,
        other => panic!("expected a mismatch, got {other:?} for {event}"),
    }
}

fn number(signal: &Signal, metric: &str, statistic: &str) -> Option<f64> {
    signal.metrics.get(metric)?.get(statistic).copied()
}

fn field(signal: &Signal, name: &str) -> Option<Field> {
    signal.fields.get(name).cloned()
}

fn fixture_names() -> Vec<String> {
    let directory = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            Some(name.strip_suffix(".json")?.to_owned())
        })
        .collect();
    names.sort();
    names
}

#[test]
fn every_fixture_ends_as_its_name_says() {
    for name in fixture_names() {
        let Ok(event) = serde_json::from_str(&fixture_text(&name)) else {
            assert_eq!(name, "invalid-truncated");
            continue;
        };
        let is_misfit = name.starts_with("drift-") || name.starts_with("invalid-");
        let fits = matches!(
            (read(&event).outcome, is_misfit, name.as_str()),
            (Outcome::Signals(_), _, "drift-longest-waiting-epoch")
                | (Outcome::Nothing(_), false, "websocket-heartbeat")
                | (Outcome::Signals(_), false, _)
                | (Outcome::Mismatch(_), true, _)
        );
        assert!(fits, "{name}: {:?}", read(&event).outcome);
    }
}

#[test]
fn everything_read_has_a_name_that_rules_and_the_catalogue_know() {
    for name in fixture_names() {
        let Ok(event) = serde_json::from_str(&fixture_text(&name)) else {
            continue;
        };
        let Outcome::Signals(signals) = read(&event).outcome else {
            continue;
        };
        for signal in signals {
            let topic = super::catalogue::topic(&signal.event_type).unwrap();
            for field in signal.fields.keys() {
                assert!(FIELD_NAMES.contains(field), "{name}: {field}");
                assert!(topic.field(field).is_some(), "{name}: {field}");
            }
            for metric in signal.metrics.keys() {
                let is_known = topic.metric(metric).is_some() || topic.has_other_metrics;
                assert!(is_known, "{name}: {metric}");
            }
        }
    }
}
