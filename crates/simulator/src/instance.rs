//! One running CRM: its state, the faults in force, and the requests that it received.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use super::fault::Faults;
use super::wire::{Answer, Request};

/// Requests remembered; older ones are forgotten.
const MAX_RECORDED: usize = 50_000;
/// How much of each request's body is remembered.
const MAX_RECORDED_BODY_BYTES: usize = 64 * 1024;
/// How soon binding is tried again when the port is not free yet.
pub(super) const BIND_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Headers that are remembered.
const RECORDED_HEADERS: [&str; 9] = [
    "accept",
    "accept-encoding",
    "authorization",
    "content-type",
    "host",
    "sforce-auto-assign",
    "sforce-duplicate-rule-header",
    "user-agent",
    "x-sn-apikey",
];

/// A request that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The raw query.
    pub query: String,
    /// The body as text, cut at 64 KiB.
    pub body: String,
    /// When it was answered or cut, in milliseconds since 1970.
    pub at_ms: i64,
    /// Headers that tests care about, by lower-case name, where they were sent.
    pub headers: Vec<(String, String)>,
    /// The status answered; 0 when the connection was cut.
    pub status: u16,
}

/// A simulated CRM with what it runs on.
pub(super) struct Instance<C> {
    pub(super) crm: C,
    pub(super) address: SocketAddr,
    pub(super) faults: Mutex<Faults>,
    pub(super) requests: Mutex<VecDeque<RecordedRequest>>,
    pub(super) tickets: watch::Sender<usize>,
    pub(super) refusing: watch::Sender<bool>,
    pub(super) _stop: DropGuard,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held leaves plain data that is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C> Instance<C> {
    /// Remembers a request and its answer; `None` when the connection was closed instead.
    pub(super) fn record(&self, request: &Request, query: String, answer: Option<&Answer>) {
        let headers = RECORDED_HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), request.header(name)?.to_owned())))
            .collect();
        let mut requests = locked(&self.requests);
        if requests.len() == MAX_RECORDED {
            requests.pop_front();
        }
        requests.push_back(RecordedRequest {
            method: request.method.to_string(),
            path: request.path.clone(),
            query,
            body: String::from_utf8_lossy(
                &request.body[..request.body.len().min(MAX_RECORDED_BODY_BYTES)],
            )
            .into_owned(),
            at_ms: jiff::Timestamp::now().as_millisecond(),
            headers,
            status: answer.map_or(0, |answer| answer.status),
        });
    }
}
