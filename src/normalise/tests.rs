//! Tests of normalisation on the shapes that really come.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::signal::Field;

const RECEIVED: Timestamp = Timestamp::from_millis(1_795_443_000_000);

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn genesys(item: &Value) -> Normalised {
    normalise(&Format::Genesys, item, RECEIVED)
}

fn signal_of(item: &Value) -> Signal {
    match genesys(item).outcome {
        Outcome::Signals(mut signals) if signals.len() == 1 => signals.remove(0),
        other => panic!("expected one signal, got {other:?}"),
    }
}

fn mismatch_of(item: &Value) -> SchemaMismatch {
    match genesys(item).outcome {
        Outcome::Mismatch(mismatch) => mismatch,
        other => panic!("expected a mismatch, got {other:?}"),
    }
}

fn reading(signal: &Signal, metric: &str, statistic: &str) -> Option<f64> {
    signal.metrics.get(metric)?.get(statistic).copied()
}

/// The body of an observation fixture, to be changed.
fn observation(change: impl FnOnce(&mut Value)) -> Value {
    let mut item = fixture("eventbridge-queue-observation");
    change(&mut item["detail"]["eventBody"]);
    item
}

#[test]
fn g4_the_guides_queue_event_gives_its_four_variables() {
    let normalised = genesys(&fixture("guide-queue-waiting"));
    assert_eq!(normalised.event_id, "3f1c9a52-6a0e-4d6f-9f0e-5b7f5c1c2a10");
    let signal = signal_of(&fixture("guide-queue-waiting"));
    assert_eq!(signal.event_type, "telephony.queue.waiting");
    assert_eq!(signal.text("queue_name"), Some("Billing Tier 1"));
    assert_eq!(signal.fields["wait_time_avg"], Field::Number(412.5));
    assert_eq!(reading(&signal, "queue.waitTime", "avg"), Some(412.5));
    assert_eq!(signal.occurred_at.to_string(), "2026-11-23T14:00:05Z");
}

#[test]
fn the_guides_event_is_read_under_body_and_with_every_spelling_of_its_type() {
    let bare = fixture("guide-queue-waiting");
    let wrapped = signal_of(&json!({ "body": bare }));
    assert_eq!(
        wrapped.event_payload_id,
        "3f1c9a52-6a0e-4d6f-9f0e-5b7f5c1c2a10"
    );
    for key in ["type", "eventType", "event_type", "topic"] {
        let item = json!({ key: "telephony.queue.waiting", "metrics": [{"name": "Q", "avg": 1}] });
        assert_eq!(signal_of(&item).event_type, "telephony.queue.waiting");
    }
    let untyped = json!({ "id": 7, "metrics": [{"name": "Q", "avg": 1}] });
    assert_eq!(signal_of(&untyped).event_type, "telephony.queue.waiting");
    assert_eq!(genesys(&untyped).event_id, "7");
}

#[test]
fn the_guides_trunk_event_gives_trunk_and_status() {
    let signal = signal_of(&fixture("guide-trunk-status"));
    assert_eq!(signal.event_type, "telephony.trunk.status");
    assert_eq!(
        signal.text("trunk_id"),
        Some("c2a6e7b0-19b2-43f2-8a6e-3d3d1f0b8e21")
    );
    assert_eq!(signal.text("trunk_name"), Some("SBC-Frankfurt-1"));
    assert_eq!(signal.text("status"), Some("DOWN"));
    let nested = json!({"type": "telephony.trunk.status", "trunk": {"id": "t", "status": "Down"}});
    assert_eq!(signal_of(&nested).text("status"), Some("DOWN"));
}

#[test]
fn g19_a_missing_or_null_queue_name_or_average_is_a_mismatch_that_names_the_place() {
    for (metric, path) in [
        (json!({"avg": 400}), "/metrics/0/name"),
        (json!({"name": null, "avg": 400}), "/metrics/0/name"),
        (json!({"name": "", "avg": 400}), "/metrics/0/name"),
        (json!({"name": "Q"}), "/metrics/0/avg"),
        (json!({"name": "Q", "avg": null}), "/metrics/0/avg"),
        (json!({"name": "Q", "avg": "400"}), "/metrics/0/avg"),
    ] {
        let item = json!({"type": "telephony.queue.waiting", "metrics": [metric]});
        assert_eq!(mismatch_of(&item).path, path, "{item}");
    }
    let empty = json!({"type": "telephony.queue.waiting", "metrics": []});
    assert_eq!(mismatch_of(&empty).path, "/metrics/0");
    assert_eq!(mismatch_of(&json!({"hello": 1})).path, "/type");
}

