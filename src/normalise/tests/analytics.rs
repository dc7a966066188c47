//! Queue and flow topics: readings, units, qualifiers, intervals.

use serde_json::json;

use super::*;

#[test]
fn a_queue_observation_gives_its_queue_media_type_and_counts() {
    let signal = signal(&fixture("eventbridge-queue-observation"));
    assert_eq!(signal.event_type, "v2.analytics.queues.{id}.observations");
    assert_eq!(
        signal.event_payload_id,
        "6efd5506-3fd6-09a1-5599-09ae48bd6dd8"
    );
    assert_eq!(
        signal.topic,
        Some(format!("v2.analytics.queues.{QUEUE}.observations"))
    );
    assert_eq!(signal.occurred_at.to_string(), "2026-11-23T14:07:30.884Z");
    assert_eq!(signal.text("queue_id"), Some(QUEUE));
    assert_eq!(signal.text("media_type"), Some("voice"));
    assert_eq!(signal.part, "voice");
    assert_eq!(
        signal.text("organization_id"),
        Some("3f1c2b6e-8d40-4a51-9c77-1e5a0b92d6f4")
    );
    assert_eq!(number(&signal, "oWaiting", "count"), Some(17.0));
    assert_eq!(number(&signal, "oInteracting", "count"), Some(9.0));
}

#[test]
fn the_queue_id_stands_in_for_the_name_that_genesys_never_sends() {
    let signal = signal(&fixture("eventbridge-queue-observation"));
    assert_eq!(signal.text("queue_name"), Some(QUEUE));
}

#[test]
fn durations_are_seconds_and_the_average_is_sum_by_count() {
    let signal = signal(&fixture("eventbridge-queue-interval-aggregate"));
    assert_eq!(number(&signal, "tWait", "avg"), Some(365.0));
    assert_eq!(number(&signal, "tWait", "sum"), Some(9_125.0));
    assert_eq!(number(&signal, "tWait", "min"), Some(4.0));
    assert_eq!(number(&signal, "tWait", "max"), Some(612.0));
    assert_eq!(number(&signal, "tWait", "count"), Some(25.0));
    assert_eq!(number(&signal, "oServiceLevel", "ratio"), Some(0.0952));
    assert_eq!(number(&signal, "nOffered", "count"), Some(42.0));
}

#[test]
fn g2_the_guides_filter_finds_the_wait_of_a_real_observation() {
    let signal = signal(&fixture("eventbridge-queue-interval-aggregate"));
    assert_eq!(signal.metrics["queue.waitTime"], signal.metrics["tWait"]);
    assert_eq!(field(&signal, "wait_time_avg"), Some(Field::Number(365.0)));
}

#[test]
fn a_metric_that_was_not_sent_is_absent_and_not_zero() {
    let signal = signal(&fixture("eventbridge-queue-observation-recovered"));
    assert_eq!(number(&signal, "oWaiting", "count"), Some(0.0));
    assert!(!signal.metrics.contains_key("tWait"));
    assert!(!signal.metrics.contains_key("queue.waitTime"));
    assert_eq!(field(&signal, "wait_time_avg"), None);
}

#[test]
fn a_metric_repeated_per_qualifier_is_summed_and_kept_apart() {
    let signal = signal(&fixture("eventbridge-queue-users-no-mediatype"));
    assert_eq!(number(&signal, "oOnQueueUsers", "count"), Some(12.0));
    assert_eq!(number(&signal, "oOnQueueUsers", "IDLE"), Some(0.0));
    assert_eq!(number(&signal, "oOnQueueUsers", "INTERACTING"), Some(9.0));
    assert_eq!(
        number(&signal, "oOnQueueUsers", "NOT_RESPONDING"),
        Some(3.0)
    );
    assert_eq!(signal.part, "");
    assert_eq!(signal.text("media_type"), None);
}

#[test]
fn the_longest_wait_is_an_age_in_seconds_and_never_56_years() {
    let signal = signal(&fixture("drift-longest-waiting-epoch"));
    assert_eq!(number(&signal, "oLongestWaiting", "age"), Some(417.0));
    let values = signal.metrics["oLongestWaiting"].values();
    assert!(values.into_iter().all(|value| *value < 1e6));
}

#[test]
fn the_longest_wait_as_a_duration_or_in_the_future_is_understood_too() {
    let longest = |value: i64| {
        let stats = json!([{"metrics": [
            {"metric": "oLongestWaiting", "stats": {"calculatedMetricValue": value}}]}]);
        let event = changed(
            "eventbridge-queue-observation",
            "/detail/eventBody/data",
            stats,
        );
        number(&signal(&event), "oLongestWaiting", "age")
    };
    assert_eq!(longest(90_000), Some(90.0));
    assert_eq!(longest(1_795_442_999_000), Some(0.0));
}

