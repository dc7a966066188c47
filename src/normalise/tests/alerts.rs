//! Alerts of Genesys's own alert rules.

use serde_json::json;

use super::*;

const ACTION: &str = "/detail/eventBody/action";

#[test]
fn a_new_alert_is_alerting_and_names_queue_rule_and_threshold() {
    let signal = signal(&fixture("alerting-alert-create"));
    assert_eq!(signal.event_type, "v2.users.{id}.alerting.alerts");
    assert_eq!(signal.text("status"), Some("ALERTING"));
    assert_eq!(signal.text("queue_id"), Some(QUEUE));
    assert_eq!(signal.text("queue_name"), Some("Support_Voice_DE"));
    assert_eq!(signal.text("media_type"), Some("voice"));
    assert_eq!(signal.text("alert_metric"), Some("tWait"));
    assert_eq!(
        field(&signal, "alert_threshold"),
        Some(Field::Number(300.0))
    );
    assert_eq!(field(&signal, "alert_active"), Some(Field::Flag(true)));
    assert_eq!(
        signal.text("alert_rule_name"),
        Some("Support voice - average wait above 5 min")
    );
    assert_eq!(field(&signal, "wait_time_avg"), None);
}

#[test]
fn a_closed_alert_clears_the_part_that_it_opened() {
    let opened = signal(&fixture("alerting-alert-create"));
    let closed = signal(&fixture("alerting-alert-close"));
    assert_eq!(closed.text("status"), Some("CLEARED"));
    assert_eq!(closed.part, opened.part);
    assert!(closed.occurred_at > opened.occurred_at);
}

#[test]
fn every_way_to_end_an_alert_clears_it() {
    for action in ["CLOSE", "DELETE"] {
        let event = changed("alerting-alert-create", ACTION, json!(action));
        assert_eq!(signal(&event).text("status"), Some("CLEARED"), "{action}");
    }
    for action in ["CREATE", "UPDATE", "RENOTIFY"] {
        let mut event = changed("alerting-alert-create", ACTION, json!(action));
        assert_eq!(signal(&event).text("status"), Some("ALERTING"), "{action}");
        event["detail"]["eventBody"]["active"] = json!(false);
        assert_eq!(signal(&event).text("status"), Some("CLEARED"), "{action}");
    }
}

#[test]
fn counts_and_bulk_actions_are_not_alerts() {
    for action in [
        "UNREAD_COUNT_UPDATE",
        "BULK_DELETE",
        "BULK_UPDATE",
        "UNKNOWN",
    ] {
        let event = changed("alerting-alert-create", ACTION, json!(action));
        let outcome = read(&event).outcome;
        assert!(matches!(outcome, Outcome::Nothing(_)), "{action}");
    }
}

#[test]
fn an_action_that_nobody_has_heard_of_goes_to_review() {
    let event = changed("alerting-alert-create", ACTION, json!("ESCALATE"));
    assert_eq!(mismatch(&event).path, ACTION);
}

#[test]
fn copies_for_several_recipients_are_one_event() {
    for action in ["CREATE", "UPDATE", "RENOTIFY", "CLOSE"] {
        let first = changed("alerting-alert-create", ACTION, json!(action));
        let mut second = first.clone();
        second["id"] = json!("another-envelope");
        second["detail"]["topicName"] = json!("v2.users.somebody-else.alerting.alerts");
        second["detail"]["eventBody"]["userId"] = json!("somebody-else");
        second["detail"]["timestamp"] = json!("2026-11-23T14:30:06.100Z");
        assert_eq!(read(&first).event_id, read(&second).event_id, "{action}");
    }
}

#[test]
fn a_later_notice_of_the_same_alert_is_another_event() {
    let first = changed("alerting-alert-create", ACTION, json!("RENOTIFY"));
    let mut later = first.clone();
    later["detail"]["timestamp"] = json!("2026-11-23T15:00:05.000Z");
    assert_ne!(read(&first).event_id, read(&later).event_id);
    let mut changed_state = first.clone();
    changed_state["detail"]["eventBody"]["alertSummary"]["entities"][0]["alerting"] = json!(false);
    assert_ne!(read(&first).event_id, read(&changed_state).event_id);
}

#[test]
fn opening_and_closing_are_two_events() {
    assert_ne!(
        read(&fixture("alerting-alert-create")).event_id,
        read(&fixture("alerting-alert-close")).event_id
    );
}

#[test]
fn each_entity_of_an_alert_is_a_signal_with_its_own_state() {
    let entities = json!([
        {"entityType": "Queue", "queue": {"id": "q1", "displayName": "Sales"}, "alerting": true},
        {"entityType": "Queue", "queue": {"id": "q2", "displayName": "Care"}, "alerting": false},
        {"entityType": "User", "user": {"id": "u1", "displayName": "Desk 4"}, "alerting": true}]);
    let event = changed(
        "alerting-alert-create",
        "/detail/eventBody/alertSummary/entities",
        entities,
    );
    let signals = signals(&event);
    let told: Vec<_> = signals
        .iter()
        .map(|signal| (signal.text("entity_name"), signal.text("status")))
        .collect();
    assert_eq!(
        told,
        [
            (Some("Sales"), Some("ALERTING")),
            (Some("Care"), Some("CLEARED")),
            (Some("Desk 4"), Some("ALERTING"))
        ]
    );
    assert_eq!(signals[2].text("queue_id"), None);
    assert_ne!(signals[0].part, signals[2].part);
}

#[test]
fn a_count_is_not_divided_like_a_duration() {
    let predicate = "/detail/eventBody/conditions/predicates/0";
    let mut event = fixture("alerting-alert-create");
    let place = event.pointer_mut(predicate).unwrap();
    place["metric"] = json!("oWaiting");
    place["value"] = json!(20);
    assert_eq!(
        field(&signal(&event), "alert_threshold"),
        Some(Field::Number(20.0))
    );
}

#[test]
fn the_rest_form_says_the_same_as_the_topic() {
    let rest = signal(&fixture("alerting-rest-commonalert"));
    let topic = signal(&fixture("alerting-alert-create"));
    for name in [
        "status",
        "queue_id",
        "queue_name",
        "alert_id",
        "alert_rule_id",
    ] {
        assert_eq!(rest.text(name), topic.text(name), "{name}");
    }
    assert_eq!(rest.part, topic.part);
    assert_eq!(rest.event_type, topic.event_type);
}
