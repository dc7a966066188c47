//! Wrappers around events of the `genesys` format, and shapes that look like another at first.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::normalise::wrappers::Wrapper;

fn edge_body() -> Value {
    json!({"id": EDGE, "onlineStatus": "OFFLINE"})
}

#[test]
fn a_shape_that_lacks_a_required_member_is_another_one() {
    for (whole, required) in [
        (
            json!({"Type": "Notification", "MessageId": "m", "TopicArn": "t",
                "Timestamp": "2026-11-29T15:40:13Z", "Message": "{}"}),
            &["Type", "MessageId", "TopicArn", "Timestamp", "Message"][..],
        ),
        (
            json!({"messageId": "m", "body": "{}", "eventSource": "aws:sqs"}),
            &["messageId", "body", "eventSource"],
        ),
        (
            json!({"specversion": "1.0", "id": "1", "source": "/a", "type": "t"}),
            &["specversion", "id", "source", "type"],
        ),
        (
            json!({"id": "1", "subject": "", "eventTime": "2026-11-29T15:40:13Z",
                "eventType": "t", "dataVersion": "1", "data": {}}),
            &[
                "id",
                "subject",
                "eventTime",
                "eventType",
                "dataVersion",
                "data",
            ],
        ),
        (
            json!({"requestContext": {}, "httpMethod": "POST", "body": "{}",
                "isBase64Encoded": false}),
            &["requestContext", "httpMethod", "body", "isBase64Encoded"],
        ),
        (
            json!({"version": "1.0", "timestamp": "2026-11-29T15:40:13Z",
                "requestContext": {}, "requestPayload": {}}),
            &["version", "timestamp", "requestContext", "requestPayload"],
        ),
    ] {
        assert!(Wrapper::of(&whole).is_some(), "{whole}");
        for name in required {
            let mut part = whole.clone();
            part.as_object_mut().unwrap().remove(*name);
            assert_eq!(Wrapper::of(&part), None, "{part}");
        }
    }
}

#[test]
fn text_in_base64_and_text_in_text_are_opened() {
    let body = STANDARD.encode("{\"a\":1}");
    let item = json!({"requestContext": {}, "routeKey": "POST /", "body": body,
        "isBase64Encoded": true});
    let layer = Wrapper::Gateway.open(&item);
    assert_eq!(layer.content.unwrap().into_owned(), json!({"a": 1}));
}

#[test]
fn text_in_text_is_opened_and_other_text_is_named_with_its_place() {
    let event = fixture("guide-queue-waiting");
    let twice = json!(event.to_string()).to_string();
    let sqs = |body: &str| json!({"messageId": "m", "body": body, "eventSource": "aws:sqs"});
    assert_eq!(read(&sqs(&twice)), read(&event));
    assert_eq!(read(&sqs(&format!("\u{feff} {event}"))), read(&event));
    let mismatch = mismatch(&json!({ "Records": [sqs("lost contact")] }));
    assert_eq!(mismatch.path, "/Records/0/body");
    assert!(mismatch.problem.contains("lost contact"), "{mismatch}");
}

#[test]
fn what_is_wrong_inside_is_named_with_its_place_from_the_outside() {
    let event = changed("guide-queue-waiting", "/metrics/0/avg", json!(null));
    let sns = json!({"Type": "Notification", "MessageId": "m", "TopicArn": "t",
        "Timestamp": "2026-11-29T15:40:13Z", "Message": event.to_string()});
    assert_eq!(mismatch(&sns).path, "/Message/metrics/0/avg");
    let records = json!({"Records": [{"EventSource": "aws:sns", "Sns": sns}]});
    let place = "/Records/0/Sns/Message/metrics/0/avg";
    assert_eq!(mismatch(&records).path, place);
}

#[test]
fn an_event_without_a_time_has_that_of_its_wrapper() {
    let event = changed("guide-queue-waiting", "/timestamp", json!(null));
    let cloud = |data: &Value| {
        json!({"specversion": "1.0", "id": "1", "source": "/relay", "type": "t",
            "time": "2026-11-20T00:00:00Z", "data": data})
    };
    assert_eq!(
        signal(&cloud(&event)).occurred_at.to_string(),
        "2026-11-20T00:00:00Z"
    );
    let own = signal(&cloud(&fixture("guide-queue-waiting"))).occurred_at;
    assert_eq!(own.to_string(), "2026-11-23T14:00:05Z");
}

