//! One HTTP call: bounded in time and bytes, never redirected, no cookies.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use axum::http::header::{ACCEPT_ENCODING, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::connect::{Connector, connector};
use super::content_encoding::{self, TooLong};
use super::metered::MAX_UNASKED_BYTES;
use super::request::{Request, RequestBuilder};
use super::{CONNECT_TIMEOUT, NAME};
use crate::json::PlainJson;

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(90);

/// A client; clones share its connections.
#[derive(Clone)]
pub struct Client {
    connector: Connector,
    sender: Sender,
    timeout: Duration,
}

type Sender = legacy::Client<Connector, Full<Bytes>>;

/// A whole answer.
#[derive(Debug)]
pub struct Received {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Without compression.
    pub body: Bytes,
}

/// A call without a whole answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing has been sent.
    #[error("{0}")]
    NotSent(String),
    /// Something may have been done.
    #[error("{text}")]
    Broken {
        /// The status, where the answer had begun.
        status: Option<StatusCode>,
        /// What happened. May quote the other side.
        text: String,
    },
}

impl Client {
    /// A client whose calls take at most `timeout`, answer included.
    pub fn new(timeout: Duration) -> io::Result<Self> {
        Self::with(timeout, MAX_UNASKED_BYTES)
    }

    /// A client of another Ringdown, whose answers may be of any length.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn of_own_daemon(timeout: Duration) -> io::Result<Self> {
        Self::with(timeout, usize::MAX)
    }

    fn with(timeout: Duration, max_unasked_bytes: usize) -> io::Result<Self> {
        let connector = connector(timeout.min(CONNECT_TIMEOUT), max_unasked_bytes)?;
        Ok(Self {
            sender: sender(&connector, usize::MAX),
            connector,
            timeout,
        })
    }

    /// The same client with connections of its own, of which at most `max_idle` are kept open
    /// for the next call.
    #[must_use]
    pub fn with_own_connections(&self, max_idle: usize) -> Self {
        Self {
            sender: sender(&self.connector, max_idle),
            ..self.clone()
        }
    }

    /// A request, for [`Client::send`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        RequestBuilder::new(method, url)
    }

    /// A GET, for [`Client::send`].
    pub fn get(&self, url: Url) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST, for [`Client::send`].
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Sends `request` and reads its answer, at most `longest` bytes of body.
    /// [`CallError`] tells whether anything can have been sent.
    pub async fn send(&self, request: Request, longest: usize) -> Result<Received, CallError> {
        let patience = request.timeout.unwrap_or(self.timeout);
        let mut status = None;
        let call = self.exchange(request, longest, &mut status);
        match timeout(patience, call).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CallError::Broken {
                status,
                text: format!("no whole answer within {patience:?}: operation timed out"),
            }),
        }
    }

    /// Builds `request`, sends it and reads the whole answer.
    ///
    /// # Errors
    ///
    /// [`CallError`] tells whether anything can have been sent.
    pub async fn fetch(&self, request: RequestBuilder) -> Result<Received, CallError> {
        let request = request.build();
        let request = request.map_err(|error| CallError::NotSent(error.to_string()))?;
        self.send(request, usize::MAX).await
    }

    async fn exchange(
        &self,
        request: Request,
        longest: usize,
        status: &mut Option<StatusCode>,
    ) -> Result<Received, CallError> {
        let address = request.url.as_str().parse::<Uri>();
        let address = address.map_err(|error| CallError::NotSent(with_causes(&error)))?;
        let mut sent = axum::http::Request::new(Full::new(request.body));
        *sent.method_mut() = request.method;
        *sent.uri_mut() = address;
        *sent.headers_mut() = request.headers;
        sent.headers_mut()
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(NAME));
        sent.headers_mut()
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static(content_encoding::ACCEPTED));
        let answered = self.sender.request(sent).await;
        let response = answered.map_err(|error| match error.is_connect() {
            true => CallError::NotSent(with_causes(&error)),
            false => broken(None, with_causes(&error)),
        })?;
        *status = Some(response.status());
        read(response, longest).await
    }
}

fn sender(connector: &Connector, max_idle: usize) -> Sender {
    legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(max_idle)
        .pool_timer(TokioTimer::new())
        .build(connector.clone())
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut client = formatter.debug_struct("Client");
        client
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Received {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        let body = serde_json::from_slice(&self.body);
        body.map(|PlainJson(body)| body).unwrap_or_default()
    }
}

async fn read(response: Response<Incoming>, longest: usize) -> Result<Received, CallError> {
    let (head, mut incoming) = response.into_parts();
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| broken(Some(head.status), with_causes(&error)))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if body.len() + data.len() > longest {
            return Err(too_long(head.status, longest));
        }
        body.extend_from_slice(&data);
    }
    let body = content_encoding::decoded(&head.headers, body.freeze(), longest);
    Ok(Received {
        status: head.status,
        headers: head.headers,
        body: body.map_err(|TooLong| too_long(head.status, longest))?,
    })
}

fn too_long(status: StatusCode, longest: usize) -> CallError {
    let text = format!("the answer is longer than {longest} bytes");
    broken(Some(status), text)
}

const fn broken(status: Option<StatusCode>, text: String) -> CallError {
    CallError::Broken { status, text }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