#[test]
fn a_queue_id_stands_in_for_a_missing_name() {
    let item = json!({"queueId": "q-1", "metrics": [{"avg": 400}]});
    assert_eq!(signal_of(&item).text("queue_name"), Some("q-1"));
    let signal = signal_of(&fixture("eventbridge-queue-observation"));
    assert_eq!(signal.text("queue_name"), signal.text("queue_id"));
}

#[test]
fn an_observation_carries_its_counts_and_nothing_that_is_not_in_it() {
    let signal = signal_of(&fixture("eventbridge-queue-observation"));
    assert_eq!(signal.event_type, "v2.analytics.queues.{id}.observations");
    assert_eq!(
        signal.event_payload_id,
        "6efd5506-3fd6-09a1-5599-09ae48bd6dd8"
    );
    assert_eq!(signal.part, "voice");
    assert_eq!(reading(&signal, "oWaiting", "count"), Some(17.0));
    assert_eq!(reading(&signal, "tWait", "avg"), None);
    assert!(!signal.fields.contains_key("wait_time_avg"));
    assert_eq!(signal.occurred_at.to_string(), "2026-11-23T14:07:30.884Z");
}

#[test]
fn g2_wait_time_on_a_real_observation_is_sum_by_count_in_seconds() {
    let signal = signal_of(&fixture("eventbridge-queue-interval-aggregate"));
    assert_eq!(reading(&signal, "queue.waitTime", "avg"), Some(365.0));
    assert_eq!(reading(&signal, "tWait", "max"), Some(612.0));
    assert_eq!(signal.fields["wait_time_avg"], Field::Number(365.0));
    assert_eq!(reading(&signal, "oServiceLevel", "ratio"), Some(0.0952));
    assert_eq!(reading(&signal, "nOffered", "count"), Some(42.0));
}

#[test]
fn an_average_of_nothing_is_not_there() {
    let item = observation(|body| {
        body["data"][0]["metrics"] = json!([{"metric": "tWait", "stats": {"count": 0, "sum": 0}}]);
    });
    let signal = signal_of(&item);
    assert_eq!(reading(&signal, "queue.waitTime", "avg"), None);
}

#[test]
fn a_metric_that_comes_once_per_qualifier_is_summed() {
    let item = observation(|body| {
        body["group"] = json!({"queueId": "q-1"});
        body["data"][0]["metrics"] = json!([
            {"metric": "oOnQueueUsers", "qualifier": "IDLE", "stats": {"count": 2}},
            {"metric": "oOnQueueUsers", "qualifier": "INTERACTING", "stats": {"count": 9}},
        ]);
    });
    let signal = signal_of(&item);
    assert_eq!(reading(&signal, "oOnQueueUsers", "count"), Some(11.0));
    assert_eq!(reading(&signal, "oOnQueueUsers", "IDLE"), Some(2.0));
    assert_eq!(signal.part, "");
}

#[test]
fn a_longest_wait_given_as_a_point_in_time_is_an_age() {
    let item = observation(|body| {
        body["data"][0]["metrics"] = json!([
            {"metric": "oLongestWaiting", "stats": {"calculatedMetricValue": 1_795_442_840_884_i64}},
        ]);
    });
    let mut item = item;
    item["detail"]["timestamp"] = json!(1_795_442_850_884_i64);
    assert_eq!(
        reading(&signal_of(&item), "oLongestWaiting", "age"),
        Some(10.0)
    );
}

#[test]
fn the_latest_interval_wins_whatever_the_order() {
    let entry = |interval: &str, count: i64| json!({"interval": interval, "metrics": [{"metric": "nOffered", "stats": {"count": count}}]});
    let item = observation(|body| {
        body["data"] = json!([
            entry("2026-11-23T14:30:00.000Z/2026-11-23T15:00:00.000Z", 5),
            entry("2026-11-23T14:00:00.000Z/2026-11-23T14:30:00.000Z", 40),
        ]);
    });
    assert_eq!(reading(&signal_of(&item), "nOffered", "count"), Some(5.0));
}

