//! What stands around events: content types, wrappers, and the handshakes of those who wrap them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::receive::world::{Plan, TOKEN, World, bearer, good, problem, source, tally};

const SQS: &str = include_str!("../../cases/genesys/wrapped-sqs-pipe.json");
const SNS: &str = include_str!("../../cases/genesys/wrapped-sns.json");
const CLOUD_EVENT: &str = include_str!("../../cases/genesys/wrapped-cloudevents.json");
const EVENT_GRID: &str = include_str!("../../cases/genesys/wrapped-eventgrid-handshake.json");
const ID_OF_A_TRUNK: &str = include_str!("../../cases/genesys/id-is-the-trunk.json");
const FLAT: &str = include_str!("../../cases/genesys/flat-body-with-detail-key.json");
const MARKED: &[u8] = include_bytes!("../../cases/genesys/bom-explain-differs.json");

async fn world() -> World {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.server.max_body_bytes = 100_000;
    plan.start().await
}

async fn sent(world: &World, body: impl Into<reqwest::Body>) -> (u64, u64, u64) {
    tally(world.sender(body).send().await.unwrap()).await
}

/// The ids of all kept events, which all were understood.
async fn ids(world: &World) -> Vec<String> {
    let kept = world.kept().await;
    assert!(
        kept.iter().all(|(_, _, review)| review.is_none()),
        "{kept:#?}"
    );
    kept.into_iter().map(|(id, ..)| id).collect()
}

#[tokio::test]
async fn g13_json_is_read_whatever_its_content_type() {
    let world = World::start().await;
    let types = [
        Some("text/plain; charset=UTF-8"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=utf-8"),
        Some("image/png"),
        None,
    ];
    for (number, content_type) in types.into_iter().enumerate() {
        let mut request = world
            .client
            .post(world.url_of("/webhooks/genesys"))
            .bearer_auth(TOKEN)
            .body(good(&format!("evt-{number}")));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(tally(answer).await, (1, 0, 0), "{content_type:?}");
    }
}

#[tokio::test]
async fn what_was_authenticated_is_kept_even_if_it_cannot_be_read() {
    let world = World::start().await;
    let post = |content_type: &str, body: &'static [u8]| {
        let request = world.client.post(world.url_of("/webhooks/genesys"));
        request.header("content-type", content_type).body(body)
    };
    let form = post(
        "application/x-www-form-urlencoded",
        b"queue=Billing&avg=412",
    );
    let answer = form.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(problem(answer).await, (400, "not-json".to_owned(), None));
    let packed = post("application/json", b"\x1f\x8b\x08").header("content-encoding", "gzip");
    let answer = packed.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(problem(answer).await, (415, "compressed".to_owned(), None));
    let kept = world.kept().await;
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].1, "queue=Billing&avg=412");
    assert!(kept[1].2.as_ref().unwrap().contains("compress"), "{kept:?}");
    let stranger = post("text/plain", b"queue=Billing").send().await.unwrap();
    assert_eq!(problem(stranger).await.0, 401);
    assert_eq!(world.kept().await.len(), 2);
}

#[tokio::test]
async fn an_event_is_found_in_every_usual_wrapper() {
    let event = || good("evt-1");
    let value: Value = serde_json::from_str(&event()).unwrap();
    let gateway = |body: String, is_base64: bool| {
        json!({"resource": "/", "path": "/", "httpMethod": "POST", "headers": {},
            "requestContext": {"requestId": "r"}, "body": body, "isBase64Encoded": is_base64})
    };
    let sqs = json!({"messageId": "m", "receiptHandle": "h", "body": event(), "attributes": {},
        "eventSource": "aws:sqs"});
    let sns = json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:t",
        "Message": event(), "Timestamp": "2026-11-29T15:40:13.100Z"});
    for wrapped in [
        json!({ "body": value }),
        json!({ "detail": event(), "requestId": 7 }),
        json!({ "data": value, "hello": "world" }),
        json!({ "Message": event() }),
        json!({ "requestPayload": value }),
        json!({ "Records": [sqs] }),
        sns.clone(),
        json!([sqs]),
        json!({"messageId": "m", "body": sns.to_string(), "eventSource": "aws:sqs"}),
        json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}),
        json!({"version": "1.0", "timestamp": "2026-11-29T15:40:13Z", "responsePayload": null,
            "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": value}),
        json!({"version": "0", "id": "eb", "source": "lambda", "time": "2026-11-29T15:40:13Z",
            "detail-type": "Lambda Function Invocation Result - Failure",
            "detail": {"version": "1.0", "timestamp": "2026-11-29T15:40:13Z",
                "requestContext": {}, "requestPayload": value}}),
        gateway(event(), false),
        gateway(STANDARD.encode(event()), true),
        json!({"version": "2.0", "routeKey": "POST /", "requestContext": {"http": {}},
            "body": event(), "isBase64Encoded": false}),
        json!({"id": "eg", "topic": "/subscriptions/x", "subject": "queue",
            "eventType": "telephony.queue.waiting", "eventTime": "2026-11-29T15:40:13Z",
            "dataVersion": "1", "metadataVersion": "1", "data": value}),
        json!({"specversion": "1.0", "id": "ce", "source": "/relay", "type": "any", "data": value}),
        json!({"specversion": "1.0", "id": "ce", "source": "/relay", "type": "any",
            "data_base64": STANDARD.encode(event())}),
    ] {
        let world = world().await;
        assert_eq!(
            sent(&world, wrapped.to_string()).await,
            (1, 0, 0),
            "{wrapped}"
        );
        assert_eq!(ids(&world).await, ["evt-1"], "{wrapped}");
        assert_eq!(sent(&world, event()).await, (0, 1, 0), "{wrapped}");
    }
}

