//! Changes of format: each is a review item that names the place.

use serde_json::json;

use super::*;

#[test]
fn g19_renamed_fields_are_named_with_the_keys_found_instead() {
    let mismatch = mismatch(&fixture("drift-renamed-fields"));
    assert_eq!(mismatch.path, "/detail/eventBody/data/0/metrics/0/metric");
    assert!(
        mismatch.problem.contains("name, statistics"),
        "{}",
        mismatch.problem
    );
}

#[test]
fn g19_another_nesting_is_named_where_the_data_should_be() {
    let mismatch = mismatch(&fixture("drift-extra-nesting"));
    assert_eq!(mismatch.path, "/detail/eventBody/data");
    assert!(mismatch.problem.contains("payload"), "{}", mismatch.problem);
}

#[test]
fn g19_no_metrics_at_all_are_a_change_of_format() {
    let mismatch = mismatch(&fixture("drift-metrics-empty"));
    assert_eq!(mismatch.path, "/detail/eventBody/data/0/metrics");
}

#[test]
fn g19_numbers_as_text_are_a_change_of_format() {
    let mismatch = mismatch(&fixture("drift-numbers-as-strings"));
    assert_eq!(
        mismatch.path,
        "/detail/eventBody/data/0/metrics/0/stats/count"
    );
    assert_eq!(mismatch.problem, "expected a number, found the text \"17\"");
}

#[test]
fn g19_a_null_name_is_named() {
    assert_eq!(
        mismatch(&fixture("drift-null-name")).path,
        "/metrics/0/name"
    );
}

#[test]
fn a_point_in_time_where_a_duration_belongs_is_refused() {
    let pointer = "/detail/eventBody/data/0/metrics/1/stats/sum";
    let event = changed(
        "eventbridge-queue-interval-aggregate",
        pointer,
        json!(1_795_442_433_884_i64),
    );
    assert_eq!(mismatch(&event).path, pointer);
}

#[test]
fn an_envelope_of_somebody_else_is_refused() {
    assert_eq!(mismatch(&fixture("invalid-wrong-source")).path, "/source");
}

#[test]
fn an_envelope_without_detail_is_refused_and_keeps_its_id() {
    let event = fixture("invalid-no-detail");
    assert_eq!(mismatch(&event).path, "/detail");
    assert_eq!(
        read(&event).event_id,
        "6efd5506-3fd6-09a1-5599-09ae48bd6dd8"
    );
}

#[test]
fn an_unknown_topic_is_named_for_a_person_to_see() {
    let event = json!({"topicName": "v2.users.u1.presence", "eventBody": {"id": "u1"}});
    let mismatch = mismatch(&event);
    assert_eq!(mismatch.path, "/topicName");
    assert!(mismatch.problem.contains("v2.users.u1.presence"));
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in [json!(null), json!("{}"), json!([])] {
        let event = changed("eventbridge-edge-offline", "/detail/eventBody", body);
        assert_eq!(mismatch(&event).path, "/detail/eventBody");
    }
}

#[test]
fn what_is_no_object_is_refused_as_a_whole() {
    for item in [
        json!(1),
        json!("text"),
        json!(null),
        json!([[1]]),
        json!(true),
    ] {
        assert_eq!(mismatch(&item).path, "");
    }
    assert_eq!(mismatch(&json!({"hello": "world"})).path, "");
}