#[test]
fn renamed_fields_are_a_mismatch_that_says_what_was_found() {
    let mismatch = mismatch_of(&fixture("drift-renamed-fields"));
    assert_eq!(mismatch.path, "/detail/eventBody/data/0/metrics/0/metric");
    assert!(mismatch.problem.contains("name, statistics"), "{mismatch}");
}

#[test]
fn numbers_as_text_empty_metrics_and_missing_groups_are_mismatches() {
    let cases: [(Value, &str); 4] = [
        (
            observation(|body| body["data"][0]["metrics"][0]["stats"]["count"] = json!("17")),
            "/detail/eventBody/data/0/metrics/0/stats/count",
        ),
        (
            observation(|body| body["data"][0]["metrics"] = json!([])),
            "/detail/eventBody/data/0/metrics",
        ),
        (
            observation(|body| body["group"] = json!({})),
            "/detail/eventBody/group/queueId",
        ),
        (
            observation(|body| *body = json!("text")),
            "/detail/eventBody",
        ),
    ];
    for (item, path) in cases {
        assert_eq!(mismatch_of(&item).path, path);
    }
}

#[test]
fn a_trunks_status_is_made_of_its_connection_and_its_peers() {
    let down = signal_of(&fixture("eventbridge-trunk-status-down"));
    assert_eq!(down.text("status"), Some("DOWN"));
    assert_eq!(
        down.text("status_detail"),
        Some("203.0.113.17:5061: No response to OPTIONS")
    );
    assert_eq!(down.text("trunk_id"), Some(down.part.as_str()));
    let mut half = fixture("eventbridge-trunk-status-down");
    half["detail"]["eventBody"]["connectedStatus"]["connected"] = json!(true);
    assert_eq!(signal_of(&half).text("status"), Some("DEGRADED"));
    let up = signal_of(&fixture("eventbridge-trunk-status-up"));
    assert_eq!(up.text("status"), Some("UP"));
}

#[test]
fn an_instances_uuid_is_cut_from_its_trunks_name() {
    let item = json!({
        "topicName": "v2.telephony.providers.edges.trunks.t1.metrics",
        "eventBody": {"eventTime": "2026-11-23T14:05:59.512Z",
            "trunk": {"id": "t1", "name": "Carrier A BYOC Trunk c4a9e0d7-51b2-4e8f-8f0a-9d27b3e6a105"},
            "calls": {"inboundCallCount": 0, "outboundCallCount": 2}, "qos": {"mismatchCount": 14}},
    });
    let signal = signal_of(&item);
    assert_eq!(
        signal.event_type,
        "v2.telephony.providers.edges.trunks.{id}.metrics"
    );
    assert_eq!(signal.text("trunk_name"), Some("Carrier A BYOC Trunk"));
    assert_eq!(reading(&signal, "trunk.mismatches", "count"), Some(14.0));
}

#[test]
fn edges_and_operational_events_give_status_and_names() {
    let edge = signal_of(&fixture("eventbridge-edge-offline"));
    assert_eq!(edge.text("status"), Some("OFFLINE"));
    for name in [
        "eventbridge-operational-event",
        "trigger-dataaction-operational-event",
    ] {
        let signal = signal_of(&fixture(name));
        assert_eq!(signal.event_type, "v2.operations.events.{id}", "{name}");
        assert_eq!(signal.text("edge_name"), Some("FRA-EDGE-01"), "{name}");
        assert_eq!(signal.text("previous_status"), Some("ONLINE"), "{name}");
        assert_eq!(
            signal.text("event_name"),
            Some("Edge connection status changed")
        );
        assert!(
            !signal.fields.contains_key("error_code"),
            "null and empty are absent"
        );
        assert_eq!(signal.occurred_at.as_millis(), 1_795_442_739_240);
    }
}

#[test]
fn an_abandoned_conversation_gives_its_outcome_and_no_telephone_number() {
    let signal = signal_of(&fixture("eventbridge-acd-end-abandon"));
    assert_eq!(signal.text("acd_outcome"), Some("ABANDON"));
    assert_eq!(signal.fields["connected_duration"], Field::Number(341.882));
    assert_eq!(signal.part, "voice");
    assert!(!format!("{signal:?}").contains("+4930"));
}

