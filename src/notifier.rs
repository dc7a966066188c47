//! Wakes loops up: one part of a replica, or another replica, has made work ready. Nobody outside of
//! the process is told anything.
//!
//! Every loop that waits for a notification also wakes up by itself, so a lost one costs half a
//! second, never work.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::{Notification, Store};

/// Shortest time between two messages of the same kind: more of them would say nothing new.
const PUBLISH_EVERY: Duration = Duration::from_millis(20);
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(1);
/// Wait after the connection that listens has failed.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// The notifications of this replica and the others. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Notifier {
    events: watch::Sender<u64>,
    deliveries: watch::Sender<u64>,
}

impl Default for Notifier {
    fn default() -> Self {
        Self {
            events: watch::channel(0).0,
            deliveries: watch::channel(0).0,
        }
    }
}

impl Notifier {
    /// Changes when there is work of the kind `wake`.
    pub(crate) fn subscribe(&self, wake: Notification) -> watch::Receiver<u64> {
        self.sender(wake).subscribe()
    }

    fn sender(&self, wake: Notification) -> &watch::Sender<u64> {
        match wake {
            Notification::Events => &self.events,
            Notification::Deliveries => &self.deliveries,
        }
    }

    fn notify(&self, wake: Notification) {
        self.sender(wake).send_modify(|count| *count += 1);
    }

    /// Notifies this replica of each change of `source`, until `stop`.
    pub(crate) async fn forward(
        self,
        wake: Notification,
        mut source: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        while changed(&mut source, &stop).await {
            self.notify(wake);
        }
    }

    /// Listens to the other replicas, until `stop`.
    pub(crate) async fn listen(self, store: Store, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                ended = store.listen(|wake| self.notify(wake)) => if let Err(error) = ended {
                    tracing::warn!(%error, "cannot listen to other replicas; their work is found by polling");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LISTEN_AGAIN) => {}
            }
        }
    }
}

/// Notifies the other replicas of each change of `source`, until `stop`.
pub(crate) async fn publish_changes(
    store: Store,
    wake: Notification,
    mut source: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    while changed(&mut source, &stop).await {
        let published = tokio::time::timeout(PUBLISH_TIMEOUT, store.publish(wake)).await;
        if let Ok(Err(error)) = published {
            tracing::debug!(%error, ?wake, "other replicas were not notified");
        }
        tokio::time::sleep(PUBLISH_EVERY).await;
    }
}

async fn changed(source: &mut watch::Receiver<u64>, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        changed = source.changed() => {
            if changed.is_err() {
                // Nothing can change it any more: this part of the process is stopping.
                stop.cancelled().await;
            }
            changed.is_ok()
        }
    }
}