#[test]
fn the_content_of_a_message_is_read_by_the_type_of_its_wrapper() {
    let topic = "v2.telephony.providers.edges.{id}";
    for wrapped in [
        json!({"specversion": "1.0", "id": "1", "source": "/relay", "type": topic,
            "data": edge_body()}),
        json!({"specversion": "1.0", "id": "1", "source": "/relay", "type": topic,
            "data": edge_body().to_string()}),
        json!({"id": "1", "subject": "edge", "eventType": topic, "dataVersion": "1",
            "eventTime": "2026-11-29T15:40:13Z", "data": edge_body()}),
    ] {
        let signal = signal(&wrapped);
        assert_eq!(signal.event_type, topic, "{wrapped}");
        assert_eq!(signal.text("edge_id"), Some(EDGE));
        assert_eq!(signal.text("status"), Some("OFFLINE"));
        assert_ne!(signal.event_payload_id, EDGE);
    }
    let queue = json!({"specversion": "1.0", "id": "1", "source": "/relay",
        "type": "v2.analytics.queues.{id}.observations",
        "data": {"group": {"queueId": QUEUE}, "data": [{"metrics": [
            {"metric": "oWaiting", "stats": {"count": 25}}]}]}});
    assert_eq!(number(&signal(&queue), "oWaiting", "count"), Some(25.0));
    let trunk = json!({"specversion": "1.0", "id": "1", "source": "/relay",
        "type": "v2.telephony.providers.edges.trunks.{id}.metrics",
        "data": fixture("eventbridge-trunk-metrics")["detail"]["eventBody"]});
    assert!(signal(&trunk).text("trunk_id").is_some());
}

#[test]
fn one_key_of_another_shape_does_not_decide() {
    let flat = json!({"topic": "v2.operations.events", "eventId": "op-1",
        "entityId": EDGE, "entityName": "FRA-EDGE", "entityType": "EDGE",
        "currentValue": "OFFLINE"});
    for (name, value) in [
        ("detail", json!("lost contact")),
        ("detail", json!({"text": "lost contact"})),
        ("detail-type", json!("operational")),
        ("metrics", json!("none")),
        ("metrics", json!([{"name": "packetLoss"}])),
        ("trunk", json!("Carrier")),
        ("trunk", json!({"name": "Carrier"})),
        ("eventBody", json!("lost contact")),
        ("body", json!("lost contact")),
        ("body", json!({"a": 1})),
        ("data", json!({"a": 1})),
        ("Message", json!("lost contact")),
        ("Records", json!([])),
        ("Records", json!([{"a": 1}])),
        ("rule", json!("edges")),
        ("source", json!("architect")),
        ("requestContext", json!({})),
        ("Type", json!("Notification")),
        ("specversion", json!("1.0")),
    ] {
        let mut event = flat.clone();
        event[name] = value;
        let read = signal(&event);
        assert_eq!(read.text("edge_id"), Some(EDGE), "{event}");
        assert_eq!(read.text("status"), Some("OFFLINE"));
        assert_eq!(read.event_payload_id, "op-1");
    }
    let mut several = flat.clone();
    for (name, value) in [
        ("detail", "lost contact"),
        ("detail-type", "x"),
        ("source", "y"),
    ] {
        several[name] = json!(value);
    }
    assert_eq!(signal(&several).text("edge_id"), Some(EDGE));
    let mut called_otherwise = flat.clone();
    let topic = called_otherwise.as_object_mut().unwrap().remove("topic");
    called_otherwise["topicName"] = topic.unwrap();
    assert_eq!(signal(&called_otherwise).text("edge_id"), Some(EDGE));
}

#[test]
fn an_event_may_stand_beside_anything_under_a_key_of_its_own() {
    let event = fixture("eventbridge-edge-offline");
    for key in ["body", "detail", "data", "Message", "requestPayload"] {
        for content in [event.clone(), json!(event.to_string())] {
            let wrapped = json!({key: content, "requestId": "r", "id": "another", "n": 1});
            assert_eq!(read(&wrapped), read(&event), "{key}");
            let records = json!({"Records": [content], "requestId": "r"});
            assert_eq!(read(&records), read(&event), "{records}");
        }
    }
}

#[test]
fn the_detail_of_an_envelope_may_be_text() {
    let event = fixture("eventbridge-edge-offline");
    let mut quoted = event.clone();
    quoted["detail"] = json!(event["detail"].to_string());
    assert_eq!(read(&quoted).event_id, read(&event).event_id);
    assert_eq!(signal(&quoted).text("edge_id"), Some(EDGE));
}

#[test]
fn a_list_inside_of_a_wrapper_is_read_as_one_event_where_it_was_not_split() {
    let edges = ["a", "b"].map(|id| {
        json!({"topicName": format!("v2.telephony.providers.edges.{id}"),
            "eventBody": {"id": id, "onlineStatus": "OFFLINE"}})
    });
    let list =
        json!({"messageId": "m", "body": json!(edges).to_string(), "eventSource": "aws:sqs"});
    assert_eq!(signals(&list).len(), 2);
}