#[test]
fn an_alert_is_one_event_for_all_its_recipients_and_names_its_queue() {
    let item = fixture("alerting-alert-create");
    let signal = signal_of(&item);
    assert_eq!(signal.text("status"), Some("ALERTING"));
    assert_eq!(signal.text("queue_name"), Some("Support_Voice_DE"));
    assert_eq!(signal.fields["alert_threshold"], Field::Number(300.0));
    let mut other = item.clone();
    other["id"] = json!("another-envelope");
    other["detail"]["topicName"] = json!("v2.users.u2.alerting.alerts");
    assert_eq!(genesys(&item).event_id, genesys(&other).event_id);
    let with = |action: &str| {
        let mut item = item.clone();
        item["detail"]["eventBody"]["action"] = json!(action);
        item
    };
    assert_eq!(signal_of(&with("CLOSE")).text("status"), Some("CLEARED"));
    assert_eq!(
        genesys(&with("UNREAD_COUNT_UPDATE")).outcome,
        Outcome::Nothing("a count of unread alerts")
    );
    let mut later = with("RENOTIFY");
    later["detail"]["timestamp"] = json!("2026-11-23T15:30:05.664Z");
    assert_ne!(
        genesys(&with("RENOTIFY")).event_id,
        genesys(&later).event_id
    );
}

#[test]
fn heartbeats_say_nothing_and_unknown_topics_are_shown_to_a_person() {
    assert_eq!(
        genesys(&fixture("websocket-heartbeat")).outcome,
        Outcome::Nothing("heartbeat")
    );
    let item = json!({"topicName": "v2.brand.new.topic", "eventBody": {}});
    assert!(mismatch_of(&item).problem.contains("v2.brand.new.topic"));
}

