//! Serves one simulated CRM: connections that can be cut, faults, a journal of requests, and
//! the simulator's own routes under `/_sim/` and `/`.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{Request as HttpRequest, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fault::{Fault, FaultKind, Faults};
use super::page;
use super::wire::{Answer, Request, parse_query};

/// Longest request body.
const MOST_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Requests remembered; older ones are forgotten.
const MOST_RECORDED: usize = 50_000;
/// When an asynchronous request is done after its 202.
const ASYNCHRONOUS_DELAY: Duration = Duration::from_secs(1);

/// What a simulated CRM does. Everything is in memory, so nothing waits.
pub trait Crm: Send + Sync + 'static {
    /// Its name, for the page.
    const NAME: &'static str;

    /// Answers a request.
    fn handle(&self, request: &Request) -> Answer;

    /// The answer of a fault in this CRM's own words; `None` when it has none of its own.
    fn fault_answer(&self, fault: &FaultKind, request: &Request) -> Option<Answer>;

    /// Every ticket, oldest first.
    fn tickets(&self) -> Vec<Value>;

    /// How many tickets there are. Asked after every request, so it should not list them.
    fn ticket_count(&self) -> usize {
        self.tickets().len()
    }

    /// Changes a ticket as a person would; whether there is one with this id or number.
    fn edit(&self, id: &str, fields: &Value) -> bool;

    /// Closes a ticket as a person would; whether there is one.
    fn close(&self, id: &str) -> bool;

    /// Makes every access token bad.
    fn expire_tokens(&self);

    /// Sets switches by name.
    ///
    /// # Errors
    ///
    /// A text that names the unknown switch.
    fn switch(&self, switches: &Value) -> Result<(), String>;

    /// A row for the page: number, subject, state, priority, key, opened, comments; and
    /// whether it is closed.
    fn page_row(&self, ticket: &Value) -> ([String; 7], bool);
}

/// A request that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The raw query.
    pub query: String,
    /// The body as text.
    pub body: String,
    /// `Authorization` and `Sforce-Auto-Assign`, where they were sent.
    pub headers: Vec<(String, String)>,
    /// The status answered; 0 when the connection was cut.
    pub status: u16,
}

struct Inner<C> {
    crm: C,
    address: SocketAddr,
    faults: Mutex<Faults>,
    requests: Mutex<VecDeque<RecordedRequest>>,
    tickets: watch::Sender<usize>,
    _stop: DropGuard,
}

/// A running simulated CRM. Cheap to clone; it stops when the last clone is dropped.
pub struct Host<C> {
    inner: Arc<Inner<C>>,
}

impl<C> Clone for Host<C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held leaves plain data that is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Crm> Host<C> {
    /// Binds `address` and serves `crm` on it.
    pub(super) async fn start(address: SocketAddr, crm: C) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            crm,
            address: listener.local_addr()?,
            faults: Mutex::default(),
            requests: Mutex::default(),
            tickets: watch::channel(0).0,
            _stop: stop.clone().drop_guard(),
        });
        tokio::spawn(accept(listener, Arc::downgrade(&inner), stop));
        Ok(Self { inner })
    }

    /// Where it listens: `http://127.0.0.1:port`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.inner.address)
    }

    /// The simulated CRM itself.
    pub fn crm(&self) -> &C {
        &self.inner.crm
    }

    /// Every ticket, oldest first.
    pub fn tickets(&self) -> Vec<Value> {
        self.inner.crm.tickets()
    }

    /// Waits until there are at least `count` tickets; answers whether there were, in time.
    pub async fn wait_for_tickets(&self, count: usize, patience: Duration) -> bool {
        let mut tickets = self.inner.tickets.subscribe();
        let reached = tickets.wait_for(|tickets| *tickets >= count);
        self.inner
            .tickets
            .send_replace(self.inner.crm.ticket_count());
        tokio::time::timeout(patience, reached).await.is_ok()
    }

    /// Every request received, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        locked(&self.inner.requests).iter().cloned().collect()
    }

    /// How many requests asked for a token.
    pub fn token_calls(&self) -> usize {
        self.requests()
            .iter()
            .filter(|request| {
                request.path.ends_with("/oauth2/token") || request.path == "/oauth_token.do"
            })
            .count()
    }

    /// Arms a fault.
    pub fn add_fault(&self, fault: Fault) {
        locked(&self.inner.faults).add(fault);
    }

    /// Disarms every fault.
    pub fn clear_faults(&self) {
        locked(&self.inner.faults).clear();
    }
}

async fn accept<C: Crm>(
    listener: TcpListener,
    inner: std::sync::Weak<Inner<C>>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, _)), Some(inner)) = (accepted, inner.upgrade()) else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let inner = Arc::downgrade(&inner);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(inner.clone(), request));
            // An error is a connection that was cut, by us or by the client.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

async fn answer<C: Crm>(
    inner: std::sync::Weak<Inner<C>>,
    request: HttpRequest<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let inner = inner.upgrade().ok_or(Cut)?;
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let request = read(&inner, request, &raw_query).await?;
    if request.path == "/" || request.path.starts_with("/_sim") {
        return Ok(to_http(own_route(&inner, &request)));
    }
    let outcome = strike_or_handle(&inner, &request).await;
    record(&inner, &request, raw_query, &outcome);
    inner.tickets.send_replace(inner.crm.ticket_count());
    outcome.map(to_http)
}

async fn read<C>(
    inner: &Inner<C>,
    request: HttpRequest<Incoming>,
    query: &str,
) -> Result<Request, Cut> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY_BYTES)
        .collect()
        .await
        .map_err(|_| Cut)?
        .to_bytes()
        .to_vec();
    Ok(Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parse_query(query),
        headers: parts.headers,
        body,
        origin: format!("http://{}", inner.address),
    })
}

