//! One running simulated CRM: what it is made of, and the handle through which tests and the
//! demo hold it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fault::{Fault, FaultKind, Faults};
use super::listen::listen;
use super::push::{Push, send_due};
use super::strike::Cut;
use super::wire::{Answer, Request};

/// Requests remembered; older ones are forgotten.
const MOST_RECORDED: usize = 50_000;
/// How much of each request's body is remembered.
const MOST_RECORDED_BODY_BYTES: usize = 64 * 1024;
/// How soon binding is tried again when the port is not free yet.
pub(super) const BIND_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Headers that are remembered.
const RECORDED_HEADERS: [&str; 7] = [
    "accept",
    "authorization",
    "content-type",
    "sforce-auto-assign",
    "sforce-duplicate-rule-header",
    "user-agent",
    "x-sn-apikey",
];

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

    /// Deletes a ticket as a person would; whether there is one.
    fn delete(&self, id: &str) -> bool;

    /// Merges a ticket into another as a person would; whether the CRM can and there are both.
    fn merge(&self, id: &str, into: &str) -> bool;

    /// Messages that have become due since this was last asked.
    fn due_pushes(&self) -> Vec<Push>;

    /// The content type and text of a message, as of now; `None` when there is nothing to say.
    fn push_body(&self, push: &Push) -> Option<(&'static str, String)>;

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
pub(super) struct Inner<C> {
    pub(super) crm: C,
    pub(super) address: SocketAddr,
    pub(super) faults: Mutex<Faults>,
    pub(super) requests: Mutex<VecDeque<RecordedRequest>>,
    pub(super) tickets: watch::Sender<usize>,
    pub(super) refusing: watch::Sender<bool>,
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

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
            refusing: watch::channel(false).0,
            _stop: stop.clone().drop_guard(),
        });
        tokio::spawn(listen(
            listener,
            inner.address,
            Arc::downgrade(&inner),
            inner.refusing.subscribe(),
            stop,
        ));
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

    /// Changes a ticket as a person would; whether there is one with this id or number.
    pub fn edit_ticket(&self, id: &str, fields: &Value) -> bool {
        self.and_tell(self.inner.crm.edit(id, fields))
    }

    /// Closes a ticket as a person would.
    pub fn close_ticket(&self, id: &str) -> bool {
        self.and_tell(self.inner.crm.close(id))
    }

    /// Deletes a ticket as a person would.
    pub fn delete_ticket(&self, id: &str) -> bool {
        self.and_tell(self.inner.crm.delete(id))
    }

    /// Merges a ticket into another as a person would.
    pub fn merge_tickets(&self, id: &str, into: &str) -> bool {
        self.and_tell(self.inner.crm.merge(id, into))
    }

    /// Sets switches by name.
    ///
    /// # Errors
    ///
    /// A text that names the unknown switch.
    pub fn switch(&self, switches: &Value) -> Result<(), String> {
        self.inner.crm.switch(switches)
    }

    /// Lets the CRM send what a change made due.
    fn and_tell(&self, changed: bool) -> bool {
        send_due(&self.inner);
        changed
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

    /// Closes the port and cuts every connection, so that connecting is refused; or opens the
    /// port again. Faults cannot do that: they need a connection that was accepted.
    pub fn refuse_connections(&self, refuse: bool) {
        self.inner.refusing.send_replace(refuse);
    }

    /// Disarms every fault.
    pub fn clear_faults(&self) {
        locked(&self.inner.faults).clear();
    }
}

impl<C> Inner<C> {
    /// Remembers a request and how it was answered.
    pub(super) fn record(&self, request: &Request, query: String, outcome: &Result<Answer, Cut>) {
        let headers = RECORDED_HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), request.header(name)?.to_owned())))
            .collect();
        let mut requests = locked(&self.requests);
        if requests.len() == MOST_RECORDED {
            requests.pop_front();
        }
        requests.push_back(RecordedRequest {
            method: request.method.to_string(),
            path: request.path.clone(),
            query,
            body: String::from_utf8_lossy(
                &request.body[..request.body.len().min(MOST_RECORDED_BODY_BYTES)],
            )
            .into_owned(),
            at_ms: jiff::Timestamp::now().as_millisecond(),
            headers,
            status: outcome.as_ref().map_or(0, |answer| answer.status),
        });
    }
}
