//! Slow senders, too many at once, and stopping.

use std::time::Duration;

use ringdown::http::Readiness;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::receive::world::{Plan, TOKEN, World, bearer, good, problem, source, tally};

/// Longest time any of these waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request whose body is announced but not sent whole.
async fn begun(world: &World, length: usize, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST /webhooks/genesys HTTP/1.1\r\nhost: ringdown\r\ncontent-type: application/json\r\n\
         authorization: Bearer {TOKEN}\r\ncontent-length: {length}\r\n\r\n{sent}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn everything_from(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_dripping_body_is_cut_off_with_a_503_that_will_be_repeated() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.server.request_timeout = Duration::from_millis(200);
    let world = plan.start().await;
    let mut stream = begun(&world, 100, "{\"id\":").await;
    let answer = everything_from(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("problem:timed-out"), "{answer}");
    assert!(answer.contains("x-request-id: "), "{answer}");
}

#[tokio::test]
async fn dripping_headers_are_cut_off() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.header_timeout = Duration::from_millis(200);
    let world = plan.start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"POST /webhooks/gen").await.unwrap();
    everything_from(&mut stream).await;
}

#[tokio::test]
async fn only_a_connection_without_a_request_in_hand_is_closed_for_being_idle() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.header_timeout = Duration::from_millis(200);
    let world = plan.start().await;
    let body = good("evt-1");
    let (first, rest) = body.split_at(10);
    let mut stream = begun(&world, body.len(), first).await;
    let early = tokio::time::timeout(Duration::from_millis(600), stream.read_u8());
    assert!(early.await.is_err(), "closed in the middle of a request");
    stream.write_all(rest.as_bytes()).await.unwrap();
    let answer = everything_from(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_after_a_while() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.header_timeout = Duration::from_millis(300);
    let world = plan.start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let requests = "GET /nowhere HTTP/1.1\r\nhost: ringdown\r\n\r\n".repeat(1_000);
    let writing = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    let closed = tokio::time::timeout(PATIENCE, writing).await;
    assert!(closed.is_ok(), "the connection is held for ever");
}

#[tokio::test]
async fn a_sender_that_has_closed_its_side_hears_the_answer_all_the_same() {
    let world = World::start().await;
    let body = good("evt-1");
    let mut stream = begun(&world, body.len(), &body).await;
    stream.shutdown().await.unwrap();
    let answer = everything_from(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(world.kept().await.len(), 1);
}

#[tokio::test]
async fn more_than_the_bound_in_flight_is_a_503_at_once() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.server.max_in_flight = 1;
    let world = plan.start().await;
    let body = good("evt-1");
    let (first, rest) = body.split_at(10);
    let mut held = begun(&world, body.len(), first).await;
    let overloaded = async {
        loop {
            let answer = world.sender(good("evt-2")).send().await.unwrap();
            if answer.status().as_u16() == 503 {
                return problem(answer).await;
            }
        }
    };
    let answer = tokio::time::timeout(PATIENCE, overloaded).await.unwrap();
    assert_eq!(answer, (503, "overloaded".to_owned(), Some(1)));
    held.write_all(rest.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    held.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 202");
    let answer = world.sender(good("evt-3")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
}

#[tokio::test]
async fn a_stranger_cannot_hold_a_place_by_dripping() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.server.max_in_flight = 1;
    let world = plan.start().await;
    let mut stranger = TcpStream::connect(world.address).await.unwrap();
    stranger
        .write_all(
            b"POST /webhooks/genesys HTTP/1.1\r\nhost: ringdown\r\n\
              content-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
        )
        .await
        .unwrap();
    let answer = everything_from(&mut stranger).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn while_draining_the_answer_is_a_503_to_be_repeated() {
    let world = World::start().await;
    world.readiness.send(Readiness::Draining).unwrap();
    let answer = world.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(problem(answer).await, (503, "draining".to_owned(), Some(5)));
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn a_request_in_hand_is_finished_after_the_stop_and_no_new_one_is_taken() {
    let world = World::start().await;
    let body = good("evt-1");
    let (first, rest) = body.split_at(10);
    let mut held = begun(&world, body.len(), first).await;
    // Once another request on a later connection is answered, the first has been accepted.
    let answer = world.sender(good("evt-2")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
    world.shutdown.cancel();
    let refused = async {
        while TcpStream::connect(world.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    held.write_all(rest.as_bytes()).await.unwrap();
    let answer = everything_from(&mut held).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let cut_off = tokio::time::timeout(PATIENCE, world.served).await.unwrap();
    assert_eq!(cut_off.unwrap(), 0);
    // The router and with it the last handle of the journal are gone, so the writer ends.
    tokio::time::timeout(PATIENCE, world.writer)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_when_the_drain_time_is_over() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.drain_timeout = Duration::from_millis(200);
    let world = plan.start().await;
    let _held = begun(&world, 100, "{").await;
    let answer = world.sender(good("evt-2")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
    world.shutdown.cancel();
    let cut_off = tokio::time::timeout(PATIENCE, world.served).await.unwrap();
    assert_eq!(cut_off.unwrap(), 1);
}

#[tokio::test]
async fn dripping_headers_do_not_hold_up_the_stop() {
    let mut plan = Plan::new(source(vec![bearer()]));
    plan.header_timeout = Duration::from_millis(200);
    let world = plan.start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"POST /webhooks/gen").await.unwrap();
    let answer = world.sender(good("evt-1")).send().await.unwrap();
    assert_eq!(tally(answer).await, (1, 0, 0));
    world.shutdown.cancel();
    let cut_off = tokio::time::timeout(PATIENCE, world.served).await.unwrap();
    assert_eq!(cut_off.unwrap(), 0);
}
