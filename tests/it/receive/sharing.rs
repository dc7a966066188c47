//! Slow bodies: they are dropped when others need their slots or memory, and in any case after
//! a while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use ringdown::settings::{AuthMethod, Secret, SourceSettings};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::receive::world::{Plan, TOKEN, World, bearer, good, source, tally};

/// Longest time any of these waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);
const SLOTS: usize = 8;
const LONGEST_BODY: usize = 2_000;
const NO_CREDENTIAL: &str = "x-nothing: 1";
/// What a stranger can write as well as the sender.
const SIGNATURE: &str =
    "x-signature: sha256=0000000000000000000000000000000000000000000000000000000000000000";

fn signed() -> SourceSettings {
    source(vec![AuthMethod::Hmac {
        header: "x-signature".to_owned(),
        secret: Secret::new("hmac-key"),
    }])
}

/// A listener with two sources, `genesys` with a token and `signed`, and callbacks of `crm`.
fn plan() -> Plan {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.sources.insert("signed".to_owned(), signed());
    plan.callback_auth = BTreeMap::from([("crm".to_owned(), signed().auth)]);
    plan.server.max_in_flight = SLOTS;
    plan.server.max_body_bytes = LONGEST_BODY;
    plan
}

/// A request to `path` that announces a body of `length` and sends `sent` bytes of it.
async fn slow(world: &World, path: &str, header: &str, length: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: ringdown\r\ncontent-type: application/json\r\n\
         {header}\r\ncontent-length: {length}\r\n\r\n"
    );
    let request = [head.as_bytes(), &b" ".repeat(sent)].concat();
    stream.write_all(&request).await.unwrap();
    stream
}

async fn send_signed(world: &World, id: &str) -> reqwest::Response {
    let body = good(id);
    let mut hmac = Hmac::<Sha256>::new_from_slice(b"hmac-key").unwrap();
    hmac.update(body.as_bytes());
    let signature = hex::encode(hmac.finalize().into_bytes());
    let request = world
        .client
        .post(world.url_of("/webhooks/signed"))
        .header("content-type", "application/json")
        .header("x-signature", signature);
    request.body(body).send().await.unwrap()
}

async fn answer_to(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// How many requests were dropped for `reason`.
fn dropped(world: &World, reason: &str) -> u64 {
    let reason = format!("reason=\"{reason}\"");
    let metrics = world.metrics.render();
    let lines = metrics.lines().filter(|line| {
        line.starts_with("ringdown_dropped_requests_total") && line.contains(&reason)
    });
    lines
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
        .sum()
}

/// Keeps sending slow requests until some were dropped for `reason`.
async fn flood(
    world: &World,
    path: &str,
    header: &str,
    sent: usize,
    reason: &str,
) -> Vec<TcpStream> {
    let mut held = Vec::new();
    let end = Instant::now() + PATIENCE;
    while dropped(world, reason) < 4 {
        assert!(Instant::now() < end, "nothing was dropped");
        held.push(slow(world, path, header, LONGEST_BODY, sent).await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    held
}

#[tokio::test]
async fn slow_bodies_with_signatures_of_strangers_hold_up_nobody_and_the_slowest_goes_first() {
    for path in ["/webhooks/signed", "/callbacks/crm"] {
        let world = plan().start().await;
        let mut held = flood(&world, path, SIGNATURE, 1, "slot_needed").await;
        for number in 0..20 {
            let answer = world.sender(good(&format!("evt-{number}"))).send().await;
            assert_eq!(tally(answer.unwrap()).await, (1, 0, 0), "{path}");
        }
        let answer = send_signed(&world, "evt-signed").await;
        assert_eq!(tally(answer).await, (1, 0, 0), "{path}");
        let answer = answer_to(&mut held[0]).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
        assert!(answer.contains("problem:overloaded"), "{answer}");
    }
}

#[tokio::test]
async fn one_credential_cannot_take_all_slots() {
    let world = plan().start().await;
    let token = format!("authorization: Bearer {TOKEN}");
    let mut held = Vec::new();
    for _ in 0..4 * SLOTS {
        held.push(slow(&world, "/webhooks/genesys", &token, LONGEST_BODY, 1).await);
    }
    // While its requests are hardly late, it is refused rather than any of them.
    let answer = answer_to(held.last_mut().unwrap()).await;
    assert!(answer.contains("problem:overloaded"), "{answer}");
    let answer = send_signed(&world, "evt-1").await;
    assert_eq!(tally(answer).await, (1, 0, 0));
    // Later it can use their slots itself.
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = world.sender(good("evt-2")).send().await.unwrap();
        if answer.status().as_u16() == 202 {
            break;
        }
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(dropped(&world, "slot_needed") > 0);
}

#[tokio::test]
async fn bodies_have_their_memory_together_and_the_largest_slow_one_makes_room() {
    let mut plan = plan();
    plan.server.max_in_flight = 64;
    plan.server.body_memory = 6 * LONGEST_BODY;
    let world = plan.start().await;
    let held = flood(
        &world,
        "/webhooks/signed",
        SIGNATURE,
        LONGEST_BODY - 1,
        "memory_needed",
    )
    .await;
    let long = good(&"x".repeat(LONGEST_BODY - 200));
    let answer = world.sender(long).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
    let answer = send_signed(&world, "evt-signed").await;
    assert_eq!(tally(answer).await, (1, 0, 0));
    assert!(held.len() >= 6);
}

#[tokio::test]
async fn a_length_that_is_only_announced_takes_no_memory() {
    let mut plan = plan();
    plan.server.max_in_flight = 64;
    plan.server.body_memory = 2 * LONGEST_BODY;
    let world = plan.start().await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(slow(&world, "/webhooks/signed", SIGNATURE, LONGEST_BODY, 1).await);
    }
    let answer = send_signed(&world, "evt-1").await;
    assert_eq!(tally(answer).await, (1, 0, 0));
    let metrics = world.metrics.render();
    assert!(
        !metrics.contains("ringdown_dropped_requests_total{"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_body_that_takes_longer_than_it_may_is_a_503_though_there_is_room() {
    let mut plan = plan();
    plan.server.body_timeout = Duration::from_millis(100);
    let world = plan.start().await;
    let token = format!("authorization: Bearer {TOKEN}");
    let mut stream = slow(&world, "/webhooks/genesys", &token, LONGEST_BODY, 1).await;
    let answer = answer_to(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("problem:too-slow"), "{answer}");
    assert_eq!(dropped(&world, "too_slow"), 1);
}

#[tokio::test]
async fn unwanted_bodies_are_awaited_for_few_at_a_time() {
    let world = plan().start().await;
    // None sends the body that it announces.
    let requests = (0..40).map(|_| async {
        let mut stream = slow(&world, "/webhooks/nowhere", NO_CREDENTIAL, 500, 0).await;
        let began = Instant::now();
        let answer = answer_to(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        began.elapsed() < Duration::from_millis(400)
    });
    let at_once = futures::future::join_all(requests).await;
    assert!(at_once.iter().filter(|at_once| **at_once).count() >= 20);
    let answer = world.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
}
