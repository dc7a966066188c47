//! Leader election: of all replicas on one database, the holder of the lease `decide` decides.
//!
//! The lease is short and renewed while this replica runs, so another replica takes over from a
//! dead one within seconds. The lease only saves the others the work. Two deciders are kept apart
//! by the fencing token, which every transaction that stores decisions checks.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::{FencingToken, Store};

const NAME: &str = "decide";
/// How long the lease lasts without being renewed, by the database's clock.
const DURATION: Duration = Duration::from_secs(5);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(1500);
/// The same where no other replica can share the database.
const RENEW_UNSHARED_EVERY: Duration = Duration::from_secs(60);
/// How often the other replicas try to take it.
const TAKE_EVERY: Duration = Duration::from_secs(1);
/// How long one renewal may take before the next is tried.
const TIMEOUT: Duration = Duration::from_secs(3);

/// This replica's part in the election.
#[derive(Debug, Clone)]
pub(super) struct LeaderLease {
    store: Store,
    owner: String,
    held: watch::Sender<Option<FencingToken>>,
}

impl LeaderLease {
    pub(super) fn new(store: Store, owner: &str) -> Self {
        Self {
            store,
            owner: owner.to_owned(),
            held: watch::channel(None).0,
        }
    }

    /// The fencing token, while this replica holds the lease as far as it knows.
    pub(super) fn token(&self) -> watch::Receiver<Option<FencingToken>> {
        self.held.subscribe()
    }

    /// Takes the lease when it is free and renews it, until `stop`.
    pub(super) async fn hold(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.renew().await;
            let wait = match (self.held.borrow().is_some(), self.store.is_shared()) {
                (true, false) => RENEW_UNSHARED_EVERY,
                (true, true) => RENEW_EVERY,
                (false, _) => TAKE_EVERY,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn renew(&self) {
        let taking = self.store.acquire_lease(NAME, &self.owner, DURATION);
        match tokio::time::timeout(TIMEOUT, taking).await {
            Ok(Ok(token)) => self.set(token),
            // The lease may still be ours; if it is not, the fencing token is refused.
            Ok(Err(error)) => tracing::warn!(%error, "the lease {NAME} was not renewed"),
            Err(_) => {
                tracing::warn!("the lease {NAME} was not renewed: the database does not answer")
            }
        }
    }

    fn set(&self, token: Option<FencingToken>) {
        self.held.send_if_modified(|held| {
            if *held == token {
                return false;
            }
            match &token {
                Some(token) => {
                    tracing::info!(
                        replica = self.owner,
                        fence = token.number(),
                        "this replica decides"
                    );
                }
                None => tracing::warn!(replica = self.owner, "another replica decides now"),
            }
            *held = token;
            true
        });
    }

    /// A fencing token was refused: another replica holds the lease.
    pub(super) fn set_lost(&self) {
        self.set(None);
    }

    /// Releases the lease, so that another replica need not wait for its end.
    pub(super) async fn release(&self) {
        let Some(token) = self.held.send_replace(None) else {
            return;
        };
        let giving = self.store.release_lease(&token);
        match tokio::time::timeout(TIMEOUT, giving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the lease {NAME} runs out by itself"),
            Err(_) => tracing::warn!("the lease {NAME} runs out by itself"),
        }
    }
}
