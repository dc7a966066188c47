//! The handle through which tests and the demo hold one running CRM.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::crm::Crm;
use super::fault::Fault;
use super::instance::{Instance, RecordedRequest, locked};
use super::listen::listen;
use super::push::send_due;

/// A running simulated CRM. Cheap to clone; it stops when the last clone is dropped.
pub struct Host<C> {
    inner: Arc<Instance<C>>,
}

impl<C> Clone for Host<C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<C: Crm> Host<C> {
    /// Binds `address` and serves `crm` on it.
    pub(super) async fn start(address: SocketAddr, crm: C) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Instance {
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