#[tokio::test]
async fn the_cases_of_the_field_are_read() {
    for (case, id) in [
        (SQS, "w1"),
        (SNS, "w1"),
        (CLOUD_EVENT, "/relay#ce-1"),
        (FLAT, "op-1"),
    ] {
        let world = world().await;
        assert_eq!(sent(&world, case).await, (1, 0, 0), "{case}");
        assert_eq!(ids(&world).await, [id]);
    }
    let world = world().await;
    assert_eq!(sent(&world, MARKED).await, (1, 0, 0));
}

#[tokio::test]
async fn a_list_in_a_wrapper_is_as_many_events() {
    let world = world().await;
    let record = |message: &str, body: String| json!({"messageId": message, "body": body, "eventSource": "aws:sqs"});
    let two = format!("[{},{}]", good("evt-2"), good("evt-3"));
    let records = json!({"Records": [record("m-1", good("evt-1")), record("m-2", two),
        record("m-3", "no event".to_owned())]});
    assert_eq!(sent(&world, records.to_string()).await, (3, 0, 1));
    let kept = world.kept().await;
    let kept: Vec<&str> = kept.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(kept, ["evt-1", "evt-2", "evt-3", "m-3"]);
    let batch = json!([
        {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {"a": 1}},
        {"specversion": "1.0", "id": "1", "source": "/b", "type": "t", "data": {"a": 1}},
    ]);
    assert_eq!(
        sent(&world, batch.to_string()).await,
        (0, 0, 2),
        "two sources, two events"
    );
}

#[tokio::test]
async fn a_wrappers_id_counts_only_where_its_format_says_so() {
    let bare = json!({"topicName": "v2.telephony.providers.edges.e1",
        "eventBody": {"id": "e1", "onlineStatus": "OFFLINE"}});
    let online = json!({"topicName": "v2.telephony.providers.edges.e1",
        "eventBody": {"id": "e1", "onlineStatus": "ONLINE"}});
    let sns = |message: &str, event: &Value| {
        json!({"Type": "Notification", "MessageId": message, "TopicArn": "arn:t",
            "Message": event.to_string(), "Timestamp": "2026-11-29T15:40:13.100Z"})
    };
    let world = world().await;
    assert_eq!(sent(&world, sns("m-1", &bare).to_string()).await, (1, 0, 0));
    assert_eq!(sent(&world, sns("m-1", &bare).to_string()).await, (0, 1, 0));
    assert_eq!(sent(&world, sns("m-2", &bare).to_string()).await, (1, 0, 0));
    // A gateway gives each request an id, and nobody says what `id` beside `data` is.
    for event in [&bare, &online] {
        let wrapped = json!({"id": "e1", "data": event});
        assert_eq!(sent(&world, wrapped.to_string()).await, (1, 0, 0));
    }
}

