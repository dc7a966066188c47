//! One HTTP call: bounded in time and bytes, never redirected, no cookies.
//!
//! `reqwest` writes the requests. It is not used to send them: no connection of its own making
//! can be metered, and an endless row of interim answers would keep a worker thread busy without
//! ever letting its timer ring.

use std::error::Error;
use std::io;
use std::time::Duration;

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::RequestBuilder;
use tokio::time::timeout;
use url::Url;

use super::connect::{Connector, connector};

/// Longest wait for a connection, where the whole call may take longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The user agent of every call.
pub(super) const NAME: &str = concat!("ringdown/", env!("CARGO_PKG_VERSION"));

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(90);

/// A client; clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    writer: reqwest::Client,
    sender: legacy::Client<Connector, reqwest::Body>,
    timeout: Duration,
}

#[derive(Debug)]
pub struct Received {
    pub status: StatusCode,
    pub headers: HeaderMap,
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
        let connector = connector(timeout.min(CONNECT_TIMEOUT))?;
        let sender = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        // Never sends, so it needs no proxy.
        let writer = reqwest::Client::builder().no_proxy().build();
        Ok(Self {
            writer: writer.map_err(io::Error::other)?,
            sender,
            timeout,
        })
    }

    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.writer.request(method, url)
    }

    /// Sends `request` and reads its answer, at most `longest` bytes of body.
    /// [`CallError`] tells whether anything can have been sent.
    pub async fn send(
        &self,
        request: reqwest::Request,
        longest: usize,
    ) -> Result<Received, CallError> {
        let patience = request.timeout().copied().unwrap_or(self.timeout);
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

    async fn exchange(
        &self,
        request: reqwest::Request,
        longest: usize,
        status: &mut Option<StatusCode>,
    ) -> Result<Received, CallError> {
        let mut request: axum::http::Request<reqwest::Body> =
            request.try_into().map_err(|error: reqwest::Error| {
                CallError::NotSent(with_causes(&error.without_url()))
            })?;
        let headers = request.headers_mut();
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(NAME));
        let answered = self.sender.request(request).await;
        let response = answered.map_err(|error| match error.is_connect() {
            true => CallError::NotSent(with_causes(&error)),
            false => broken(None, with_causes(&error)),
        })?;
        *status = Some(response.status());
        read(response, longest).await
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
            let text = format!("the answer is longer than {longest} bytes");
            return Err(broken(Some(head.status), text));
        }
        body.extend_from_slice(&data);
    }
    Ok(Received {
        status: head.status,
        headers: head.headers,
        body: body.freeze(),
    })
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
