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
