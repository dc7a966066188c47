//! Clients that do not read, do not finish what they began, or send what is no request.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::world::{ADMIN_TOKEN, TOKEN, World, event};

/// Longest wait for an answer that must come at once.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(5);
/// What a client tries to send without reading.
const FLOOD: usize = 27_000_000;
/// A client that could send nothing for so long is blocked.
const BLOCKED: Duration = Duration::from_secs(5);
/// What the daemon may take for clients that do not read, in kB.
const MAX_GROWTH: u64 = 8_000;

/// Its answer has no body, and comes before its own body is read.
const HEAD: &str = "HEAD /healthz HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx";

/// The connection's other end, of a listener's URL.
pub(crate) async fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// A webhook with `event`, as bytes.
pub(crate) fn webhook(event: &serde_json::Value) -> Vec<u8> {
    let body = event.to_string();
    format!(
        "POST /webhooks/genesys HTTP/1.1\r\nhost: ringdown\r\ncontent-type: application/json\r\n\
         authorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends `request` again and again without reading; answers the connection and what it took.
async fn flood(url: &str, request: &str) -> (TcpStream, usize) {
    let mut stream = connect(url).await;
    // Each write ends within a request, so that the daemon never has a moment without input.
    let (first, rest) = request.split_at(request.len() / 2);
    stream.write_all(first.as_bytes()).await.unwrap();
    let requests = format!("{rest}{first}").repeat(64 * 1024 / request.len());
    let mut sent = 0;
    while sent < FLOOD {
        let next = &requests.as_bytes()[sent % requests.len()..];
        match tokio::time::timeout(BLOCKED, stream.write(next)).await {
            Ok(Ok(written)) => sent += written,
            Ok(Err(_)) | Err(_) => break,
        }
    }
    (stream, sent)
}

/// A figure of `/proc/PID/status`, in kB.
fn memory(world: &World, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.daemon.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(figure));
    let kilobytes = line.unwrap().split_whitespace().nth(1);
    kilobytes.unwrap().parse().unwrap()
}

/// Floods a listener with each of `requests`, all at the same time.
async fn are_blocked_and_cost_little(world: &World, url: &str, requests: &[&str]) {
    let before = memory(world, "VmRSS");
    let floods = requests.iter().map(|request| flood(url, request));
    let unread = futures::future::join_all(floods).await;
    let growth = memory(world, "VmHWM").saturating_sub(before);
    let sent: Vec<usize> = unread.iter().map(|(_, sent)| *sent).collect();
    assert!(growth < MAX_GROWTH, "{growth} kB for {sent:?} bytes");
    assert!(sent.iter().all(|sent| *sent < FLOOD), "{sent:?}");
    let healthy = world.client.get(format!("{url}/healthz")).send().await;
    assert_eq!(healthy.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_client_of_the_public_listener_that_does_not_read_is_blocked() {
    let world = World::new().await;
    let requests = [
        "GET /nowhere HTTP/1.1\r\nhost: ringdown\r\n\r\n",
        "POST /webhooks/genesys HTTP/1.1\r\nhost: ringdown\r\ncontent-length: 1\r\n\r\nx",
        HEAD,
    ];
    are_blocked_and_cost_little(&world, &world.public, &requests).await;
}

#[tokio::test]
async fn a_client_of_the_admin_listener_that_does_not_read_is_blocked() {
    let world = World::new().await;
    let requests = ["GET /metrics HTTP/1.1\r\nhost: ringdown\r\n\r\n", HEAD];
    are_blocked_and_cost_little(&world, &world.admin, &requests).await;
}

#[tokio::test]
async fn clients_that_do_not_read_do_not_use_up_512_mb() {
    let mut world = World::unstarted("").await;
    world.ulimit = "-v 524288";
    // The limit is on addresses, and the C library reserves 64 MB of them for each thread that calls it.
    world.environment.push(("MALLOC_ARENA_MAX", "2"));
    world.start().await;
    let request = "GET /metrics HTTP/1.1\r\nhost: ringdown\r\n\r\n";
    let other = "GET /nowhere HTTP/1.1\r\nhost: ringdown\r\n\r\n";
    let (_admin, _public, _third) = tokio::join!(
        flood(&world.admin, request),
        flood(&world.public, other),
        flood(&world.public, other),
    );
    assert!(!world.daemon.is_dead(), "{}", world.log());
    let (status, answer) = world.post(event("evt-1", "q1", 400.0).to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}\n{}", world.log());
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_rest_of_what_follows_the_request() {
    let world = World::new().await;
    for (number, rest) in ["\r\n", "GET /heal", "POST /webhooks/genesys HTTP/1.1\r\nho"]
        .into_iter()
        .enumerate()
    {
        let mut bytes = webhook(&event(&format!("evt-{number}"), "q1", 100.0));
        bytes.extend_from_slice(rest.as_bytes());
        let mut stream = connect(&world.public).await;
        stream.write_all(&bytes).await.unwrap();
        let mut start = [0; 12];
        let answer = tokio::time::timeout(AT_ONCE, stream.read_exact(&mut start)).await;
        assert!(answer.is_ok(), "no answer while {rest:?} follows");
        assert_eq!(&start, b"HTTP/1.1 202");
    }
}

/// Sends `bytes`, reads the answer to its end, and goes on to send as a client does that looks
/// at the answer only then. A reset anywhere in between is an error.
async fn answer_to(url: &str, bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = connect(url).await;
    stream.write_all(bytes).await?;
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(AT_ONCE, reading).await??;
    for _ in 0..10 {
        stream.write_all(b"x").await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(answer)
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_has_sent_more_than_was_read() {
    let world = World::new().await;
    let more = "x".repeat(200_000);
    let garbage = format!("this is no request\r\n\r\n{more}");
    let long = format!("GET /healthz HTTP/1.1\r\nhost: ringdown\r\nx: {more}");
    let unwanted =
        format!("POST /nowhere HTTP/1.1\r\nhost: ringdown\r\ncontent-length: 250000\r\n\r\n{more}");
    for url in [&world.public, &world.admin] {
        for (bytes, status) in [(&garbage, "400"), (&long, "431"), (&unwanted, "404")] {
            let answer = answer_to(url, bytes.as_bytes()).await;
            let expected = format!("HTTP/1.1 {status} ");
            assert!(
                answer
                    .as_ref()
                    .is_ok_and(|text| text.starts_with(&expected)),
                "{status} of {url}: {answer:?}"
            );
        }
    }
}

/// The head of a webhook whose body does not interest the daemon, and the status it gets.
const UNWANTED: [(&str, &str, usize); 3] = [
    ("/webhooks/nobody", "404", 200_000),
    ("/webhooks/genesys", "401", 200_000),
    // Longer than a body may be.
    ("/webhooks/genesys", "413", 700_000),
];

fn unwanted(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: ringdown\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_refusal_reaches_a_sender_that_is_still_sending_its_webhook() {
    let world = World::new().await;
    for (path, status, sent) in UNWANTED {
        let declared = if status == "413" {
            1_000_000
        } else {
            sent + 1_000
        };
        let bytes = unwanted(path, declared) + &"x".repeat(sent);
        let answer = answer_to(&world.public, bytes.as_bytes()).await;
        let expected = format!("HTTP/1.1 {status} ");
        let is_heard = |text: &String| text.starts_with(&expected);
        assert!(answer.as_ref().is_ok_and(is_heard), "{status}: {answer:?}");
    }
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_body_that_nobody_wants() {
    let world = World::new().await;
    let began = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = connect(&world.public).await;
        let head = unwanted("/webhooks/nobody", 100);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.contains("\r\n\r\n") {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "{answer}");
            answer.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        streams.push(stream);
    }
    // Half a second for each would be five.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

/// How long the daemon takes to stop.
async fn time_to_stop(mut world: World) -> Duration {
    let asked_at = Instant::now();
    let stopped = tokio::task::spawn_blocking(move || world.daemon.terminate());
    assert!(stopped.await.unwrap(), "it did not stop by itself");
    asked_at.elapsed()
}

#[tokio::test]
async fn a_client_that_has_sent_no_whole_request_does_not_hold_up_the_stop() {
    let world = World::new().await;
    let mut streams = Vec::new();
    for (url, bytes) in [
        (&world.public, &b"P"[..]),
        (&world.public, b"POST /webhooks/genesys HTTP/1.1\r\nhost"),
        (&world.admin, b"G"),
    ] {
        let mut stream = connect(url).await;
        stream.write_all(bytes).await.unwrap();
        streams.push(stream);
    }
    // Answered on a later connection: what came on the earlier ones was read.
    world.accept(&event("evt-1", "q1", 100.0)).await;
    assert!(world.metrics().await.contains("ringdown_"));
    let took = time_to_stop(world).await;
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn a_body_that_does_not_come_holds_up_the_stop_for_a_moment_only() {
    let world = World::unstarted("[server]\nrequest_timeout = \"15s\"\n").await;
    let mut world = world;
    world.start().await;
    let bytes = webhook(&event("evt-1", "q1", 100.0));
    let mut stream = connect(&world.public).await;
    stream.write_all(&bytes[..bytes.len() - 10]).await.unwrap();
    world.accept(&event("evt-2", "q1", 100.0)).await;
    let took = time_to_stop(world).await;
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn a_request_of_the_admin_listener_whose_body_does_not_come_is_a_408() {
    let world = World::new().await;
    let half = format!(
        "POST /api/v1/silences HTTP/1.1\r\nhost: ringdown\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"reason\":"
    );
    let mut stream = connect(&world.admin).await;
    stream.write_all(half.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let ended = tokio::time::timeout(AT_ONCE * 3, stream.read_to_string(&mut answer)).await;
    assert!(ended.is_ok(), "no answer in time");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
}
