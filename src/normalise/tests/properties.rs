//! What holds for every JSON value, however odd.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("detail".to_owned()),
        Just("eventBody".to_owned()),
        Just("topicName".to_owned()),
        Just("metrics".to_owned()),
        Just("body".to_owned()),
        Just("id".to_owned()),
        ".{0,6}",
    ];
    any_scalar().prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("v2.analytics.queues.{id}.observations")),
        Just(json!(1_795_442_433_884_i64)),
    ]
}

/// Every place in `value`, as pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                places(element, &format!("{here}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                places(member, &format!("{here}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// A fixture in which one value is replaced by another.
fn mutated_fixture() -> impl Strategy<Value = Value> {
    let events: Vec<Value> = fixture_names()
        .iter()
        .filter_map(|name| serde_json::from_str(&fixture_text(name)).ok())
        .collect();
    (
        prop::sample::select(events),
        any::<prop::sample::Index>(),
        any_json(),
    )
        .prop_map(|(mut event, index, value)| {
            let mut pointers = Vec::new();
            places(&event, "", &mut pointers);
            if let Some(place) = event.pointer_mut(&pointers[index.index(pointers.len())]) {
                *place = value;
            }
            event
        })
}

/// Writes `value` as JSON, the members of its objects in order or in reverse.
fn write(value: &Value, is_reversed: bool, text: &mut String) {
    match value {
        Value::Array(elements) => {
            let separators = std::iter::once("[").chain(std::iter::repeat(","));
            for (element, separator) in elements.iter().zip(separators) {
                text.push_str(separator);
                write(element, is_reversed, text);
            }
            text.push_str(if elements.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if is_reversed {
                members.reverse();
            }
            let separators = std::iter::once("{").chain(std::iter::repeat(","));
            for ((key, member), separator) in members.iter().zip(separators) {
                text.push_str(&format!("{separator}{}:", json!(key)));
                write(member, is_reversed, text);
            }
            text.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// The invariants that the rest of the program builds on.
fn check(event: &Value) {
    let read = read(event);
    assert!(!read.event_id.is_empty());
    assert!(read.event_id.len() <= 256);
    match read.outcome {
        Outcome::Signals(signals) => {
            assert!(!signals.is_empty());
            for signal in signals {
                assert_eq!(signal.event_payload_id, read.event_id);
                assert!(!signal.event_type.is_empty());
                check_values(&signal);
            }
        }
        Outcome::Mismatch(mismatch) => {
            assert!(mismatch.path.is_empty() || mismatch.path.starts_with('/'));
        }
        Outcome::Nothing(why) => assert!(!why.is_empty()),
    }
}

fn check_values(signal: &Signal) {
    for (name, value) in signal.fields.iter() {
        match value {
            Field::Text(text) => {
                assert!(!text.is_empty(), "{name}");
                assert!(text.chars().count() <= 1_000, "{name}");
                assert!(!text.contains(char::is_control), "{name}: {text:?}");
            }
            Field::Number(number) => assert!(number.is_finite(), "{name}"),
            Field::Flag(_) => {}
        }
    }
    for (name, reading) in signal.metrics.iter() {
        assert!(!reading.is_empty(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_json_is_read_without_panic_and_keeps_the_invariants(event in any_json()) {
        check(&event);
    }

    #[test]
    fn a_changed_fixture_is_read_without_panic_and_keeps_the_invariants(
        event in mutated_fixture(),
    ) {
        check(&event);
    }

    #[test]
    fn the_order_of_keys_changes_neither_id_nor_content(event in mutated_fixture()) {
        let (mut forwards, mut backwards) = (String::new(), String::new());
        write(&event, false, &mut forwards);
        write(&event, true, &mut backwards);
        let forwards: Value = serde_json::from_str(&forwards).unwrap();
        let backwards: Value = serde_json::from_str(&backwards).unwrap();
        prop_assert_eq!(read(&forwards), read(&backwards));
    }
}
