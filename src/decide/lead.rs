//! Who decides: of all replicas on one database the one that holds the lease `decide`.
//!
//! The lease is short and renewed while this replica runs, so a dead one is followed within
//! seconds. It only saves the others their work: what keeps two deciders apart is the fence,
//! which every transaction that keeps decisions checks.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::{Fence, Store};

const NAME: &str = "decide";
/// How long the lease lasts without being renewed, by the database's clock.
const LASTS: Duration = Duration::from_secs(5);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(1500);
/// The same for a process that has its database to itself, where nobody else can want it.
const RENEW_ALONE_EVERY: Duration = Duration::from_secs(60);
/// How often the others look whether it is free.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long one renewal may take before another is tried.
const PATIENCE: Duration = Duration::from_secs(3);

/// This replica's part in taking turns.
#[derive(Debug, Clone)]
pub(super) struct Lead {
    store: Store,
    owner: String,
    held: watch::Sender<Option<Fence>>,
}

impl Lead {
    pub(super) fn new(store: Store, owner: &str) -> Self {
        Self {
            store,
            owner: owner.to_owned(),
            held: watch::channel(None).0,
        }
    }

    /// The lease, while this replica holds it as far as it knows.
    pub(super) fn held(&self) -> watch::Receiver<Option<Fence>> {
        self.held.subscribe()
    }

    /// Takes the lease when it is free and renews it, until `stop`.
    pub(super) async fn keep(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.renew().await;
            let wait = match (self.held.borrow().is_some(), self.store.is_shared()) {
                (true, false) => RENEW_ALONE_EVERY,
                (true, true) => RENEW_EVERY,
                (false, _) => LOOK_EVERY,
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn renew(&self) {
        let taking = self.store.take_lease(NAME, &self.owner, LASTS);
        match tokio::time::timeout(PATIENCE, taking).await {
            Ok(Ok(fence)) => self.note(fence),
            // What is held stays so until somebody else takes it: the fence tells.
            Ok(Err(error)) => tracing::warn!(%error, "the lease {NAME} was not renewed"),
            Err(_) => {
                tracing::warn!("the lease {NAME} was not renewed: the database does not answer")
            }
        }
    }

    fn note(&self, fence: Option<Fence>) {
        self.held.send_if_modified(|held| {
            if *held == fence {
                return false;
            }
            match &fence {
                Some(fence) => {
                    tracing::info!(
                        replica = self.owner,
                        fence = fence.number(),
                        "this replica decides"
                    );
                }
                None => tracing::warn!(replica = self.owner, "another replica decides now"),
            }
            *held = fence;
            true
        });
    }

    /// A fence was refused: the lease is not ours any more.
    pub(super) fn lost(&self) {
        self.note(None);
    }

    /// Gives the lease back, so that another replica need not wait for its end.
    pub(super) async fn give_back(&self) {
        let Some(fence) = self.held.send_replace(None) else {
            return;
        };
        let giving = self.store.give_lease_back(&fence);
        match tokio::time::timeout(PATIENCE, giving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the lease {NAME} runs out by itself"),
            Err(_) => tracing::warn!("the lease {NAME} runs out by itself"),
        }
    }
}
