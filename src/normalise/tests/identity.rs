//! Which id an event has: the key by which repetitions are recognised.

use serde_json::json;

use super::*;

fn at(event: &Value, milliseconds: i64) -> String {
    let received_at = Timestamp::from_millis(milliseconds);
    normalise(&Format::Genesys, event, received_at).event_id
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_envelopes_id_is_the_events() {
    let event = fixture("eventbridge-trunk-status-down");
    assert_eq!(at(&event, 0), "f0a7c1b3-2d94-4e6f-a5b8-71c0e9d3f246");
}

#[test]
fn a_derived_id_does_not_depend_on_the_order_of_keys() {
    let one = r#"{"topicName":"v2.telephony.providers.edges.e1","timestamp":1795442739240,
        "eventBody":{"id":"e1","onlineStatus":"OFFLINE"},"version":"2"}"#;
    let other = r#"{"version":"2","eventBody":{"onlineStatus":"OFFLINE","id":"e1"},
        "timestamp":1795442739240,"topicName":"v2.telephony.providers.edges.e1"}"#;
    assert_eq!(at(&parse(one), 1), at(&parse(other), 900_000));
    assert!(at(&parse(one), 1).starts_with("sha256:"));
}

#[test]
fn the_trace_id_is_no_part_of_a_derived_id() {
    let mut event = fixture("websocket-queue-observation");
    let before = at(&event, 5_000);
    event["metadata"]["CorrelationId"] = json!("another");
    assert_eq!(at(&event, 5_000), before);
    event["eventBody"]["data"][0]["metrics"][0]["stats"]["count"] = json!(18);
    assert_ne!(at(&event, 5_000), before);
}

#[test]
fn the_same_state_again_later_is_a_new_event_when_the_message_tells_no_time() {
    let event = json!({"topicName": "v2.telephony.providers.edges.e1",
        "eventBody": {"id": "e1", "onlineStatus": "OFFLINE"}});
    assert_eq!(at(&event, 5_000), at(&event, 5_999));
    assert_ne!(at(&event, 5_000), at(&event, 60_000));
}

#[test]
fn a_misfit_has_an_id_too() {
    for item in [json!(1), json!({}), json!([1, 2]), json!({"id": {}})] {
        assert!(at(&item, 0).starts_with("sha256:"), "{item}");
    }
}

/// An event that tells a status at a time.
type Form<'f> = &'f dyn Fn(&str, &str) -> Value;

/// The id of a thing, taken for the event's, would make its recovery the repetition of its failure.
#[test]
fn two_readings_of_one_thing_are_never_one_event() {
    let edge = "0b4c1c1e-4a55-4b1c-9b0e-6c3f0f7d2a11";
    let envelope = |status: &str, time: &str| {
        json!({"id": edge, "detail-type": "v2.telephony.providers.edges.{id}",
            "source": "aws.partner/genesys.com/cloud/o/s", "time": time,
            "detail": {"topicName": format!("v2.telephony.providers.edges.{edge}"),
                "eventBody": {"id": edge, "onlineStatus": status}}})
    };
    let cloud_event = |status: &str, time: &str| {
        json!({"specversion": "1.0", "type": "v2.telephony.providers.edges.{id}", "source": "/r",
            "id": edge, "time": time, "data": {"id": edge, "onlineStatus": status}})
    };
    let named = |status: &str, time: &str| {
        json!({"id": "C5", "type": "telephony.trunk.status", "trunkId": "t1", "trunkName": "C5",
            "status": status, "timestamp": time})
    };
    let grid = |status: &str, time: &str| {
        json!([{"id": edge, "eventType": "v2.telephony.providers.edges.{id}", "subject": "s",
            "eventTime": time, "dataVersion": "1", "data": {"id": edge, "onlineStatus": status}}])
            [0]
        .clone()
    };
    let forms: [Form<'_>; 4] = [&envelope, &cloud_event, &named, &grid];
    for form in forms {
        let down = form("OFFLINE", "2026-11-23T14:00:00Z");
        let up = form("ONLINE", "2026-11-23T14:01:00Z");
        let again = form("OFFLINE", "2026-11-23T14:02:00Z");
        assert_ne!(at(&down, 0), at(&up, 0), "{down}");
        assert_ne!(at(&down, 0), at(&again, 0), "{down}");
        assert_eq!(at(&down, 0), at(&down, 900_000), "{down}");
    }
    let queue = |average: u32| {
        json!({"id": "Billing", "metrics": [{"name": "Billing", "avg": average}],
            "timestamp": "2026-11-23T14:00:00Z"})
    };
    assert_ne!(at(&queue(900), 0), at(&queue(10), 0));
}

/// An id that says that there is none would make every later event a repetition of the first.
#[test]
fn two_events_without_an_id_are_two_whatever_stands_in_its_place() {
    let words = [
        "",
        "  ",
        "null",
        "undefined",
        "NOT_SET",
        "None",
        "N/A",
        "(null)",
        "-",
        "unknown",
        "{{id}}",
        "${id}",
        "%{id}",
        "%id%",
        "00000000-0000-0000-0000-000000000000",
    ];
    for word in words {
        let guide = |queue: &str| {
            let mut event = changed("guide-queue-waiting", "/metrics/0/name", json!(queue));
            event["id"] = json!(word);
            event
        };
        let ids = [guide("Billing"), guide("Sales")].map(|event| read(&event).event_id);
        assert_ne!(ids[0], ids[1], "{word:?}");
        let around = [guide("Billing"), guide("Sales")].map(|event| {
            let cloud_event = json!({
                "specversion": "1.0", "id": word, "source": "relay", "type": "x", "data": event,
            });
            read(&cloud_event).event_id
        });
        assert_ne!(around[0], around[1], "{word:?} in a CloudEvent");
    }
}
