//! Serves HTTP/1.1 connections: bounded headers, a time limit for slow senders, orderly stop.
//!
//! Shared by both listeners. Knows no route; whoever calls it owns the router and the token.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use futures::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::ReusedTimer;
use super::idle::Idle;

/// Pause after a failed accept: nearly always "too many open files", which time mends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits of a listener.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// Longest time between two requests on a connection, and in which a request's headers
    /// must have come; after it the connection is closed.
    pub header_timeout: Duration,
    /// Longest request line and headers together, in bytes; beyond it 431 (as beyond
    /// 100 headers).
    pub max_header_bytes: usize,
    /// How long requests in hand may take after the shutdown token; then they are cut off.
    pub drain_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            max_header_bytes: 32 * 1024,
            drain_timeout: Duration::from_secs(20),
        }
    }
}

/// What a listener serves: anything that answers every request. An axum router is one, whose
/// handlers find the peer's address as [`ConnectInfo<SocketAddr>`] among the extensions.
pub trait Application: Clone + Send + 'static {
    /// The body of an answer.
    type Body: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Unpin + Send + 'static;

    /// The answer to `request`, which came by `connection`.
    fn answer(
        self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl Application for Router {
    type Body = Body;

    async fn answer(
        mut self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Response<Body> {
        let mut request = request.map(Body::new);
        request
            .extensions_mut()
            .insert(ConnectInfo(connection.peer));
        let answered: Result<_, Infallible> = self.call(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

/// What an application knows of the connection by which a request came. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    /// The address at its other end.
    pub peer: SocketAddr,
    /// Bounds the request in hand; there is one at a time.
    pub timer: ReusedTimer,
}

/// Serves `application` on `listener` until `shutdown`; then accepts no more, lets each connection
/// finish the request in hand, and returns when all have, or after `drain_timeout`.
///
/// Returns how many connections had to be cut off.
pub async fn serve(
    listener: TcpListener,
    application: impl Application,
    shutdown: CancellationToken,
    options: ServeOptions,
) -> usize {
    let builder = connection_builder(options);
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    while let Some((stream, peer)) = accept(&listener, &shutdown).await {
        connections.spawn(serve_connection(
            builder.clone(),
            options.header_timeout,
            stream,
            peer,
            application.clone(),
            shutdown.clone(),
            cut_off.clone(),
        ));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(options.drain_timeout, connections.wait())
        .await
        .is_ok()
    {
        return 0;
    }
    let left = connections.len();
    cut_off.cancel();
    connections.wait().await;
    left
}

fn connection_builder(options: ServeOptions) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // How long they may take is limited without hyper: see the module `idle`.
        .header_read_timeout(None)
        // A sender that has closed its side hears the answer all the same; to look out for it
        // while a request is in hand takes a buffer for each.
        .half_close(true)
        .max_header_size(options.max_header_bytes)
        .pipeline_flush(true);
    builder
}

/// The next connection; `None` once `shutdown` is cancelled.
async fn accept(
    listener: &TcpListener,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(
    builder: http1::Builder,
    header_timeout: Duration,
    stream: TcpStream,
    peer: SocketAddr,
    application: impl Application,
    shutdown: CancellationToken,
    cut_off: CancellationToken,
) {
    // Answers are one small packet each; waiting to fill it only adds latency.
    let _ = stream.set_nodelay(true);
    let connection = Connection {
        peer,
        timer: ReusedTimer::default(),
    };
    let idle = Idle::new();
    let of_requests = idle.clone();
    let service = service_fn(move |request| {
        let idle = of_requests.clone();
        idle.interrupt();
        let answer = application.clone().answer(request, connection.clone());
        // An async block around it would hold it twice, and hyper moves it for every request.
        answer.map(move |answer| Ok::<_, Infallible>(answer.map(|body| idle.after(body))))
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let ending = until_its_end(connection, &shutdown, &cut_off);
    tokio::select! {
        biased;
        ended = ending => if let Err(error) = ended {
            tracing::debug!(%peer, %error, "the connection ended early");
        },
        () = idle.longer_than(header_timeout) => {
            tracing::debug!(%peer, "no request came in time; the connection is closed");
        }
    }
}

/// Serves `connection` until it ends: by itself, after the request in hand at `shutdown`, or at
/// once at `cut_off`.
async fn until_its_end<S>(
    connection: http1::Connection<TokioIo<TcpStream>, S>,
    shutdown: &CancellationToken,
    cut_off: &CancellationToken,
) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody: HttpBody<Error: Into<axum::BoxError>> + 'static>,
    S::Error: Into<axum::BoxError>,
{
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection => ended,
        () = cut_off.cancelled() => Ok(()),
    }
}
