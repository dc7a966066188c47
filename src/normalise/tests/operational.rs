//! Operational events from the topic and from a data action.

use serde_json::json;

use super::*;

#[test]
fn an_operational_event_names_its_entity_and_the_change() {
    let signal = signal(&fixture("eventbridge-operational-event"));
    assert_eq!(signal.event_type, "v2.operations.events.{id}");
    assert_eq!(signal.text("status"), Some("OFFLINE"));
    assert_eq!(signal.text("previous_status"), Some("ONLINE"));
    assert_eq!(
        signal.text("event_name"),
        Some("Edge connection status changed")
    );
    assert_eq!(signal.text("entity_id"), Some(EDGE));
    assert_eq!(signal.text("entity_type"), Some("EDGE"));
    assert_eq!(signal.text("edge_id"), Some(EDGE));
    assert_eq!(signal.text("edge_name"), Some("FRA-EDGE-01"));
    assert_eq!(signal.text("error_code"), None);
}

#[test]
fn a_data_actions_flat_body_says_the_same_as_the_topic() {
    let flat = signal(&fixture("trigger-dataaction-operational-event"));
    let topic = signal(&fixture("eventbridge-operational-event"));
    for name in [
        "status",
        "previous_status",
        "event_name",
        "edge_id",
        "edge_name",
    ] {
        assert_eq!(flat.text(name), topic.text(name), "{name}");
    }
    assert_eq!(flat.event_type, topic.event_type);
    assert_eq!(flat.occurred_at.to_string(), "2026-11-23T14:05:39.24Z");
}

#[test]
fn a_data_action_need_not_name_the_topic() {
    let event = json!({"entityId": "e1", "entityType": "TRUNK", "currentValue": "down",
        "timestamp": 1_795_442_739_240_i64});
    let signal = signal(&event);
    assert_eq!(signal.event_type, "v2.operations.events.{id}");
    assert_eq!(signal.text("trunk_id"), Some("e1"));
    assert_eq!(signal.text("status"), Some("DOWN"));
}

#[test]
fn the_id_of_the_entity_is_not_taken_for_the_events() {
    let event = json!({"id": "e1", "entityId": "e1", "currentValue": "DOWN",
        "timestamp": 1_795_442_739_240_i64});
    assert!(read(&event).event_id.starts_with("sha256:"));
    let event = json!({"topic": "v2.telephony.providers.edges.{id}", "id": "e1",
        "onlineStatus": "OFFLINE", "timestamp": 1_795_442_739_240_i64});
    assert!(read(&event).event_id.starts_with("sha256:"));
    assert_eq!(signal(&event).text("edge_id"), Some("e1"));
    let event = json!({"id": "evt-8", "entityId": "e1", "currentValue": "DOWN"});
    assert_eq!(read(&event).event_id, "evt-8");
    let event = json!({"eventId": "evt-9", "entityId": "e1", "currentValue": "DOWN"});
    assert_eq!(read(&event).event_id, "evt-9");
}

#[test]
fn an_operational_event_about_nothing_goes_to_review() {
    let pointer = "/detail/eventBody/entityId";
    let mut event = changed("eventbridge-operational-event", pointer, json!(null));
    event["detail"]["eventBody"]["entityName"] = json!(null);
    event["detail"]["eventBody"]["eventEntity"] = json!(null);
    assert_eq!(mismatch(&event).path, pointer);
}
