//! CRMs whose answers never end: no call outlasts its time, nobody else notices, and they are
//! not asked again and again.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::support::world::{World, event};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How long the daemon is watched after the circuit has opened.
const WATCHED: Duration = Duration::from_secs(6);
/// Probes in that time: the waits between them are 1, 2 and 4 seconds.
const MAX_PROBES: usize = 3;

/// An answer that begins with the first text and goes on with the second, at this pace.
#[derive(Clone, Copy)]
struct Endless {
    first: &'static str,
    rest: &'static str,
    pace: Duration,
}

/// How long each connection was open, with the moment at which it began.
type Calls = Arc<Mutex<Vec<(Instant, Duration)>>>;

/// On a thread of its own: it never waits, and would take the test's time.
fn listen(endless: Endless) -> (SocketAddr, Calls, Runtime) {
    let server = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let calls = Calls::default();
    let noted = calls.clone();
    server.spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let noted = noted.clone();
            connections.spawn(async move {
                let began = Instant::now();
                answer(stream, endless).await;
                noted.lock().unwrap().push((began, began.elapsed()));
            });
        }
    });
    (address, calls, server)
}

/// Answers until the other side has had enough.
async fn answer(mut stream: TcpStream, endless: Endless) {
    let mut request = [0; 16 * 1024];
    if stream.read(&mut request).await.unwrap_or(0) == 0 {
        return;
    }
    let (mut reading, mut writing) = stream.split();
    let rest = match endless.pace.is_zero() {
        true => endless.rest.repeat(1000),
        false => endless.rest.to_owned(),
    };
    let writes = async {
        writing.write_all(endless.first.as_bytes()).await?;
        loop {
            writing.write_all(rest.as_bytes()).await?;
            tokio::time::sleep(endless.pace).await;
        }
        #[expect(unreachable_code, reason = "says what the block fails with")]
        Ok::<(), std::io::Error>(())
    };
    let hears_the_end = async {
        let mut byte = [0; 1];
        while reading.read(&mut byte).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! {
        _ = writes => {}
        () = hears_the_end => {}
    }
}

fn target(address: SocketAddr) -> String {
    format!(
        r#"
[rules.queue-wait]
targets = ["servicenow"]
[targets.servicenow]
kind = "servicenow"
base_url = "http://{address}"
timeout = "1s"
[targets.servicenow.auth]
flow = "basic"
username = "ringdown"
password = "simulator-password"
[targets.servicenow.retry]
attempts = 1
base = "100ms"
[targets.servicenow.create]
short_description = "{{{{ queue_id }}}}"
"#
    )
}

async fn circuit_is_open(world: &World, name: &str) -> bool {
    let targets = world.items("targets").await;
    let target = targets
        .iter()
        .find(|one| one["name"] == "servicenow")
        .unwrap();
    if target["state"] != "circuit_open" {
        return false;
    }
    assert_eq!(target["last_error"]["kind"], "network_failure", "{name}");
    true
}

async fn survives(name: &str, endless: Endless) {
    let (address, calls, server) = listen(endless);
    let mut world = World::unstarted(&target(address)).await;
    world.start().await;
    let mut slowest = Duration::ZERO;
    let mut number = 0;
    let mut opened = None;
    // How soon the circuit opens depends on the machine, so the watch begins when it has opened.
    while opened.is_none_or(|at: Instant| at.elapsed() < WATCHED) {
        let sent = Instant::now();
        let id = format!("evt-{number}");
        world
            .accept(&event(&id, &format!("q{number}"), 400.0))
            .await;
        slowest = slowest.max(sent.elapsed());
        number += 1;
        assert!(number < 1000, "{name}: the circuit never opened");
        if opened.is_none() && circuit_is_open(&world, name).await {
            opened = Some(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        slowest < TIMEOUT,
        "{name}: a webhook took {slowest:?}, as long as a call to the CRM"
    );
    assert!(circuit_is_open(&world, name).await, "{name}");
    drop(world);
    let calls = calls.lock().unwrap().clone();
    let longest = calls.iter().map(|(_, lasted)| *lasted).max().unwrap();
    let late = calls.iter().filter(|(at, _)| Some(*at) > opened).count();
    println!(
        "{name}: {} calls, {late} late, longest {longest:?}, slowest webhook {slowest:?}",
        calls.len()
    );
    assert!(longest < 2 * TIMEOUT, "{name}: a call took {longest:?}");
    // What was tried before the circuit opened is retried once (`attempts = 1`). Nothing new is
    // sent; what remains are the probes, each at least a second after the one before it.
    let early = calls.len() - late;
    assert!(
        late <= early + MAX_PROBES,
        "{name}: {late} calls though the circuit is open, {early} before"
    );
    server.shutdown_background();
}

#[tokio::test]
async fn an_endless_row_of_interim_answers_ends_with_the_calls_time() {
    let endless = Endless {
        first: "",
        rest: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n",
        pace: Duration::ZERO,
    };
    survives("interim answers", endless).await;
}

#[tokio::test]
async fn endless_headers_are_given_up() {
    let endless = Endless {
        first: "HTTP/1.1 200 OK\r\n",
        rest: "x-more: and more\r\n",
        pace: Duration::ZERO,
    };
    survives("headers", endless).await;
}

#[tokio::test]
async fn an_endless_body_is_given_up() {
    let endless = Endless {
        first: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        rest: "10\r\n0123456789abcdef\r\n",
        pace: Duration::ZERO,
    };
    survives("a body", endless).await;
}

#[tokio::test]
async fn a_body_that_trickles_ends_with_the_calls_time() {
    let endless = Endless {
        first: "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n",
        rest: " ",
        pace: Duration::from_millis(50),
    };
    survives("a trickle", endless).await;
}
