//! Trunk and Edge topics.

use serde_json::json;

use super::*;

fn trunk(body: Value) -> Value {
    changed("eventbridge-trunk-status-down", "/detail/eventBody", body)
}

#[test]
fn a_disconnected_trunk_is_down_and_says_why() {
    let signal = signal(&fixture("eventbridge-trunk-status-down"));
    assert_eq!(
        signal.event_type,
        "v2.telephony.providers.edges.trunks.{id}"
    );
    assert_eq!(signal.text("status"), Some("DOWN"));
    assert_eq!(signal.text("trunk_id"), Some(TRUNK));
    assert_eq!(signal.part, TRUNK);
    assert_eq!(
        signal.text("status_detail"),
        Some("203.0.113.17:5061: No response to OPTIONS (Request Timeout)")
    );
    assert_eq!(signal.text("error_code"), Some("trunk.options.timeout"));
    assert_eq!(signal.text("trunk_name"), Some(TRUNK));
}

#[test]
fn a_connected_trunk_is_up_also_without_probes() {
    assert_eq!(
        signal(&fixture("eventbridge-trunk-status-up")).text("status"),
        Some("UP")
    );
    let quiet = trunk(json!({"id": TRUNK, "connectedStatus": {"connected": true},
        "optionsStatus": [], "registersStatus": []}));
    assert_eq!(signal(&quiet).text("status"), Some("UP"));
    assert_eq!(signal(&quiet).text("status_detail"), None);
}

#[test]
fn a_connected_trunk_with_one_failing_probe_is_degraded() {
    for body in [
        json!({"id": TRUNK, "connectedStatus": {"connected": true},
            "optionsStatus": [{"optionState": true}, {"optionState": false}]}),
        json!({"id": TRUNK, "connectedStatus": {"connected": true},
            "registersStatus": [{"registerState": false}]}),
        json!({"id": TRUNK, "optionsStatus": [{"optionState": false}]}),
    ] {
        assert_eq!(signal(&trunk(body)).text("status"), Some("DEGRADED"));
    }
}

#[test]
fn a_trunk_that_tells_no_state_at_all_goes_to_review() {
    let mismatch = mismatch(&trunk(json!({"id": TRUNK, "optionsStatus": []})));
    assert_eq!(mismatch.path, "/detail/eventBody/connectedStatus/connected");
}

#[test]
fn a_state_that_is_text_goes_to_review() {
    let mismatch = mismatch(&trunk(
        json!({"id": TRUNK, "connectedStatus": {"connected": "false"}}),
    ));
    assert_eq!(mismatch.path, "/detail/eventBody/connectedStatus/connected");
    assert_eq!(
        mismatch.problem,
        "expected true or false, found the text \"false\""
    );
}

#[test]
fn two_instances_of_one_trunk_are_two_parts() {
    let first = signal(&fixture("eventbridge-trunk-status-down"));
    let second = signal(&fixture("eventbridge-trunk-status-down-second-edge"));
    assert_ne!(first.part, second.part);
}

#[test]
fn a_bare_trunk_message_happened_at_its_latest_change() {
    let envelope = fixture("eventbridge-trunk-status-down");
    let event = json!({"topicName": envelope["detail"]["topicName"],
        "eventBody": envelope["detail"]["eventBody"]});
    assert_eq!(
        signal(&event).occurred_at.to_string(),
        "2026-11-23T14:05:10.402Z"
    );
}

#[test]
fn trunk_metrics_give_counts_and_the_name_without_the_instances_uuid() {
    let signal = signal(&fixture("eventbridge-trunk-metrics"));
    assert_eq!(signal.text("trunk_name"), Some("Carrier A BYOC Trunk"));
    assert_eq!(signal.part, TRUNK);
    assert_eq!(number(&signal, "inboundCallCount", "count"), Some(0.0));
    assert_eq!(number(&signal, "outboundCallCount", "count"), Some(2.0));
    assert_eq!(number(&signal, "mismatchCount", "count"), Some(14.0));
}

#[test]
fn an_offline_edge_is_offline() {
    let signal = signal(&fixture("eventbridge-edge-offline"));
    assert_eq!(signal.event_type, "v2.telephony.providers.edges.{id}");
    assert_eq!(signal.text("status"), Some("OFFLINE"));
    assert_eq!(signal.text("edge_id"), Some(EDGE));
    assert_eq!(signal.text("edge_name"), Some(EDGE));
    assert_eq!(signal.part, "");
}

#[test]
fn an_edges_load_is_one_reading_over_all_its_processors() {
    let signal = signal(&fixture("eventbridge-edge-metrics"));
    assert_eq!(signal.text("edge_name"), Some("FRA-EDGE-01"));
    let load = |statistic| number(&signal, "processors.activeTimePct", statistic);
    assert_eq!(load("max"), Some(96.0));
    assert_eq!(load("avg"), Some(58.0));
    assert_eq!(load("count"), Some(2.0));
    assert_eq!(number(&signal, "subsystems.delay", "max"), Some(0.25));
    assert_eq!(number(&signal, "upTime", "value"), Some(864_000.0));
}

#[test]
fn an_edges_software_update_says_nothing() {
    let event = json!({"topicName": format!("v2.telephony.providers.edges.{EDGE}.softwareupdate"),
        "eventBody": {}});
    assert!(matches!(read(&event).outcome, Outcome::Nothing(_)));
}
