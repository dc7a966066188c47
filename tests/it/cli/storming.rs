//! `storm`: against a small server that keeps count, and against the daemon.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::cli::world::{Ran, World, ringdown};

/// What the server has seen.
#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<String>,
    requests: u64,
    duplicates: u64,
    connections: HashSet<SocketAddr>,
    /// So many requests are still answered 503.
    refusals: u64,
}

type Shared = Arc<Mutex<Seen>>;

async fn take(
    State(seen): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if headers
        .get("authorization")
        .is_none_or(|value| value != "Bearer right")
    {
        return (StatusCode::UNAUTHORIZED, Json(json!({"status": 401})));
    }
    let events = match body {
        Value::Array(events) => events,
        event => vec![event],
    };
    let mut seen = seen.lock().unwrap();
    if seen.refusals > 0 {
        seen.refusals -= 1;
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"status": 503})),
        );
    }
    seen.requests += 1;
    seen.connections.insert(peer);
    let mut accepted = 0;
    for event in &events {
        accepted += u64::from(seen.ids.insert(event["id"].as_str().unwrap().to_owned()));
    }
    let duplicates = events.len() as u64 - accepted;
    seen.duplicates += duplicates;
    let counts = json!({"accepted": accepted, "duplicates": duplicates, "review": 0});
    (StatusCode::ACCEPTED, Json(counts))
}

/// A server on a free port; answers its address.
async fn server() -> (String, Shared) {
    let seen = Shared::default();
    let router = Router::new()
        .route("/webhooks/genesys", post(take))
        .with_state(Arc::clone(&seen))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/webhooks/genesys"), seen)
}

/// Storms the server, off the async threads.
async fn storm(url: &str, more: &[&str]) -> Ran {
    let fixed = ["storm", "--output", "json", "--url", url];
    let arguments: Vec<String> = fixed
        .iter()
        .chain(more)
        .map(|&text| text.to_owned())
        .collect();
    tokio::task::spawn_blocking(move || {
        ringdown(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn every_event_is_sent_once_and_duplicates_as_often_as_asked() {
    let (url, seen) = server().await;
    let options = [
        "--auth",
        "Bearer right",
        "--events",
        "1000",
        "--duplicates",
        "10%",
    ];
    let ran = storm(&url, &options).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let (report, seen) = (ran.json(), seen.lock().unwrap());
    assert_eq!(seen.ids.len(), 1000);
    assert_eq!(report["accepted"], 1000);
    assert_eq!(report["duplicates"], seen.duplicates);
    assert_eq!(report["statuses"]["202"], seen.requests);
    // Ten percent of a thousand; the seed is fixed, so this is the same in every run.
    assert!((50..=150).contains(&seen.duplicates), "{}", seen.duplicates);
}

#[tokio::test]
async fn events_travel_in_batches_over_the_connections_that_were_asked_for() {
    let (url, seen) = server().await;
    let options = [
        "--auth",
        "Bearer right",
        "--events",
        "250",
        "--batch",
        "100",
        "--connections",
        "1",
    ];
    assert_eq!(storm(&url, &options).await.code, 0);
    {
        let seen = seen.lock().unwrap();
        assert_eq!((seen.ids.len(), seen.requests), (250, 3));
        assert_eq!(seen.connections.len(), 1);
    }
    let options = [
        "--auth",
        "Bearer right",
        "--events",
        "20",
        "--prefix",
        "Again",
        "--new-connections",
    ];
    assert_eq!(storm(&url, &options).await.code, 0);
    assert_eq!(seen.lock().unwrap().connections.len(), 21);
}

#[tokio::test]
async fn a_storm_that_was_refused_is_not_fine() {
    let (url, seen) = server().await;
    let ran = storm(&url, &["--auth", "Bearer wrong", "--events", "10"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["statuses"]["401"], 10);
    assert!(seen.lock().unwrap().ids.is_empty());
}

#[tokio::test]
async fn what_is_answered_503_is_sent_again_where_that_is_asked_for() {
    let (url, seen) = server().await;
    let options = ["--auth", "Bearer right", "--events", "10"];
    seen.lock().unwrap().refusals = 3;
    let ran = storm(&url, &options).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["statuses"], json!({"202": 7, "503": 3}));
    seen.lock().unwrap().refusals = 3;
    let again = [&options[..], &["--repeat-refused", "--prefix", "Again"]].concat();
    let ran = storm(&url, &again).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["accepted"], 10);
}

#[test]
fn the_daemon_takes_either_shape_and_knows_a_repeated_storm() {
    let world = World::serving();
    let url = world.webhooks();
    let storm = |shape: &str| {
        let auth = format!("Bearer {}", crate::cli::world::TOKEN);
        let ran = world.run(&[
            "storm", "--url", &url, "--auth", &auth, "--events", "60", "--queues", "3", "--batch",
            "20", "--shape", shape, "--prefix", shape, "--output", "json",
        ]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let report = ran.json();
        ["accepted", "duplicates", "review"].map(|name| report[name].as_u64().unwrap())
    };
    for shape in ["guide", "observation"] {
        assert_eq!(storm(shape), [60, 0, 0], "{shape}");
        assert_eq!(storm(shape), [0, 60, 0], "{shape}");
    }
    world.until("six queues have their incident", || {
        let listed = world.ask(&["incidents", "list", "--output", "json"]);
        listed.json()["items"].as_array().unwrap().len() == 6
    });
}