#[test]
fn an_aggregate_comes_from_the_latest_interval_whatever_the_order() {
    let interval = |start: &str, sum: u32| {
        json!({"interval": format!("2026-11-23T{start}:00.000Z/2026-11-23T23:00:00.000Z"),
               "metrics": [{"metric": "tWait", "stats": {"count": 1, "sum": sum}}]})
    };
    for data in [
        json!([interval("14:00", 400_000), interval("13:30", 100_000)]),
        json!([interval("13:30", 100_000), interval("14:00", 400_000)]),
    ] {
        let event = changed(
            "eventbridge-queue-observation",
            "/detail/eventBody/data",
            data,
        );
        let signal = signal(&event);
        assert_eq!(number(&signal, "tWait", "avg"), Some(400.0));
        assert_eq!(number(&signal, "tWait", "count"), Some(1.0));
    }
}

#[test]
fn every_element_of_data_is_read() {
    let data = json!([
        {"metrics": [{"metric": "oWaiting", "stats": {"count": 3}}]},
        {"metrics": [{"metric": "oAlerting", "stats": {"count": 1}}]}]);
    let event = changed(
        "eventbridge-queue-observation",
        "/detail/eventBody/data",
        data,
    );
    let signal = signal(&event);
    assert_eq!(number(&signal, "oWaiting", "count"), Some(3.0));
    assert_eq!(number(&signal, "oAlerting", "count"), Some(1.0));
}

#[test]
fn no_average_is_made_of_a_count_of_zero() {
    let stats = json!({"count": 0, "sum": 0});
    let event = changed(
        "eventbridge-queue-interval-aggregate",
        "/detail/eventBody/data/0/metrics/1/stats",
        stats,
    );
    assert_eq!(number(&signal(&event), "tWait", "avg"), None);
    assert_eq!(field(&signal(&event), "wait_time_avg"), None);
}

#[test]
fn a_missing_group_is_made_up_for_by_the_topic() {
    let event = changed(
        "eventbridge-queue-observation",
        "/detail/eventBody/group",
        json!(null),
    );
    assert_eq!(signal(&event).text("queue_id"), Some(QUEUE));
}

#[test]
fn ids_that_are_numbers_are_taken_as_text() {
    let pointer = "/detail/eventBody/group/queueId";
    let event = changed("eventbridge-queue-observation", pointer, json!(4711));
    assert_eq!(signal(&event).text("queue_id"), Some("4711"));
}

#[test]
fn unknown_keys_are_tolerated_everywhere() {
    let mut event = fixture("eventbridge-queue-observation");
    event["fromConnection"] = json!({"tenant": 7});
    event["detail"]["eventBody"]["novelty"] = json!([1, 2]);
    event["detail"]["eventBody"]["data"][0]["metrics"][0]["novelty"] = json!({});
    assert_eq!(number(&signal(&event), "oWaiting", "count"), Some(17.0));
}

#[test]
fn a_bare_message_of_a_websocket_relay_is_read_like_the_envelope() {
    let bare = signal(&fixture("websocket-queue-observation"));
    let wrapped = signal(&fixture("eventbridge-queue-observation"));
    assert_eq!(bare.metrics, wrapped.metrics);
    assert_eq!(bare.event_type, wrapped.event_type);
    assert_eq!(bare.topic, wrapped.topic);
    assert_eq!(bare.occurred_at, RECEIVED);
}

#[test]
fn a_heartbeat_says_nothing() {
    let outcome = read(&fixture("websocket-heartbeat")).outcome;
    assert!(matches!(outcome, Outcome::Nothing(_)), "{outcome:?}");
}

#[test]
fn a_flow_aggregate_gives_its_flow() {
    let event = json!({"topicName": "v2.analytics.flow.f10.aggregates", "eventBody": {
        "group": {"flowId": "f10", "mediaType": "VOICE"},
        "data": [{"metrics": [{"metric": "nFlow", "stats": {"count": 3}}]}]}});
    let signal = signal(&event);
    assert_eq!(signal.text("flow_id"), Some("f10"));
    assert_eq!(signal.part, "voice");
    assert_eq!(signal.text("queue_name"), None);
}

#[test]
fn a_conversation_metric_is_one_reading_in_seconds() {
    let event = json!({"topicName": "v2.analytics.conversation.c1.metrics", "eventBody": {
        "metric": "tAbandon", "metricDate": "2026-11-23T14:00:00Z", "value": 61_000,
        "conversationId": "c1", "queueId": QUEUE, "mediaType": "voice", "ani": "tel:+49301234567"}});
    let signal = signal(&event);
    assert_eq!(number(&signal, "tAbandon", "value"), Some(61.0));
    assert_eq!(signal.occurred_at.to_string(), "2026-11-23T14:00:00Z");
    assert_eq!(signal.text("queue_id"), Some(QUEUE));
}

#[test]
fn an_abandoned_call_is_told_without_the_callers_number() {
    let signal = signal(&fixture("eventbridge-acd-end-abandon"));
    assert_eq!(signal.text("acd_outcome"), Some("ABANDON"));
    assert_eq!(signal.text("queue_id"), Some(QUEUE));
    assert_eq!(signal.text("media_type"), Some("voice"));
    assert_eq!(
        field(&signal, "connected_duration"),
        Some(Field::Number(341.882))
    );
    assert!(!format!("{signal:?}").contains("+49"));
}
