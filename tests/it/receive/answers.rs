//! Every answer (`src/receive/answer.rs`) that depends on what is sent.

use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;

use crate::receive::world::{World, good, misfit, problem, tally};

#[tokio::test]
async fn a_202_means_that_the_event_is_kept_as_it_came() {
    let world = World::start().await;
    let body = format!(" {}\n", good("evt-1"));
    let answer = world.sender(body.clone()).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
    assert_eq!(world.kept().await, [("evt-1".to_owned(), body, None)]);
    assert!(world.counted(r#"ringdown_webhook_requests_total{source="genesys",status="202"} 1"#));
    assert!(world.counted(r#"ringdown_events_total{source="genesys",outcome="accepted"} 1"#));
}

#[tokio::test]
async fn a_repetition_is_a_2xx_and_not_kept_again() {
    let world = World::start().await;
    for expected in [(1, 0, 0), (0, 1, 0)] {
        let answer = world.sender(good("evt-1")).send().await.unwrap();
        assert_eq!(tally(answer).await, expected);
    }
    assert_eq!(world.kept().await.len(), 1);
    assert!(world.counted(r#"ringdown_events_total{source="genesys",outcome="duplicate"} 1"#));
}

#[tokio::test]
async fn g19_a_misfit_is_kept_for_review_and_its_neighbours_go_on() {
    let world = World::start().await;
    let array = format!(
        "[{}, {},\n{},{}]",
        good("evt-1"),
        misfit("evt-2"),
        good("evt-1"),
        good("evt-3")
    );
    let answer = world.sender(array).send().await.unwrap();
    assert_eq!(tally(answer).await, (2, 1, 1));
    let mut kept = world.kept().await;
    kept.sort();
    let ids: Vec<&str> = kept.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["evt-1", "evt-2", "evt-3"]);
    let (_, body, review) = &kept[1];
    assert_eq!(*body, misfit("evt-2"));
    assert!(review.as_ref().unwrap().contains("avg"), "{review:?}");
    assert!(kept[0].2.is_none() && kept[2].2.is_none());
    assert!(world.counted(r#"ringdown_events_total{source="genesys",outcome="review"} 1"#));
}

#[tokio::test]
async fn an_empty_array_is_taken_and_holds_nothing() {
    let world = World::start().await;
    let answer = world.sender("[]").send().await.unwrap();
    assert_eq!(tally(answer).await, (0, 0, 0));
}

#[tokio::test]
async fn what_is_not_json_is_a_400_and_kept_for_review() {
    let world = World::start().await;
    let truncated = include_str!("samples/invalid-truncated.json");
    for body in [truncated.as_bytes(), b"caf\xe9", b""] {
        let answer = world.sender(body.to_vec()).send().await.unwrap();
        assert_eq!(problem(answer).await, (400, "not-json".to_owned(), None));
    }
    let kept = world.kept().await;
    let bodies: Vec<&str> = kept.iter().map(|(_, body, _)| body.as_str()).collect();
    assert_eq!(bodies, [truncated, "caf\\xE9", ""]);
    assert!(kept.iter().all(|(_, _, review)| review.is_some()));
    assert!(world.counted(r#"ringdown_events_total{source="genesys",outcome="review"} 3"#));
}

#[tokio::test]
async fn a_strangers_garbage_is_not_kept() {
    let world = World::start().await;
    let answer = world.stranger("garbage").send().await.unwrap();
    assert_eq!(problem(answer).await.0, 401);
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn an_unknown_source_is_a_404_and_counted_under_no_name_of_its_own() {
    let world = World::start().await;
    for path in ["/webhooks/nobody", "/webhooks/g%00", "/webhooks/%FF"] {
        let request = world.client.post(world.url_of(path)).body("{}");
        let answer = request.send().await.unwrap();
        assert_eq!(
            problem(answer).await,
            (404, "unknown-source".to_owned(), None)
        );
    }
    assert!(world.counted(r#"ringdown_webhook_requests_total{source="unknown",status="404"} 3"#));
    assert!(!world.metrics.render().contains("nobody"));
}

#[tokio::test]
async fn any_other_address_is_a_404() {
    let world = World::start().await;
    for path in [
        "/",
        "/webhooks",
        "/webhooks/",
        "/webhooks/genesys/",
        "/metrics",
        "/ui/",
    ] {
        let answer = world.client.get(world.url_of(path)).send().await.unwrap();
        assert_eq!(
            problem(answer).await,
            (404, "not-found".to_owned(), None),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_405_that_names_the_right_one() {
    let world = World::start().await;
    for (method, path, allow) in [
        ("GET", "/webhooks/genesys", "POST"),
        ("PUT", "/webhooks/genesys", "POST"),
        ("POST", "/healthz", "GET,HEAD"),
        ("DELETE", "/readyz", "GET,HEAD"),
    ] {
        let method = method.parse().unwrap();
        let request = world.client.request(method, world.url_of(path));
        let answer = request.send().await.unwrap();
        let allowed: Vec<_> = answer.headers().get_all("allow").iter().cloned().collect();
        assert_eq!(allowed, [allow], "{path}");
        assert_eq!(problem(answer).await.0, 405);
    }
    assert!(world.counted(r#"ringdown_webhook_requests_total{source="genesys",status="405"} 2"#));
}

#[tokio::test]
async fn a_body_over_the_bound_is_a_413_whether_declared_or_streamed() {
    let world = World::start().await;
    let long = format!("[{}\"\"]", "\"0123456789\",".repeat(1_000));
    let declared = world.sender(long.clone()).send().await.unwrap();
    assert_eq!(problem(declared).await, (413, "too-large".to_owned(), None));
    let pieces = long
        .into_bytes()
        .chunks(100)
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>();
    let frames = pieces
        .into_iter()
        .map(|piece| Frame::data(Bytes::from(piece)));
    let stream = futures::stream::iter(frames.map(Ok::<_, std::io::Error>));
    let streamed = world
        .sender(reqwest::Body::wrap(StreamBody::new(stream)))
        .send()
        .await
        .unwrap();
    assert_eq!(problem(streamed).await, (413, "too-large".to_owned(), None));
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_made_durable_is_a_503_to_be_repeated() {
    let world = World::start().await;
    let database = world.database().await;
    sqlx::query("alter table events rename to away")
        .execute(&database)
        .await
        .unwrap();
    for body in [good("evt-1"), "garbage".to_owned()] {
        let answer = world.sender(body).send().await.unwrap();
        assert_eq!(
            problem(answer).await,
            (503, "not-durable".to_owned(), Some(5))
        );
    }
    sqlx::query("alter table away rename to events")
        .execute(&database)
        .await
        .unwrap();
    let answer = world.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
}

#[tokio::test]
async fn g1_eventbridges_own_headers_do_no_harm() {
    let world = World::start().await;
    let answer = world
        .sender(include_str!("samples/eventbridge-queue-observation.json"))
        .header("user-agent", "Amazon/EventBridge/ApiDestinations")
        .header("range", "bytes=0-1048575")
        .header("accept-encoding", "gzip,deflate")
        .header("connection", "close")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers().get("content-range"), None);
    assert_eq!(tally(answer).await, (1, 0, 0));
    assert_eq!(
        world.kept().await[0].0,
        "6efd5506-3fd6-09a1-5599-09ae48bd6dd8"
    );
}

#[tokio::test]
async fn a_senders_request_id_comes_back_and_a_harmful_one_does_not() {
    let world = World::start().await;
    for (given, taken) in [("Root=1-67891233-abc", true), ("a b<script>", false)] {
        let request = world.sender(good("evt-1")).header("x-request-id", given);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"] == given, taken, "{given}");
    }
}

#[tokio::test]
async fn health_is_the_process_and_readiness_is_more() {
    use ringdown::http::Readiness::{ComponentDown, Draining, Ready, StoreUnavailable};
    let world = World::start().await;
    for (state, ready) in [
        (Ready, true),
        (StoreUnavailable, false),
        (ComponentDown("decider"), false),
        (Draining, false),
    ] {
        world.readiness.send(state).unwrap();
        let get = |path| world.client.get(world.url_of(path)).send();
        assert_eq!(get("/healthz").await.unwrap().status().as_u16(), 200);
        let answer = get("/readyz").await.unwrap();
        assert!(answer.headers().contains_key("x-request-id"));
        if ready {
            assert_eq!(answer.status().as_u16(), 200);
        } else {
            let (status, _, wait) = problem(answer).await;
            assert_eq!((status, wait), (503, Some(5)), "{state:?}");
        }
    }
}
