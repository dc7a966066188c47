//! The common part of webhooks and callbacks: the state of the public listener, and the steps
//! before the body is parsed.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use tokio::sync::watch;

use super::answer::Refusal;
use super::auth::{Authenticator, Verdict};
use super::body;
use super::callback_body::RecordId;
use super::jwks;
use super::origin::Origin;
use super::request_limiter::{Rejected, RequestLimiter, RequestPermit};
use super::source::Source;
use crate::clock::Clock;
use crate::http::Readiness;
use crate::settings::ServerSettings;
use crate::store::{Journal, Store};
use crate::telemetry::{Metrics, RateLimitedWarning};

/// All that the public listener holds.
pub(super) struct Receiver {
    pub(super) server: ServerSettings,
    pub(super) sources: BTreeMap<String, Source>,
    pub(super) journal: Journal,
    pub(super) metrics: Metrics,
    pub(super) readiness: watch::Receiver<Readiness>,
    pub(super) clock: Clock,
    pub(super) limiter: RequestLimiter,
    /// The targets that take callbacks, by name.
    pub(super) callback_targets: BTreeMap<String, CallbackTarget>,
    pub(super) callbacks: Callbacks,
}

#[derive(Debug, Clone)]
pub struct Callbacks {
    pub store: Store,
    /// Grows with every callback, so that the ticket is read at once.
    pub callback_received: watch::Sender<u64>,
}

/// A target that takes callbacks.
pub(super) struct CallbackTarget {
    pub(super) authenticator: Authenticator,
    pub(super) record_id: RecordId,
    /// Its index among the senders that share slots and memory.
    pub(super) sender: usize,
    pub(super) refusals: RateLimitedWarning,
}

impl Receiver {
    /// A permit for one request of the sender with the index `sender`.
    pub(super) fn permit<'a>(
        &'a self,
        sender: usize,
        head: &'a Parts,
        peer: SocketAddr,
    ) -> Result<RequestPermit<'a>, Refusal> {
        let origin = Origin {
            peer: peer.ip(),
            headers: &head.headers,
            trusted: &self.server.trusted_proxies,
        };
        Ok(self.limiter.acquire(sender, origin)?)
    }

    /// The body, after authentication. A request without credentials is refused before the body is
    /// read; only a signature has to be checked against the body.
    pub(super) async fn authenticated(
        &self,
        authenticator: &Authenticator,
        headers: &HeaderMap,
        body: &mut Body,
        permit: &mut RequestPermit<'_>,
    ) -> Result<Bytes, Refusal> {
        let judging = authenticator.by_headers(headers);
        let verdict = match permit.wait_within(jwks::MAX_WAIT, judging).await {
            // The issuer of the keys is slow here, not the sender.
            Err(Rejected::TooSlow) => Verdict::Undecidable,
            verdict => verdict?,
        };
        permit.arrived()?;
        let refused = || Refusal::NotAuthenticated {
            challenges: authenticator.challenges(),
        };
        match verdict {
            Verdict::Granted => permit.authenticated(),
            Verdict::NeedsBody => {}
            Verdict::Denied => return Err(refused()),
            Verdict::Undecidable => return Err(Refusal::KeysUnavailable),
        }
        let bytes = body::read(body, self.server.max_body_bytes, permit)
            .await
            .map_err(Refusal::Body)?;
        if verdict == Verdict::NeedsBody && !authenticator.signed(headers, &bytes) {
            return Err(refused());
        }
        Ok(bytes)
    }

    /// The answer of `/readyz`.
    pub(super) fn readiness(&self) -> Result<(), Refusal> {
        match *self.readiness.borrow() {
            Readiness::Ready => Ok(()),
            Readiness::StoreUnavailable => Err(Refusal::StoreUnavailable),
            Readiness::ComponentDown(name) => Err(Refusal::ComponentDown(name)),
            Readiness::Draining => Err(Refusal::Draining),
        }
    }
}