async fn strike_or_handle<C: Crm>(inner: &Arc<Inner<C>>, request: &Request) -> Result<Answer, Cut> {
    let fault = locked(&inner.faults).strike(request);
    let Some(fault) = fault else {
        return Ok(inner.crm.handle(request));
    };
    if let Some(answer) = inner.crm.fault_answer(&fault, request) {
        return Ok(answer);
    }
    match fault {
        FaultKind::Slow { milliseconds } => {
            let answer = inner.crm.handle(request);
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(answer)
        }
        FaultKind::CutAfterCommit => {
            inner.crm.handle(request);
            Err(Cut)
        }
        FaultKind::ErrorAfterCommit { status } => {
            inner.crm.handle(request);
            Ok(Answer::html(status, "<html><h1>Bad gateway</h1></html>"))
        }
        FaultKind::LateCommit { milliseconds } => {
            handle_later(inner, request, Duration::from_millis(milliseconds));
            Err(Cut)
        }
        FaultKind::Asynchronous => {
            handle_later(inner, request, ASYNCHRONOUS_DELAY);
            Ok(Answer::json(
                202,
                &json!({"requestId": "a-1", "status": "queued"}),
            ))
        }
        other => fixed_answer(other),
    }
}

/// Answers of faults that do nothing and are the same for every CRM.
fn fixed_answer(fault: FaultKind) -> Result<Answer, Cut> {
    Ok(match fault {
        FaultKind::Status {
            status,
            body,
            content_type,
        } => Answer {
            body: body.into_bytes(),
            ..Answer::empty(status)
        }
        .with("content-type", content_type),
        FaultKind::TooManyRequests { retry_after } => {
            with_retry_after(Answer::html(429, "Too Many Requests"), retry_after)
        }
        FaultKind::Unavailable { retry_after } => with_retry_after(
            Answer::html(503, "<html>Service Unavailable</html>"),
            retry_after,
        ),
        FaultKind::OkWithoutId => Answer::json(200, &json!({})),
        FaultKind::SuccessFalse => Answer::json(200, &json!({"success": false, "errors": []})),
        FaultKind::HtmlWith200 => Answer::html(200, "<html>Please log in</html>"),
        FaultKind::Garbage => Answer::json(200, &json!(null)).garbled(),
        FaultKind::HugeBody { bytes } => Answer {
            body: vec![b'x'; bytes],
            ..Answer::empty(200)
        },
        FaultKind::Redirect { location } => Answer::empty(302).with("location", location),
        _ => return Err(Cut),
    })
}

impl Answer {
    fn garbled(mut self) -> Self {
        self.body = b"{\"id\": \"500".to_vec();
        self
    }
}

fn with_retry_after(answer: Answer, retry_after: Option<u64>) -> Answer {
    match retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

fn handle_later<C: Crm>(inner: &Arc<Inner<C>>, request: &Request, delay: Duration) {
    let (inner, request) = (Arc::clone(inner), request.clone());
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        inner.crm.handle(&request);
        inner.tickets.send_replace(inner.crm.ticket_count());
    });
}

fn record<C>(inner: &Inner<C>, request: &Request, query: String, outcome: &Result<Answer, Cut>) {
    let headers = ["authorization", "sforce-auto-assign", "x-sn-apikey"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), request.header(name)?.to_owned())))
        .collect();
    let mut requests = locked(&inner.requests);
    if requests.len() == MOST_RECORDED {
        requests.pop_front();
    }
    requests.push_back(RecordedRequest {
        method: request.method.to_string(),
        path: request.path.clone(),
        query,
        body: String::from_utf8_lossy(&request.body).into_owned(),
        headers,
        status: outcome.as_ref().map_or(0, |answer| answer.status),
    });
}

/// The simulator's own routes.
fn own_route<C: Crm>(inner: &Inner<C>, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", [""]) => Answer::html(200, page::render(&inner.crm)),
        ("GET", ["_sim", "tickets"]) => Answer::json(200, &Value::Array(inner.crm.tickets())),
        ("GET", ["_sim", "requests"]) => Answer::json(200, &requests_json(inner)),
        ("POST", ["_sim", "faults"]) => match serde_json::from_slice::<Fault>(&request.body) {
            Ok(fault) => {
                locked(&inner.faults).add(fault);
                Answer::empty(204)
            }
            Err(error) => Answer::json(400, &json!({"error": error.to_string()})),
        },
        ("DELETE", ["_sim", "faults"]) => {
            locked(&inner.faults).clear();
            Answer::empty(204)
        }
        ("POST", ["_sim", "expire-tokens"]) => {
            inner.crm.expire_tokens();
            Answer::empty(204)
        }
        ("POST", ["_sim", "switches"]) => {
            match inner.crm.switch(&request.json().unwrap_or_default()) {
                Ok(()) => Answer::empty(204),
                Err(error) => Answer::json(400, &json!({"error": error})),
            }
        }
        ("POST", ["_sim", "tickets", id, "close"]) if inner.crm.close(id) => {
            Answer::empty(303).with("location", "/")
        }
        ("POST", ["_sim", "tickets", id])
            if inner.crm.edit(id, &request.json().unwrap_or_default()) =>
        {
            Answer::empty(204)
        }
        _ => Answer::json(404, &json!({"error": "no such route or ticket"})),
    }
}

fn requests_json<C>(inner: &Inner<C>) -> Value {
    locked(&inner.requests)
        .iter()
        .map(|request| {
            json!({"method": request.method, "path": request.path, "query": request.query,
                   "status": request.status, "body": request.body})
        })
        .collect()
}

fn to_http(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (
            axum::http::HeaderName::try_from(name),
            axum::http::HeaderValue::try_from(value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
