//! The load client: one thread, plain sockets, one request after the other on each connection.
//!
//! Both sides of a comparison are measured with it. It parses no more of an answer than its
//! status and length, so that the two cores are left to the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::Fallible;
use crate::body::Bodies;

/// What to send.
pub(crate) struct Load {
    pub(crate) to: SocketAddr,
    pub(crate) connections: usize,
    /// A new connection for every request, as EventBridge makes them.
    pub(crate) reconnect: bool,
    /// For a server behind TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) until: Until,
    pub(crate) bodies: Bodies,
}

/// When to stop.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After a time, not counting a second of warming up.
    Elapsed(Duration),
    /// After a number of requests, all of them counted.
    Requests(u64),
}

/// What came of it.
pub(crate) struct Measured {
    /// Answers with 202.
    pub(crate) accepted: u64,
    /// Other answers.
    pub(crate) refused: u64,
    /// All answers, those of warming up included.
    pub(crate) answered: u64,
    pub(crate) took: Duration,
    /// Of each 202, in microseconds, ascending.
    latencies: Vec<u32>,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64()
    }

    /// A quantile of the latencies, in milliseconds.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        crate::figures::quantile(&self.latencies, quantile) / 1000.0
    }
}

const WARM_UP: Duration = Duration::from_secs(1);

/// What the connections share.
struct Shared {
    load: Load,
    next: AtomicU64,
    counting: AtomicBool,
    stop: AtomicBool,
}

/// Sends `load` and measures the answers.
pub(crate) fn send(load: Load) -> Fallible<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(load))
}

async fn run(load: Load) -> Fallible<Measured> {
    let (until, connections) = (load.until, load.connections);
    let shared = Arc::new(Shared {
        load,
        next: AtomicU64::new(0),
        counting: AtomicBool::new(matches!(until, Until::Requests(_))),
        stop: AtomicBool::new(false),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(connection(Arc::clone(&shared)));
    }
    let mut began = Instant::now();
    let mut took = None;
    if let Until::Elapsed(span) = until {
        tokio::time::sleep(WARM_UP).await;
        shared.counting.store(true, Ordering::Relaxed);
        began = Instant::now();
        tokio::time::sleep(span).await;
        shared.counting.store(false, Ordering::Relaxed);
        took = Some(began.elapsed());
        shared.stop.store(true, Ordering::Relaxed);
    }
    let (mut latencies, mut refused, mut answered) = (Vec::new(), 0, 0);
    while let Some(ended) = tasks.join_next().await {
        let (measured, others, all) = ended??;
        latencies.extend(measured);
        refused += others;
        answered += all;
    }
    let took = took.unwrap_or_else(|| began.elapsed());
    latencies.sort_unstable();
    Ok(Measured {
        accepted: latencies.len() as u64,
        refused,
        answered,
        took,
        latencies,
    })
}

async fn connection(shared: Arc<Shared>) -> Fallible<(Vec<u32>, u64, u64)> {
    let load = &shared.load;
    let mut request = load.bodies.request(load.reconnect);
    let mut answer = vec![0; 4096];
    let mut stream = None;
    let (mut latencies, mut refused, mut answered) = (Vec::with_capacity(1 << 14), 0, 0);
    while !shared.stop.load(Ordering::Relaxed) {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if matches!(load.until, Until::Requests(most) if number >= most) {
            break;
        }
        load.bodies.number(&mut request, number);
        let began = Instant::now();
        let mut open = match stream.take() {
            Some(stream) => stream,
            None => connect(load).await?,
        };
        open.write_all(&request.bytes).await?;
        let status = read_answer(&mut *open, &mut answer).await?;
        if !load.reconnect {
            stream = Some(open);
        }
        answered += 1;
        if shared.counting.load(Ordering::Relaxed) {
            if status == *b"202" {
                latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            } else {
                refused += 1;
            }
        }
    }
    Ok((latencies, refused, answered))
}

/// A connection, plain or inside TLS.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

async fn connect(load: &Load) -> Fallible<Box<dyn Wire>> {
    let stream = TcpStream::connect(load.to).await?;
    stream.set_nodelay(true)?;
    Ok(match &load.tls {
        None => Box::new(stream),
        Some(config) => {
            let connector = TlsConnector::from(Arc::clone(config));
            let name = ServerName::try_from(crate::proxy::NAME)?;
            Box::new(connector.connect(name, stream).await?)
        }
    })
}

/// Reads one answer and returns the digits of its status.
async fn read_answer(stream: &mut dyn Wire, buffer: &mut [u8]) -> Fallible<[u8; 3]> {
    let mut have = 0;
    loop {
        let read = stream.read(&mut buffer[have..]).await?;
        if read == 0 {
            return Err("the server closed the connection in the middle of an answer".into());
        }
        have += read;
        if let Some(status) = whole_answer(&buffer[..have]) {
            return Ok(status);
        }
    }
}

/// The status, once the whole answer is there.
fn whole_answer(bytes: &[u8]) -> Option<[u8; 3]> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = bytes.get(9..12)?.try_into().ok()?;
    let length: usize = std::str::from_utf8(&bytes[..head])
        .ok()?
        .split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.parse().ok())?;
    (bytes.len() >= head + 4 + length).then_some(status)
}
