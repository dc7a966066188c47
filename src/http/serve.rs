//! Serves HTTP/1.1 connections: bounded in number, headers and time, with an orderly stop.
//!
//! Shared by both listeners. Knows no route; the caller owns the router and the shutdown token.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
use futures::TryFutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::activity::{Activity, Close, ResponseBody};
use super::connections::{ConnectionPermit, Connections};
use super::request_body::RequestBody;
use super::socket::Socket;
use crate::fault_points;
use crate::telemetry::ConnectionMetrics;

/// Pause after a failed accept, in which other connections can end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long after the stop a client has to finish its side of a request in flight.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// hyper reads ahead no less than this.
const MIN_READ_AHEAD: usize = 8 * 1024;

/// Limits of a listener.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The listener's name in the log.
    pub listener: &'static str,
    /// Longest time between two requests on a connection, in which a request's headers must
    /// have come, and for which a client may take nothing of its answers; after it the
    /// connection is closed.
    pub header_timeout: Duration,
    /// Longest request line and headers together, in bytes; beyond it 431 (as beyond
    /// 100 headers).
    pub max_header_bytes: usize,
    /// How long requests in flight may take after the shutdown token; then they are cut off.
    pub drain_timeout: Duration,
    /// Most connections at the same time; beyond it those that are idle longest are closed.
    pub max_connections: usize,
    pub metrics: ConnectionMetrics,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listener: "",
            header_timeout: Duration::from_secs(30),
            max_header_bytes: 32 * 1024,
            drain_timeout: Duration::from_secs(20),
            max_connections: 1024,
            metrics: ConnectionMetrics::default(),
        }
    }
}

/// A listener and its connections. They do not end with the task that accepts them: one that
/// is started again goes on with them. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    options: ServeOptions,
    connections: Connections,
    tasks: TaskTracker,
}

/// Serves `router` as [`Server::run`] does, by a server of its own.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    options: ServeOptions,
) -> usize {
    Server::new(options).run(listener, router, shutdown).await
}

impl Server {
    pub fn new(options: ServeOptions) -> Self {
        let connections = Connections::new(
            options.listener,
            options.max_connections,
            options.metrics.clone(),
        );
        Self {
            options,
            connections,
            tasks: TaskTracker::new(),
        }
    }

    /// Serves `router` on `listener` until `shutdown`. Then it accepts no more, closes idle ones,
    /// and lets others finish their request, until all have ended or for `drain_timeout`. Handlers
    /// find the peer's address as [`ConnectInfo<SocketAddr>`].
    ///
    /// Returns how many connections had to be cut off.
    pub async fn run(
        self,
        listener: TcpListener,
        router: Router,
        shutdown: CancellationToken,
    ) -> usize {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = self.accept_all(&listener, &router) => {}
        }
        drop((listener, router));
        self.tasks.close();
        self.drain().await;
        self.connections.cut_off()
    }

    async fn accept_all(&self, listener: &TcpListener, router: &Router) {
        let builder = connection_builder(&self.options);
        loop {
            let (stream, peer) = accept(listener, &self.connections).await;
            fault_points::reach("accept connection");
            let permit = self.connections.acquire(peer.ip()).await;
            self.tasks.spawn(serve_connection(
                builder.clone(),
                self.options.header_timeout,
                stream,
                peer,
                router.clone(),
                permit,
            ));
        }
    }

    /// Ends all connections: first the idle ones, then those that wait for their client, and in
    /// the end all.
    async fn drain(&self) {
        let timeout = self.options.drain_timeout;
        let grace = DRAIN_GRACE.min(timeout);
        for (command, time) in [(Close::Stop, grace), (Close::StopWaiting, timeout - grace)] {
            self.connections.command_all(command);
            if tokio::time::timeout(time, self.tasks.wait()).await.is_ok() {
                return;
            }
        }
        self.connections.command_all(Close::CutOff);
        self.tasks.wait().await;
    }
}

