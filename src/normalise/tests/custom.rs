//! The `custom` format.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::normalise::{
    ChosenMap, CustomMap, CustomMaps, CustomMetric, MapCondition, Places, Unit,
};

proptest::proptest! {
    #[test]
    fn any_value_at_a_mapped_place_is_read_without_panic(
        event in super::properties::any_json(),
        place in proptest::sample::select(vec!["/id", "/queue", "/stats", "/state", "/timestamp"]),
    ) {
        let mut changed = self::event();
        *changed.pointer_mut(place).unwrap() = event;
        let format = Format::Custom(CustomMaps::one(map()));
        let read = normalise(&format, &changed, RECEIVED);
        assert!(!read.event_id.is_empty());
    }
}

fn at(places: &[&str]) -> Places {
    places.iter().map(|text| text.parse().unwrap()).collect()
}

/// The map of the reference configuration, with a status and a metric in milliseconds.
fn map() -> CustomMap {
    let metric = |pointer: &str, unit| CustomMetric {
        statistics: BTreeMap::from([("avg".to_owned(), at(&[pointer]))]),
        unit,
    };
    CustomMap {
        event_id: Some(at(&["/id"])),
        event_type: at(&["/type"]),
        timestamp: Some(at(&["/timestamp"])),
        fields: BTreeMap::from([
            ("queue_id", at(&["/queue/id"])),
            ("queue_name", at(&["/queue/name", "/queueName"])),
            ("status", at(&["/state"])),
        ]),
        metrics: BTreeMap::from([
            (
                "queue.waitTime".to_owned(),
                metric("/stats/wait/avg", Unit::Seconds),
            ),
            (
                "handling".to_owned(),
                metric("/stats/handle", Unit::Milliseconds),
            ),
        ]),
        labels: BTreeMap::from([("site".to_owned(), at(&["/site"]))]),
    }
}

fn event() -> Value {
    json!({"id": 77, "type": "queue.slow", "timestamp": 1_795_442_739,
        "queue": {"id": "q1"}, "queueName": "Billing", "state": "bad",
        "stats": {"wait": {"avg": "412.5"}, "handle": 61_500}, "site": "Berlin"})
}

fn outcome(map: CustomMap, event: &Value) -> Outcome {
    normalise(&Format::Custom(CustomMaps::one(map)), event, RECEIVED).outcome
}

fn refused(map: CustomMap, event: &Value) -> SchemaMismatch {
    match outcome(map, event) {
        Outcome::Mismatch(mismatch) => mismatch,
        other => panic!("expected a mismatch, got {other:?}"),
    }
}

#[test]
fn every_mapped_place_is_read() {
    let read = normalise(&Format::Custom(CustomMaps::one(map())), &event(), RECEIVED);
    assert_eq!(read.event_id, "77");
    let Outcome::Signals(signals) = read.outcome else {
        panic!("{read:?}");
    };
    let signal = &signals[0];
    assert_eq!(signal.event_type, "queue.slow");
    assert_eq!(signal.occurred_at.to_string(), "2026-11-23T14:05:39Z");
    assert_eq!(signal.text("queue_id"), Some("q1"));
    assert_eq!(signal.text("queue_name"), Some("Billing"));
    assert_eq!(signal.text("status"), Some("BAD"));
    assert_eq!(number(signal, "queue.waitTime", "avg"), Some(412.5));
    assert_eq!(field(signal, "wait_time_avg"), Some(Field::Number(412.5)));
    assert_eq!(number(signal, "handling", "avg"), Some(61.5));
    assert_eq!(signal.labels["site"], "Berlin");
}

#[test]
fn the_first_place_that_holds_something_counts() {
    let mut event = event();
    event["queue"]["name"] = json!("Billing Tier 1");
    let Outcome::Signals(signals) = outcome(map(), &event) else {
        panic!("{event}");
    };
    assert_eq!(signals[0].text("queue_name"), Some("Billing Tier 1"));
}

#[test]
fn a_missing_value_is_absent_and_not_zero() {
    let mut event = event();
    event["stats"]["handle"] = json!(null);
    let Outcome::Signals(signals) = outcome(map(), &event) else {
        panic!("{event}");
    };
    assert!(!signals[0].metrics.contains_key("handling"));
}

#[test]
fn g19_an_event_that_names_none_of_the_mapped_entities_goes_to_review() {
    let mut event = event();
    event["queue"] = json!({"identity": "q1"});
    event["queueName"] = json!(null);
    let mismatch = refused(map(), &event);
    assert_eq!(mismatch.path, "/queue/id");
    assert!(mismatch.problem.contains("/queueName"), "{mismatch}");
}

#[test]
fn g19_an_event_without_any_mapped_value_goes_to_review() {
    let mut event = event();
    event["stats"] = json!({});
    event["state"] = json!("");
    assert_eq!(refused(map(), &event).path, "/state");
}

#[test]
fn what_does_not_fit_is_named_by_its_pointer() {
    for (pointer, value) in [
        ("/stats/wait/avg", json!("fast")),
        ("/timestamp", json!("noon")),
        ("/queue/id", json!({"a": 1})),
        ("/site", json!([1])),
        ("/type", json!({})),
        ("/type", json!(null)),
    ] {
        let mut event = event();
        *event.pointer_mut(pointer).unwrap() = value;
        assert_eq!(refused(map(), &event).path, pointer);
    }
    assert_eq!(refused(map(), &json!([1])).path, "");
}

