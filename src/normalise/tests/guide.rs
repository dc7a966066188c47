//! The event of the original integration guide.

use serde_json::json;

use super::*;

#[test]
fn g4_the_guides_four_variables_are_read() {
    let signal = signal(&fixture("guide-queue-waiting"));
    assert_eq!(signal.event_type, "telephony.queue.waiting");
    assert_eq!(
        signal.event_payload_id,
        "3f1c9a52-6a0e-4d6f-9f0e-5b7f5c1c2a10"
    );
    assert_eq!(signal.text("queue_name"), Some("Billing Tier 1"));
    assert_eq!(field(&signal, "wait_time_avg"), Some(Field::Number(412.5)));
    assert_eq!(signal.occurred_at.to_string(), "2026-11-23T14:00:05Z");
    assert_eq!(number(&signal, "queue.waitTime", "avg"), Some(412.5));
}

#[test]
fn the_guides_event_may_stand_under_body() {
    let bare = fixture("guide-queue-waiting");
    let wrapped = json!({"body": bare});
    assert_eq!(read(&wrapped), read(&bare));
}

#[test]
fn the_type_may_have_any_of_its_four_names_or_none() {
    for key in ["type", "eventType", "event_type", "topic", "nothing"] {
        let mut event = fixture("guide-queue-waiting");
        event.as_object_mut().unwrap().remove("type");
        event[key] = json!("telephony.queue.waiting");
        assert_eq!(signal(&event).event_type, "telephony.queue.waiting");
    }
}

#[test]
fn another_type_goes_to_review() {
    let event = changed(
        "guide-queue-waiting",
        "/type",
        json!("billing.invoice.paid"),
    );
    assert_eq!(mismatch(&event).path, "/type");
}

#[test]
fn g19_a_missing_or_null_queue_name_goes_to_review() {
    for name in [json!(null), json!(""), json!("  ")] {
        let event = changed("guide-queue-waiting", "/metrics/0/name", name);
        assert_eq!(mismatch(&event).path, "/metrics/0/name");
    }
    let event = changed("guide-queue-waiting", "/metrics/0", json!({"avg": 412.5}));
    assert_eq!(mismatch(&event).path, "/metrics/0/name");
    assert_eq!(
        mismatch(&json!({"body": event})).path,
        "/body/metrics/0/name"
    );
}

#[test]
fn g19_a_missing_or_null_average_goes_to_review() {
    let event = changed("guide-queue-waiting", "/metrics/0/avg", json!(null));
    assert_eq!(mismatch(&event).path, "/metrics/0/avg");
    let event = changed("guide-queue-waiting", "/metrics/0", json!({"name": "A"}));
    assert_eq!(mismatch(&event).path, "/metrics/0/avg");
}

#[test]
fn g19_an_average_in_quotes_goes_to_review() {
    let event = changed("guide-queue-waiting", "/metrics/0/avg", json!("412.5"));
    assert_eq!(mismatch(&event).path, "/metrics/0/avg");
}

#[test]
fn g19_an_event_without_metrics_goes_to_review() {
    for metrics in [json!([]), json!(null), json!({"name": "A", "avg": 1})] {
        let event = changed("guide-queue-waiting", "/metrics", metrics);
        assert_eq!(mismatch(&event).path, "/metrics");
    }
}

#[test]
fn a_queue_given_elsewhere_makes_up_for_the_name() {
    for (extra, id) in [
        (json!({"queue": {"id": "q1"}}), "q1"),
        (json!({"queueId": 42}), "42"),
    ] {
        let mut event = changed("guide-queue-waiting", "/metrics/0/name", json!(null));
        let members = extra.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(members);
        assert_eq!(signal(&event).text("queue_id"), Some(id));
        assert_eq!(signal(&event).text("queue_name"), Some(id));
    }
}

