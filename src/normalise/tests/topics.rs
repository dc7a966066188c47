//! Topics that were misread in the field, and others of their kind. The payloads with a name are
//! in `tests/cases/genesys`.

use serde_json::json;

use super::*;

fn case(name: &str) -> Value {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/cases/genesys/{name}.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn message(topic: &str, body: Value) -> Value {
    json!({"topicName": topic, "eventBody": body, "timestamp": "2026-11-23T14:00:00Z"})
}

#[test]
fn the_activity_of_a_queue_gives_one_signal_for_each_media_type() {
    let mut event = case("queue-activity-topic");
    // The message has no time: the longest wait lasts until it arrives.
    let since = RECEIVED.as_millis() - 300_000;
    event["eventBody"]["results"][0]["data"][1]["calculatedMetricValue"] = json!(since);
    let signals = signals(&event);
    let media: Vec<_> = signals.iter().map(|one| one.text("media_type")).collect();
    assert_eq!(media, [Some("voice"), Some("email")]);
    assert_eq!(signals[0].event_type, "v2.analytics.queues.{id}.activity");
    let queue = Some("11111111-aaaa-4bbb-8ccc-000000000001");
    assert!(signals.iter().all(|one| one.text("queue_id") == queue));
    assert_eq!(number(&signals[0], "oWaiting", "count"), Some(7.0));
    assert_eq!(number(&signals[0], "oLongestWaiting", "age"), Some(300.0));
    assert_eq!(number(&signals[1], "oWaiting", "count"), Some(0.0));
    assert_eq!(signals[0].part, "voice");
}

#[test]
fn an_activity_without_any_count_or_with_text_goes_to_review() {
    let topic = "v2.analytics.queues.7b0f.activity";
    for (results, path) in [
        (json!([]), "/eventBody/results"),
        (
            json!([{"mediaType": "voice", "data": []}]),
            "/eventBody/results",
        ),
        (
            json!([{"data": [{"metric": "oWaiting", "count": "7"}]}]),
            "/eventBody/results/0/data/0/count",
        ),
    ] {
        let event = message(topic, json!({"results": results}));
        assert_eq!(mismatch(&event).path, path);
    }
    let event = message(
        "v2.analytics.queues.{id}.activity",
        json!({"results": [{"data": [{"metric": "oWaiting", "count": 7}]}]}),
    );
    assert_eq!(mismatch(&event).path, "/eventBody/queueId");
}

#[test]
fn conditions_in_clauses_name_their_queue() {
    let signal = signal(&case("alert-nested-conditions"));
    let queue = "11111111-aaaa-4bbb-8ccc-000000000001";
    assert_eq!(signal.text("queue_id"), Some(queue));
    assert_eq!(signal.text("queue_name"), Some("Support"));
    assert_eq!(signal.part, format!("r1/{queue}"));
    assert_eq!(
        field(&signal, "alert_threshold"),
        Some(Field::Number(300.0))
    );
}

#[test]
fn conditions_at_any_depth_and_beside_clauses_are_all_read() {
    let predicate = |queue: &str, value: u32| {
        json!({"entity": {"entityType": "Queue", "queue": {"id": queue}}, "metric": "tWait",
            "metricValueType": "Max", "value": value})
    };
    let mut event = case("alert-nested-conditions");
    event["detail"]["eventBody"]["conditions"] = json!({
        "predicates": [predicate("q1", 60_000)],
        "clauses": [
            {"clauses": [{"predicates": [predicate("q2", 120_000), predicate("q1", 1_000)]}]},
            {"predicates": [predicate("q3", 180_000)]}]});
    let signals = signals(&event);
    let told: Vec<_> = signals
        .iter()
        .map(|one| (one.text("queue_id"), field(one, "alert_threshold")))
        .collect();
    let threshold = |seconds: f64| Some(Field::Number(seconds));
    assert_eq!(
        told,
        [
            (Some("q1"), threshold(60.0)),
            (Some("q2"), threshold(120.0)),
            (Some("q3"), threshold(180.0))
        ]
    );
}

#[test]
fn a_summary_finds_its_threshold_in_a_clause() {
    let mut event = case("alert-nested-conditions");
    let queue =
        &event["detail"]["eventBody"]["conditions"]["clauses"][0]["predicates"][0]["entity"];
    let mut summary = json!({"entities": [queue]});
    summary["entities"][0]["alerting"] = json!(true);
    event["detail"]["eventBody"]["alertSummary"] = summary;
    let signal = signal(&event);
    assert_eq!(signal.text("alert_metric"), Some("tWait"));
    assert_eq!(
        field(&signal, "alert_threshold"),
        Some(Field::Number(300.0))
    );
}

#[test]
fn conditions_that_are_no_tree_go_to_review() {
    let mut event = case("alert-nested-conditions");
    event["detail"]["eventBody"]["conditions"]["clauses"][0] = json!("Or");
    let path = "/detail/eventBody/conditions/clauses/0";
    assert_eq!(mismatch(&event).path, path);
}

#[test]
fn memory_that_is_not_there_is_no_memory_that_is_full() {
    let signal = signal(&case("edge-memory-virtual-zero"));
    let free = |metric, statistic| number(&signal, metric, statistic);
    assert_eq!(free("memory.availableBytes", "min"), Some(2_797_363_200.0));
    assert_eq!(free("memory.availableBytes", "count"), Some(1.0));
    assert_eq!(
        free("memory[physical].availableBytes", "value"),
        Some(2_797_363_200.0)
    );
    assert_eq!(free("memory[virtual].availableBytes", "value"), Some(0.0));
}

#[test]
fn a_total_is_no_processor() {
    let metrics = |processors: Value| {
        let mut event = case("edge-memory-virtual-zero");
        event["detail"]["eventBody"]["processors"] = processors;
        signal(&event)
    };
    let two = metrics(json!([{"cpuId": "cpu0", "activeTimePct": 100},
        {"cpuId": "cpu1", "activeTimePct": 0}, {"cpuId": "_Total", "activeTimePct": 50}]));
    assert_eq!(number(&two, "processors.activeTimePct", "count"), Some(2.0));
    let total = number(&two, "processors[_Total].activeTimePct", "value");
    assert_eq!(total, Some(50.0));
    // Where there is nothing else, the total is all that is known.
    let one = metrics(json!([{"cpuId": "total", "activeTimePct": 50}]));
    assert_eq!(number(&one, "processors.activeTimePct", "max"), Some(50.0));
    // A row is named, not measured, by its id.
    let numbered = metrics(json!([{"cpuId": 0, "activeTimePct": 20}]));
    assert!(!numbered.metrics.contains_key("processors.cpuId"));
    assert_eq!(
        number(&numbered, "processors[0].activeTimePct", "value"),
        Some(20.0)
    );
    let unnamed = metrics(json!([{"activeTimePct": 20}]));
    assert_eq!(
        number(&unnamed, "processors.activeTimePct", "max"),
        Some(20.0)
    );
}

#[test]
fn a_software_update_that_failed_is_told() {
    let told = signal(&case("edge-softwareupdate-failed"));
    assert_eq!(told.text("status"), Some("FAILED"));
    let edge = Some("99999999-aaaa-4bbb-8ccc-000000000001");
    assert_eq!(told.text("edge_id"), edge);
    for status in ["EXCEPTION", "succeeded", "IN_PROGRESS"] {
        let mut event = case("edge-softwareupdate-failed");
        event["detail"]["eventBody"]["status"] = json!(status);
        let upper = status.to_uppercase();
        assert_eq!(signal(&event).text("status"), Some(upper.as_str()));
    }
}

#[test]
fn an_interface_with_an_error_is_told_and_without_one_it_is_fine() {
    let topic = "v2.telephony.providers.edges.e1.logicalinterfaces";
    let broken = json!({"id": "i1", "errorInfo": {"message": "VLAN in use", "code": "vlan"}});
    let told = signal(&message(topic, broken));
    assert_eq!(told.text("status"), Some("ERROR"));
    assert_eq!(told.text("status_detail"), Some("VLAN in use"));
    assert_eq!(told.text("error_code"), Some("vlan"));
    assert_eq!(
        (told.text("edge_id"), told.text("entity_id")),
        (Some("e1"), Some("i1"))
    );
    let fine = signal(&message(topic, json!({"id": "i1", "errorInfo": null})));
    assert_eq!(fine.text("status"), Some("OK"));
}

#[test]
fn an_operational_event_needs_no_entity() {
    let told = signal(&case("operational-event-without-entity"));
    assert_eq!(
        told.text("event_name"),
        Some("Organization API rate limit exceeded")
    );
    assert_eq!(told.text("error_code"), Some("rate.limit.exceeded"));
    assert_eq!(told.text("entity_id"), None);
    assert_eq!(told.text("status"), None);
    let flat = json!({"topic": "v2.operations.events", "eventName": "Licence limit exceeded"});
    assert_eq!(
        signal(&flat).text("event_name"),
        Some("Licence limit exceeded")
    );
    // Here an entity was meant, and the sender lost it: one ticket for all of them would be wrong.
    for lost in [
        json!({"eventName": "${input.name}"}),
        json!({"eventName": "Edge went offline", "entityId": "${input.entityId}"}),
        json!({"eventName": "Edge went offline", "entityId": null, "entityType": "EDGE"}),
        json!({"eventName": "Edge went offline", "entityName": "{{name}}", "entityId": ""}),
    ] {
        let mut event = lost;
        event["topic"] = json!("v2.operations.events");
        assert_eq!(mismatch(&event).path, "/entityId", "{event}");
    }
}

#[test]
fn an_unknown_topic_is_named_whole() {
    let topic =
        "v2.telephony.providers.edges.sites.88888888-aaaa-4bbb-8ccc-000000000001.outboundroutes";
    let event = message(topic, json!({}));
    assert!(
        mismatch(&event).problem.contains(topic),
        "{}",
        mismatch(&event).problem
    );
    let mut event = case("unknown-topic-name-cut");
    event["detail-type"] = json!("v2.telephony.providers.edges.sites.{id}.outboundroutes");
    event["detail"]["topicName"] = json!(topic);
    assert!(
        mismatch(&event).problem.contains(topic),
        "{}",
        mismatch(&event).problem
    );
}

#[test]
fn a_phone_is_registered_or_not() {
    let told = signal(&case("unknown-topic-name-cut"));
    assert_eq!(told.text("status"), Some("OFFLINE"));
    assert_eq!(told.text("entity_type"), Some("PHONE"));
    let phone = Some("88888888-aaaa-4bbb-8ccc-000000000001");
    assert_eq!(told.text("entity_id"), phone);
    assert!(told.metrics.is_empty());
}

#[test]
fn an_audit_entry_says_how_an_action_ended_or_nothing() {
    let topic = "v2.audits.entitytype.flow.entityid.f1";
    let entry = |body: Value| read(&message(topic, body)).outcome;
    let failed = json!({"action": "AuthenticationFailed", "userDisplay": "A. Admin",
        "remoteIp": ["192.0.2.10"], "message": {"message": "wrong password"}});
    let told = signal(&message(topic, failed));
    assert_eq!(told.text("status"), Some("FAILURE"));
    assert_eq!(told.text("event_name"), Some("AuthenticationFailed"));
    let all = format!("{told:?}");
    assert!(
        !all.contains("Admin") && !all.contains("192.0.2.10"),
        "{all}"
    );
    let plain = entry(json!({"action": "Update", "entity": {"id": "f1"}}));
    assert!(matches!(plain, Outcome::Nothing(_)), "{plain:?}");
    assert!(matches!(entry(json!({})), Outcome::Mismatch(_)));
}

#[test]
fn a_campaign_tells_its_errors() {
    let topic = "v2.outbound.campaigns.c1";
    let broken = json!({"id": "c1", "campaignStatus": "invalid",
        "errors": [{"error": "no.contacts", "details": "no contacts"}, {"error": "no.queue"}]});
    let told = signal(&message(topic, broken));
    assert_eq!(told.text("status"), Some("INVALID"));
    assert_eq!(told.text("error_code"), Some("no.contacts"));
    assert_eq!(told.text("status_detail"), Some("no contacts; no.queue"));
    assert_eq!(number(&told, "errors", "count"), Some(2.0));
    let silent = signal(&message(topic, json!({"campaignStatus": "on"})));
    assert_eq!(silent.text("entity_id"), Some("c1"));
    // Errors that are not mentioned are not "none".
    assert!(silent.metrics.is_empty());
}

#[test]
fn the_end_of_a_flow_and_its_outcome_are_told_without_the_callers_number() {
    let body = json!({"flowId": "f1", "conversationId": "c1", "mediaType": "VOICE",
        "ani": "tel:+15555550120", "exitReason": "FLOW_ERROR_DISCONNECT",
        "connectedDurationMs": 18_240, "flowOutcomeId": "o1", "flowOutcomeValue": "FAILURE"});
    let end = signal(&message(
        "v2.detail.events.conversation.c1.flow.end",
        body.clone(),
    ));
    assert_eq!(end.text("status"), Some("FLOW_ERROR_DISCONNECT"));
    assert_eq!(
        field(&end, "connected_duration"),
        Some(Field::Number(18.24))
    );
    assert_eq!(end.part, "voice");
    let outcome = signal(&message(
        "v2.detail.events.conversation.c1.flow.outcome",
        body,
    ));
    assert_eq!(outcome.text("status"), Some("FAILURE"));
    assert_eq!(outcome.text("entity_id"), Some("o1"));
    assert!(!format!("{end:?}{outcome:?}").contains("15555550120"));
}