#[test]
fn a_derived_id_does_not_depend_on_the_order_of_keys() {
    let one: Value =
        serde_json::from_str(r#"{"topicName":"x","eventBody":{"a":1,"b":[1,2]}}"#).unwrap();
    let two: Value =
        serde_json::from_str(r#"{"eventBody":{"b":[1,2],"a":1},"topicName":"x"}"#).unwrap();
    assert_eq!(genesys(&one).event_id, genesys(&two).event_id);
    let three: Value =
        serde_json::from_str(r#"{"eventBody":{"b":[2,1],"a":1},"topicName":"x"}"#).unwrap();
    assert_ne!(genesys(&one).event_id, genesys(&three).event_id);
}

#[test]
fn times_are_read_in_every_form_and_a_bad_one_is_a_mismatch() {
    let with =
        |timestamp: Value| json!({"metrics": [{"name": "Q", "avg": 1}], "timestamp": timestamp});
    for (given, millis) in [
        (json!("2026-11-23T14:00:00Z"), 1_795_442_400_000),
        (json!("2026-11-23T15:00:00+01:00"), 1_795_442_400_000),
        (json!("2026-11-23T14:00:00"), 1_795_442_400_000),
        (json!(1_795_442_400), 1_795_442_400_000),
        (json!(1_795_442_400_000_i64), 1_795_442_400_000),
        (json!("1795442400000"), 1_795_442_400_000),
        (Value::Null, RECEIVED.as_millis()),
    ] {
        assert_eq!(signal_of(&with(given)).occurred_at.as_millis(), millis);
    }
    for bad in [json!("yesterday"), json!(-5), json!(1e30), json!([])] {
        assert_eq!(mismatch_of(&with(bad)).path, "/timestamp");
    }
}

#[test]
fn control_characters_and_endless_names_are_tamed() {
    let long = format!("bad\u{1b}[31m{}", "x".repeat(5000));
    let item = json!({"metrics": [{"name": long, "avg": 1}]});
    let signal = signal_of(&item);
    let name = signal.text("queue_name").unwrap();
    assert!(name.starts_with("bad [31m") && name.chars().count() == 1000);
}

fn custom_map() -> Format {
    let at = |pointer: &str| pointer.parse::<Pointers>().unwrap();
    Format::Custom(Box::new(CustomMap {
        event_id: Some(at("/id")),
        event_type: at("/type"),
        timestamp: Some(at("/timestamp")),
        fields: [
            ("queue_id", at("/queue/id")),
            (
                "queue_name",
                Pointers::new(vec!["/queue/name".into(), "/queueName".into()]).unwrap(),
            ),
        ]
        .into(),
        metrics: [(
            "queue.waitTime".to_owned(),
            CustomMetric {
                statistics: [("avg".to_owned(), at("/stats/wait/avg"))].into(),
                unit: Unit::Milliseconds,
            },
        )]
        .into(),
        labels: [("site".to_owned(), at("/site"))].into(),
    }))
}

#[test]
fn a_custom_map_says_where_things_are() {
    let item = json!({"id": 9, "type": "wait", "timestamp": 1_795_442_400, "queue": {"id": 12},
        "queueName": "Sales", "stats": {"wait": {"avg": 310_000}}, "site": "FRA"});
    let normalised = normalise(&custom_map(), &item, RECEIVED);
    assert_eq!(normalised.event_id, "9");
    let Outcome::Signals(signals) = normalised.outcome else {
        panic!("a signal")
    };
    let signal = &signals[0];
    assert_eq!(signal.text("queue_id"), Some("12"));
    assert_eq!(signal.text("queue_name"), Some("Sales"));
    assert_eq!(reading(signal, "queue.waitTime", "avg"), Some(310.0));
    assert_eq!(signal.labels["site"], "FRA");
}

#[test]
fn a_custom_event_without_a_type_or_with_text_for_a_number_is_a_mismatch() {
    let outcome = |item: Value| normalise(&custom_map(), &item, RECEIVED).outcome;
    let Outcome::Mismatch(mismatch) = outcome(json!({"queue": {"id": 1}})) else {
        panic!("a mismatch")
    };
    assert_eq!(mismatch.path, "/type");
    let Outcome::Mismatch(mismatch) =
        outcome(json!({"type": "t", "stats": {"wait": {"avg": "310"}}}))
    else {
        panic!("a mismatch")
    };
    assert_eq!(mismatch.path, "/stats/wait/avg");
}

#[test]
fn a_bad_pointer_is_refused_with_a_reason() {
    assert!("queue/name".parse::<Pointers>().is_err());
    assert!("/queue~name".parse::<Pointers>().is_err());
    assert!("/queue~1name".parse::<Pointers>().is_ok());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "(id|type|topicName|eventBody|detail|body|metrics|data|group|queueId|stats|metric|rule|entityId|trunk|status|conditions|action|timestamp)",
        ".{0,6}",
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Replaces the value at one place of `item`.
fn mutate(item: &mut Value, place: usize, with: Value) {
    fn walk(value: &mut Value, place: &mut usize, with: &Value) -> bool {
        if *place == 0 {
            *value = with.clone();
            return true;
        }
        *place -= 1;
        match value {
            Value::Array(items) => items.iter_mut().any(|item| walk(item, place, with)),
            Value::Object(map) => map.values_mut().any(|item| walk(item, place, with)),
            _ => false,
        }
    }
    let mut place = place;
    walk(item, &mut place, &with);
}

proptest! {
    #[test]
    fn no_json_makes_normalisation_panic(item in any_json()) {
        prop_assert!(!genesys(&item).event_id.is_empty());
        prop_assert!(!normalise(&custom_map(), &item, RECEIVED).event_id.is_empty());
    }

    #[test]
    fn no_change_to_a_real_event_makes_it_panic_or_puts_a_nan_into_a_reading(
        name in prop::sample::select(vec!["eventbridge-queue-observation", "eventbridge-trunk-status-down",
            "alerting-alert-create", "eventbridge-operational-event", "guide-queue-waiting", "guide-trunk-status",
            "eventbridge-queue-interval-aggregate", "eventbridge-acd-end-abandon"]),
        place in 0..60_usize,
        with in any_json(),
    ) {
        let mut item = fixture(name);
        mutate(&mut item, place, with);
        if let Outcome::Signals(signals) = genesys(&item).outcome {
            for reading in signals.iter().flat_map(|signal| signal.metrics.values()) {
                prop_assert!(reading.values().all(|value| value.is_finite()));
            }
        }
    }
}