#[tokio::test]
async fn the_id_of_a_thing_is_not_the_id_of_the_event() {
    let world = world().await;
    assert_eq!(sent(&world, ID_OF_A_TRUNK).await, (2, 0, 0));
    let queue = |average: f64| {
        json!({"id": "Q-1", "type": "telephony.queue.waiting", "queue": {"id": "q-1"},
            "metrics": [{"name": "Billing", "avg": average}]})
    };
    let edge = |status: &str| {
        json!({"id": "e-9", "topicName": "v2.telephony.providers.edges.e-9",
            "eventBody": {"id": "e-9", "onlineStatus": status}})
    };
    let flat = |status: &str| {
        json!({"eventId": "t-1", "entityId": "t-1", "entityType": "TRUNK",
            "currentValue": status})
    };
    for pair in [
        [queue(412.5), queue(3.0)],
        [edge("OFFLINE"), edge("ONLINE")],
        [flat("DOWN"), flat("UP")],
    ] {
        assert_eq!(
            sent(&world, json!(pair).to_string()).await,
            (2, 0, 0),
            "{pair:?}"
        );
    }
}

#[tokio::test]
async fn ten_wrappers_around_one_event_are_too_many() {
    let nested = |levels: usize, key: &str| {
        let event: Value = serde_json::from_str(&good("evt-1")).unwrap();
        (0..levels).fold(event, |inner, _| json!({ key: inner }))
    };
    for (levels, expected) in [(9, (1, 0, 0)), (10, (0, 0, 1)), (60, (0, 0, 1))] {
        for key in ["body", "data", "detail"] {
            let world = world().await;
            let body = nested(levels, key).to_string();
            assert_eq!(sent(&world, body).await, expected, "{levels} {key}");
            if expected.2 == 1 {
                let reason = world.kept().await[0].2.clone().unwrap();
                assert!(reason.contains("10 wrappers or more"), "{reason}");
            }
        }
    }
    let world = world().await;
    let lists = (0..12).fold(
        json!([{}, {}]),
        |inner, _| json!({"Records": [{"body": inner.to_string()}, {"x": 1}]}),
    );
    let (accepted, _, review) = sent(&world, lists.to_string()).await;
    assert!(accepted == 0 && review > 0, "{accepted} {review}");
}

#[tokio::test]
async fn a_binary_cloud_event_is_kept_with_its_attributes() {
    let world = world().await;
    let post = |id: &'static str| {
        world
            .sender(r#"{"id": "99", "onlineStatus": "OFFLINE"}"#)
            .header("ce-specversion", "1.0")
            .header("ce-id", id)
            .header("ce-source", "/relay")
            .header("ce-type", "v2.telephony.providers.edges.{id}")
            .header("ce-time", "2026-11-29T15:40:00Z")
            .send()
    };
    assert_eq!(tally(post("1").await.unwrap()).await, (1, 0, 0));
    assert_eq!(tally(post("1").await.unwrap()).await, (0, 1, 0));
    assert_eq!(tally(post("2").await.unwrap()).await, (1, 0, 0));
    let kept: Value = serde_json::from_str(&world.kept().await[0].1).unwrap();
    assert_eq!(kept["source"], "/relay");
    assert_eq!(kept["data"]["onlineStatus"], "OFFLINE");
}

#[tokio::test]
async fn event_grid_gets_its_code_back_after_authentication() {
    let world = world().await;
    let answer = world.sender(EVENT_GRID).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let body: Value = answer.json().await.unwrap();
    let code = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6";
    assert_eq!(body, json!({ "validationResponse": code }));
    assert_eq!(ids(&world).await, ["2d1781af-3a4c-4d7c-bd0c-e34b19da4e66"]);
    let stranger = world.stranger(EVENT_GRID).send().await.unwrap();
    assert_eq!(problem(stranger).await.0, 401);
    let half = json!([{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "x"}}]);
    assert_eq!(
        sent(&world, half.to_string()).await,
        (0, 0, 1),
        "not all its members"
    );
}

#[tokio::test]
async fn the_handshake_of_cloud_events_is_answered_after_authentication() {
    let world = world().await;
    let ask = || {
        let method = reqwest::Method::OPTIONS;
        let request = world
            .client
            .request(method, world.url_of("/webhooks/genesys"));
        request.header("webhook-request-origin", "eventgrid.azure.net")
    };
    let answer = ask().bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(
        answer.headers()["webhook-allowed-origin"],
        "eventgrid.azure.net"
    );
    assert_eq!(answer.headers()["webhook-allowed-rate"], "*");
    assert_eq!(problem(ask().send().await.unwrap()).await.0, 401);
    let without = world
        .client
        .request(reqwest::Method::OPTIONS, world.url_of("/webhooks/genesys"));
    let answer = without.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(problem(answer).await.0, 405);
    assert!(world.kept().await.is_empty());
}