#[test]
fn without_a_mapped_type_and_id_both_are_given() {
    let map = CustomMap {
        event_id: None,
        event_type: Places::new(),
        ..map()
    };
    let read = normalise(&Format::Custom(CustomMaps::one(map)), &event(), RECEIVED);
    assert!(read.event_id.starts_with("sha256:"));
    let Outcome::Signals(signals) = read.outcome else {
        panic!("{read:?}");
    };
    assert_eq!(signals[0].event_type, "custom");
}

fn signal_of(format: &Format, event: &Value) -> Signal {
    match normalise(format, event, RECEIVED).outcome {
        Outcome::Signals(mut signals) => signals.remove(0),
        other => panic!("expected a signal, got {other:?}"),
    }
}

#[test]
fn a_metric_is_chosen_by_its_name_wherever_it_stands() {
    let waiting = "$.metrics[?@.metric == 'oWaiting'].stats.count";
    let map = CustomMap {
        metrics: BTreeMap::from([(
            "oWaiting".to_owned(),
            CustomMetric {
                statistics: BTreeMap::from([("count".to_owned(), at(&[waiting]))]),
                unit: Unit::None,
            },
        )]),
        ..CustomMap::default()
    };
    let format = Format::Custom(CustomMaps::one(map));
    let (alerting, waiting) = (
        json!({"metric": "oAlerting", "stats": {"count": 0}}),
        json!({"metric": "oWaiting", "stats": {"count": 25}}),
    );
    for metrics in [
        json!([alerting, waiting]),
        json!([waiting, alerting]),
        json!([waiting]),
    ] {
        let signal = signal_of(&format, &json!({"metrics": metrics}));
        assert_eq!(number(&signal, "oWaiting", "count"), Some(25.0));
    }
    let read = normalise(&format, &json!({"metrics": [alerting]}), RECEIVED);
    assert!(matches!(read.outcome, Outcome::Mismatch(_)), "{read:?}");
    let both = json!({"metrics": [waiting, {"metric": "oWaiting", "stats": {"count": 0}}]});
    let Outcome::Mismatch(mismatch) = normalise(&format, &both, RECEIVED).outcome else {
        panic!("two different values are no value");
    };
    assert!(
        mismatch.problem.contains("2 different values"),
        "{mismatch}"
    );
}

#[test]
fn the_first_map_whose_condition_holds_reads_the_event() {
    let typed = |kind: &str| CustomMap {
        labels: BTreeMap::from([("map".to_owned(), at(&[&format!("/{kind}")]))]),
        ..CustomMap::default()
    };
    let chosen = |name: &str, is: &[&str]| ChosenMap {
        name: name.to_owned(),
        when: Some(MapCondition {
            at: "$.kind".parse().unwrap(),
            is: is.iter().map(|text| (*text).to_owned()).collect(),
        }),
        map: typed(name),
    };
    let format = Format::Custom(CustomMaps::several(vec![
        chosen("queue", &["q", "queue"]),
        chosen("trunk", &["7"]),
    ]));
    for (kind, name) in [
        (json!("q"), "queue"),
        (json!("queue"), "queue"),
        (json!(7), "trunk"),
    ] {
        let event = json!({"kind": kind, "queue": "queue", "trunk": "trunk"});
        assert_eq!(signal_of(&format, &event).labels["map"], name);
    }
    let Outcome::Mismatch(mismatch) = normalise(&format, &json!({"kind": "x"}), RECEIVED).outcome
    else {
        panic!("no map is for it");
    };
    assert!(
        mismatch.problem.contains("queue ($.kind has \"x\")"),
        "{mismatch}"
    );
}

#[test]
fn a_map_that_finds_nothing_around_an_event_finds_it_inside() {
    let format = Format::Custom(CustomMaps::one(map()));
    let sns = json!({"Type": "Notification", "MessageId": "m1", "TopicArn": "arn:t",
        "Timestamp": "2026-11-29T15:40:13.100Z", "Message": event().to_string()});
    for wrapped in [
        sns.clone(),
        json!({"body": event()}),
        json!({"Records": [{"messageId": "m2", "body": sns.to_string(), "eventSource": "aws:sqs"}]}),
    ] {
        let read = normalise(&format, &wrapped, RECEIVED);
        assert_eq!(read.event_id, "77", "{wrapped}");
        assert_eq!(signal_of(&format, &wrapped).text("queue_id"), Some("q1"));
    }
}

#[test]
fn a_map_may_still_point_at_what_stands_around_an_event() {
    let map = CustomMap {
        fields: BTreeMap::from([("queue_id", at(&["/data/queue/id"]))]),
        ..CustomMap::default()
    };
    let format = Format::Custom(CustomMaps::one(map));
    let event = json!({"specversion": "1.0", "id": "1", "source": "/a", "type": "t",
        "data": {"queue": {"id": "q1"}}});
    assert_eq!(signal_of(&format, &event).text("queue_id"), Some("q1"));
}
