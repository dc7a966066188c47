//! More connections than there are file descriptors, or than are allowed.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::slow_clients::{AT_ONCE, connect, webhook};
use crate::world::{TOKEN, World, event};

/// Lets this test open as many files as the system permits: it is the client of all.
fn allow_ourselves_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

async fn idle_connections(url: &str, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(connect(url).await);
    }
    streams
}

/// Whether the daemon has closed `stream`.
fn is_closed(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 1]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// What a client that has no connection yet hears.
async fn status_for_a_newcomer(world: &World) -> (StatusCode, StatusCode) {
    let client = reqwest::Client::builder().timeout(AT_ONCE).build().unwrap();
    let webhook = client
        .post(format!("{}/webhooks/genesys", world.public))
        .bearer_auth(TOKEN)
        .json(&event("evt-new", "q1", 100.0));
    let health = client.get(format!("{}/healthz", world.admin));
    let (webhook, health) = tokio::join!(webhook.send(), health.send());
    (webhook.unwrap().status(), health.unwrap().status())
}

/// The value of a metric of the public listener.
async fn of_public(world: &World, metric: &str) -> usize {
    let name = format!("{metric}{{listener=\"public\"}} ");
    let metrics = world.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn more_idle_connections_than_descriptors_leave_both_listeners_usable() {
    allow_ourselves_many_files();
    let mut world = World::unstarted("").await;
    world.ulimit = "-n 1000";
    world.start().await;
    let _public = idle_connections(&world.public, 1_100).await;
    let _admin = idle_connections(&world.admin, 200).await;
    let accepted = (StatusCode::ACCEPTED, StatusCode::OK);
    assert_eq!(status_for_a_newcomer(&world).await, accepted);
    let open = of_public(&world, "ringdown_open_connections").await;
    let closed = of_public(&world, "ringdown_connections_evicted_total").await;
    assert!(open < 1_000, "{open} are open");
    assert!(closed >= 100, "{closed} were closed");
    let log = world.log();
    let warnings = log.matches("the limit of connections is reached").count();
    assert!((1..=2).contains(&warnings), "{log}");
    assert!(!log.contains("could not be accepted"), "{log}");
}

#[tokio::test]
async fn the_limit_of_descriptors_is_raised_as_far_as_the_system_permits() {
    let mut world = World::unstarted("").await;
    world.ulimit = "-Sn 200";
    world.start().await;
    let streams = idle_connections(&world.public, 400).await;
    assert_eq!(
        status_for_a_newcomer(&world).await,
        (StatusCode::ACCEPTED, StatusCode::OK)
    );
    assert!(!streams.iter().any(is_closed));
}

#[tokio::test]
async fn the_connection_that_is_idle_longest_gives_way_and_none_with_a_request_in_hand() {
    let mut world = World::unstarted("[server]\nmax_connections = 8\n").await;
    world.start().await;
    let bytes = webhook(&event("evt-1", "q1", 100.0));
    let (first, rest) = bytes.split_at(bytes.len() - 10);
    let mut in_hand = connect(&world.public).await;
    in_hand.write_all(first).await.unwrap();
    let mut streams = idle_connections(&world.public, 6).await;
    // Half a header is no request.
    for stream in &mut streams {
        stream.write_all(b"POST /webhooks/gen").await.unwrap();
    }
    for _ in 0..3 {
        streams.push(connect(&world.public).await);
        assert_eq!(
            status_for_a_newcomer(&world).await,
            (StatusCode::ACCEPTED, StatusCode::OK)
        );
    }
    let closed: Vec<bool> = streams.iter().map(is_closed).collect();
    let youngest_that_is_closed = closed.iter().rposition(|closed| *closed).unwrap();
    assert!(
        closed[..youngest_that_is_closed]
            .iter()
            .all(|closed| *closed),
        "{closed:?}"
    );
    assert!(!closed[8], "{closed:?}");
    in_hand.write_all(rest).await.unwrap();
    let mut start = [0; 12];
    in_hand.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 202");
}

#[tokio::test]
async fn when_every_connection_has_a_request_in_hand_the_next_waits_for_its_turn() {
    let mut world = World::unstarted("[server]\nmax_connections = 4\n").await;
    world.start().await;
    let mut streams = idle_connections(&world.public, 4).await;
    let bytes = webhook(&event("evt-1", "q1", 100.0));
    let (first, rest) = bytes.split_at(bytes.len() - 10);
    for stream in &mut streams {
        stream.write_all(first).await.unwrap();
    }
    // All four are in hand once the fifth is not answered.
    let newcomer = tokio::time::timeout(Duration::from_secs(1), status_for_a_newcomer(&world));
    assert!(newcomer.await.is_err(), "a fifth was let in");
    streams[0].write_all(rest).await.unwrap();
    assert_eq!(
        status_for_a_newcomer(&world).await,
        (StatusCode::ACCEPTED, StatusCode::OK)
    );
}