fn connection_builder(options: &ServeOptions) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // How long they may take is limited without hyper: see the module `activity`.
        .header_read_timeout(None)
        // A sender that has closed its side still gets the answer. To detect the closing while a
        // request is in flight would take a buffer for each connection.
        .half_close(true)
        .max_header_size(options.max_header_bytes)
        .max_buf_size(options.max_header_bytes.max(MIN_READ_AHEAD))
        // An answer is one small piece: to copy it behind its head is cheaper than two pieces.
        .writev(false);
    builder
}

async fn accept(listener: &TcpListener, connections: &Connections) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(connection) => return connection,
            // The client is gone; the next one may be there already.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => {
                connections.evict_after(&error);
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
    router: Router,
    permit: ConnectionPermit,
) {
    // Answers are one small packet each; waiting to fill it only adds latency.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream, Arc::clone(&permit.activity));
    let activity = Arc::clone(&permit.activity);
    let service = service_fn(move |request| answer(router.clone(), request, peer, &activity));
    let connection = builder.serve_connection(TokioIo::new(socket), service);
    let ended = serve_until_closed(connection, &permit, header_timeout).await;
    tracing::debug!(%peer, "{ended}");
}

/// The answer of `router`. `activity` shows that a request is in flight until the answer is sent.
fn answer(
    mut router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    activity: &Arc<Activity>,
) -> impl Future<Output = Result<Response<ResponseBody<Body>>, Infallible>> + use<> {
    let activity = Arc::clone(activity);
    activity.begin_request();
    let mut request = request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&activity))));
    request.extensions_mut().insert(ConnectInfo(peer));
    // An async block around it would hold it twice, and hyper moves it for every request.
    router.call(request).map_ok(move |mut answer| {
        let is_refusal = !answer.status().is_success();
        // A refusal may come before the body was read.
        activity.set_unread(is_refusal);
        // Without this header the client could send its next request into the rest of the body.
        if is_refusal && activity.has_body_left() {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        answer.map(|body| activity.response_body(body))
    })
}

/// Why a connection has ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection has ended")]
    ByItself,
    #[error("the connection ended early: {0}")]
    Early(hyper::Error),
    #[error("the client sent or took nothing in time; the connection is closed")]
    TimedOut,
    #[error("the connection is closed to make room for another")]
    Evicted,
    #[error("the connection is closed for the stop")]
    Stopped,
}

/// Serves `connection` until it ends by itself, or has waited for its client for longer than
/// `limit`, or gets a command to close.
async fn serve_until_closed<S>(
    connection: http1::Connection<TokioIo<Socket>, S>,
    permit: &ConnectionPermit,
    limit: Duration,
) -> Ended
where
    S: HttpService<Incoming, ResBody: HttpBody<Error: Into<axum::BoxError>> + 'static>,
    S::Error: Into<axum::BoxError>,
{
    let activity = &permit.activity;
    let mut connection = std::pin::pin!(connection);
    let mut timer = std::pin::pin!(tokio::time::sleep_until(activity.deadline(limit)));
    loop {
        let command = tokio::select! {
            // A request that has arrived is read before a command to close is followed.
            biased;
            ended = connection.as_mut() => {
                return ended.map_or_else(Ended::Early, |()| Ended::ByItself);
            }
            command = poll_fn(|context| activity.poll_command(context)) => command,
            () = timer.as_mut() => {
                let deadline = activity.deadline(limit);
                if deadline <= Instant::now() {
                    return Ended::TimedOut;
                }
                timer.as_mut().reset(deadline);
                continue;
            }
        };
        match command {
            Close::Evict if activity.is_idle() => {
                permit.count_as_evicted();
                return Ended::Evicted;
            }
            Close::Evict => {}
            Close::Stop if activity.is_idle() && !activity.has_unsent() => {
                return Ended::Stopped;
            }
            Close::Stop => connection.as_mut().graceful_shutdown(),
            Close::StopWaiting | Close::CutOff => {
                permit.count_as_cut_off();
                return Ended::Stopped;
            }
        }
    }
}

#[cfg(test)]
mod tests;