#[test]
fn a_queue_id_is_read_beside_the_name() {
    let mut event = fixture("guide-queue-waiting");
    event["queue"] = json!({"id": "q1"});
    let signal = signal(&event);
    assert_eq!(signal.text("queue_id"), Some("q1"));
    assert_eq!(signal.text("queue_name"), Some("Billing Tier 1"));
}

#[test]
fn a_metric_named_like_the_filter_is_not_a_queue() {
    let mut event = changed(
        "guide-queue-waiting",
        "/metrics/0/name",
        json!("queue.waitTime"),
    );
    assert_eq!(mismatch(&event).path, "/metrics/0/name");
    event["queue"] = json!({"name": "Billing Tier 1"});
    let signal = signal(&event);
    assert_eq!(signal.text("queue_name"), Some("Billing Tier 1"));
    assert_eq!(number(&signal, "queue.waitTime", "avg"), Some(412.5));
}

#[test]
fn further_metrics_are_read_under_their_names() {
    let mut event = fixture("guide-queue-waiting");
    let entry = json!({"name": "oWaiting", "count": 17});
    event["metrics"].as_array_mut().unwrap().push(entry);
    assert_eq!(number(&signal(&event), "oWaiting", "count"), Some(17.0));
}

#[test]
fn a_trunk_event_gives_trunk_and_status_wherever_the_status_stands() {
    let top = fixture("guide-trunk-status");
    let mut nested = top.clone();
    nested.as_object_mut().unwrap().remove("status");
    nested["trunk"]["status"] = json!("down");
    for event in [top, nested] {
        let signal = signal(&event);
        assert_eq!(signal.event_type, "telephony.trunk.status");
        assert_eq!(signal.text("status"), Some("DOWN"));
        assert_eq!(signal.text("trunk_name"), Some("SBC-Frankfurt-1"));
        assert_eq!(signal.part, "c2a6e7b0-19b2-43f2-8a6e-3d3d1f0b8e21");
    }
}

#[test]
fn g19_a_trunk_event_without_status_or_trunk_goes_to_review() {
    let event = changed("guide-trunk-status", "/status", json!(null));
    assert_eq!(mismatch(&event).path, "/status");
    let event = changed("guide-trunk-status", "/trunk", json!({}));
    assert_eq!(mismatch(&event).path, "/trunk");
}

#[test]
fn an_event_without_a_time_happened_when_it_came() {
    let event = changed("guide-queue-waiting", "/timestamp", json!(null));
    assert_eq!(signal(&event).occurred_at, RECEIVED);
    let event = changed("guide-queue-waiting", "/timestamp", json!("noon"));
    assert_eq!(mismatch(&event).path, "/timestamp");
}

#[test]
fn control_characters_never_reach_a_ticket() {
    let event = changed(
        "guide-queue-waiting",
        "/metrics/0/name",
        json!("Bill\u{0}ing\r\n Tier 1"),
    );
    assert_eq!(signal(&event).text("queue_name"), Some("Billing Tier 1"));
}

#[test]
fn a_second_queue_in_the_metrics_is_never_lost() {
    let event = |metrics: Value| json!({"type": "telephony.queue.waiting", "metrics": metrics});
    let two = event(json!([{"name": "Other", "avg": 20}, {"name": "Billing", "avg": 900}]));
    let problem = mismatch(&two).to_string();
    assert!(problem.contains("second queue"), "{problem}");
    let one = event(
        json!([{"name": "Other", "avg": 20}, {"name": "tTalk", "avg": 90},
        {"name": "my.metric", "avg": 5}, {"name": "Waiting", "count": 3}]),
    );
    let read = signal(&one).metrics;
    for name in ["queue.waitTime", "tTalk", "my.metric", "Waiting"] {
        assert!(read.contains_key(name), "{name}: {read:?}");
    }
    let mut named = two;
    named["queueName"] = json!("Other");
    assert!(signal(&named).metrics.contains_key("Billing"));
}
