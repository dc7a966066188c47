//! More connections than there are file descriptors, or than are allowed.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::slow_clients::{AT_ONCE, connect, webhook};
use crate::support::world::{ADMIN_TOKEN, TOKEN, World, event};

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
    let world = World::new().await;
    // As many as the admin listener may have, which limits no requests besides.
    let mut streams = idle_connections(&world.admin, 64).await;
    let half = format!(
        "POST /api/v1/silences HTTP/1.1\r\nhost: ringdown\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{"
    );
    for stream in &mut streams {
        stream.write_all(half.as_bytes()).await.unwrap();
    }
    // All are in hand once the next is not answered.
    let newcomer = tokio::time::timeout(Duration::from_secs(1), status_for_a_newcomer(&world));
    assert!(newcomer.await.is_err(), "another one was let in");
    streams[0].write_all(b"}").await.unwrap();
    assert_eq!(
        status_for_a_newcomer(&world).await,
        (StatusCode::ACCEPTED, StatusCode::OK)
    );
}

/// Slow bodies to a source whose sender is known only at their end, as many as are wanted.
async fn slow_bodies(world: &World, count: usize) -> Vec<TcpStream> {
    let half = "POST /webhooks/signed HTTP/1.1\r\nhost: ringdown\r\n\
        content-type: application/json\r\nx-signature: sha256=0000000000000000000000000000000000000000000000000000000000000000\r\n\
        content-length: 100\r\n\r\n{";
    let mut streams = idle_connections(&world.public, count).await;
    for stream in &mut streams {
        // One that is answered and closed already is another one's place.
        let _ = stream.write_all(half.as_bytes()).await;
    }
    streams
}

const SLOW_SOURCE: &str = r#"
[server]
request_timeout = "60s"
body_timeout = "60s"
[sources.signed]
format = "genesys"
auth = [{ type = "hmac", header = "x-signature", secret = { env = "WEBHOOK_TOKEN" } }]
"#;

#[tokio::test]
async fn slow_bodies_do_not_take_every_connection_where_descriptors_are_few() {
    let mut world = World::unstarted(SLOW_SOURCE).await;
    // Some two hundred connections.
    world.ulimit = "-n 400";
    world.start().await;
    let _slow = slow_bodies(&world, 300).await;
    assert_eq!(
        status_for_a_newcomer(&world).await,
        (StatusCode::ACCEPTED, StatusCode::OK)
    );
    let log = world.log();
    assert_eq!(log.matches("\"server.max_in_flight\"").count(), 1, "{log}");
}

#[tokio::test]
async fn a_listener_that_is_started_again_still_counts_the_connections_it_had() {
    let mut world = World::unstarted("[server]\nmax_connections = 12\n").await;
    world.spawn("accept connection:8:panic");
    world.until_ready().await;
    let mut old = Vec::new();
    world
        .until("the listener has panicked", async || {
            // Nobody listens for a moment.
            let address = world.public.trim_start_matches("http://");
            old.extend(TcpStream::connect(address).await);
            world.log().contains("a part of the process panicked")
        })
        .await;
    world.until_ready().await;
    let _new = idle_connections(&world.public, 12).await;
    world
        .until("an old connection has given way", async || {
            old[..5].iter().any(is_closed)
        })
        .await;
    let open = of_public(&world, "ringdown_open_connections").await;
    assert!(open <= 12, "{open} are open");
}
