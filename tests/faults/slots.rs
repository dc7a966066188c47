//! Slow bodies, a thousand at once and more of them all the time: from clients without a
//! secret, and from one that has a valid credential.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::world::{TOKEN, World, event};

const KEY: &str = "hmac-s3cret-key";
const SOURCES: &str = r#"
[sources.signed]
format = "genesys"
auth = [{ type = "hmac", header = "x-signature", secret = { env = "HMAC_KEY" } }]
[targets.salesforce.callback]
auth = [{ type = "hmac", header = "x-signature", secret = { env = "HMAC_KEY" } }]
"#;
/// What a stranger can write as well as the sender.
const FORGED: &str =
    "x-signature: sha256=0000000000000000000000000000000000000000000000000000000000000000";
/// More than there are slots.
const CLIENTS: usize = 1_100;
const DECLARED: usize = 262_144;
/// How much each client sends at first; together more than bodies may have.
const SENT_AT_FIRST: usize = 100_000;
/// How much it sends each time after that, so that it costs the machine little.
const SENT_LATER: usize = 1_000;
/// How long a client waits before it comes again.
const PAUSE: Duration = Duration::from_secs(2);
/// How long good events are sent meanwhile.
const TIME: Duration = Duration::from_secs(3);
/// The budget for bodies is 64 MiB. Beside it each connection has a buffer.
const MOST_GROWTH_KB: u64 = 200 * 1_024;
/// One attack at a time: each is for a machine of its own.
pub(crate) static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);

async fn world() -> World {
    let mut world = World::unstarted(SOURCES).await;
    world.environment.push(("HMAC_KEY", KEY));
    world.start().await;
    world
}

/// Clients whose bodies do not come to their end, and who begin again when they are dropped.
struct Attack {
    begun: Arc<AtomicUsize>,
    _clients: JoinSet<()>,
}

impl Attack {
    /// Sends to `path` with `header`.
    fn start(world: &World, path: &str, header: &str) -> Self {
        let address = world.public.strip_prefix("http://").unwrap();
        let to: SocketAddr = address.parse().unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: ringdown\r\ncontent-type: application/json\r\n\
             {header}\r\ncontent-length: {DECLARED}\r\n\r\n"
        );
        let begun = Arc::new(AtomicUsize::new(0));
        let client = || client(to, head.clone(), Arc::clone(&begun));
        let clients = (0..CLIENTS).map(|_| client()).collect();
        Self {
            begun,
            _clients: clients,
        }
    }
}

async fn client(to: SocketAddr, head: String, begun: Arc<AtomicUsize>) {
    let mut sent = SENT_AT_FIRST;
    loop {
        let request = [head.as_bytes(), &b" ".repeat(sent)].concat();
        // A connection that is reset was dropped.
        let _ = one_request(to, &request, &begun).await;
        sent = SENT_LATER;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn one_request(to: SocketAddr, request: &[u8], begun: &AtomicUsize) -> std::io::Result<()> {
    let mut stream = connect(to).await?;
    let written = stream.write_all(request).await;
    begun.fetch_add(1, Ordering::Relaxed);
    written?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

async fn connect(to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((ATTACKER, 0).into())?;
    socket.connect(to).await
}

/// Resident memory of the daemon, in kilobytes.
fn memory_kb(world: &World) -> u64 {
    let status = format!("/proc/{}/status", world.daemon.id());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn send_signed(world: &World, id: &str) -> u16 {
    let body = event(id, "signed", 10.0).to_string();
    let mut hmac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    hmac.update(body.as_bytes());
    let request = world
        .client
        .post(format!("{}/webhooks/signed", world.public))
        .header("content-type", "application/json")
        .header("x-signature", hex::encode(hmac.finalize().into_bytes()));
    request.body(body).send().await.unwrap().status().as_u16()
}

async fn send_by_token(world: &World, id: &str) -> u16 {
    let (status, _) = world.post(event(id, "genesys", 10.0).to_string()).await;
    status.as_u16()
}

/// Sends events while the attack goes on; each must be accepted within a second.
async fn all_are_accepted(
    world: &World,
    attack: &Attack,
    mut send: impl AsyncFnMut(&World, &str) -> u16,
) {
    let quiet = memory_kb(world);
    world
        .until("the attack is under way", async || {
            attack.begun.load(Ordering::Relaxed) >= CLIENTS
        })
        .await;
    let (began, mut number, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    let mut most = quiet;
    while began.elapsed() < TIME {
        let sent = Instant::now();
        let status = send(world, &format!("good-{number}")).await;
        slowest = slowest.max(sent.elapsed());
        assert_eq!(status, 202, "good event {number}");
        most = most.max(memory_kb(world));
        number += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let begun = attack.begun.load(Ordering::Relaxed);
    println!(
        "{begun} slow bodies; {number} good events, the slowest in {slowest:?}; {} MB more",
        most.saturating_sub(quiet) / 1_024
    );
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(
        most - quiet < MOST_GROWTH_KB,
        "{quiet} kB grew to {most} kB"
    );
    let metrics = world.metrics().await;
    assert!(
        metrics.contains("ringdown_dropped_requests_total{"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_of_strangers_stop_neither_other_sources_nor_their_own() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = world().await;
    let attack = Attack::start(&world, "/webhooks/signed", FORGED);
    all_are_accepted(&world, &attack, send_by_token).await;
    all_are_accepted(&world, &attack, send_signed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_callbacks_of_strangers_stop_no_source() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = world().await;
    let attack = Attack::start(&world, "/callbacks/salesforce", FORGED);
    all_are_accepted(&world, &attack, send_by_token).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_with_one_valid_credential_stop_no_other_source() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = world().await;
    let token = format!("authorization: Bearer {TOKEN}");
    let attack = Attack::start(&world, "/webhooks/genesys", &token);
    all_are_accepted(&world, &attack, send_signed).await;
}
