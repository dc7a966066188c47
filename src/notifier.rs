//! Wake-ups: what one part of a replica, or another replica, has made ready to be done.
//!
//! May import: `store`. Every sleeper also wakes by itself, so a wake-up that is lost costs
//! half a second, never work.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::{Store, Wake};

/// Shortest time between two tellings of the same: more would say nothing new.
const TELL_EVERY: Duration = Duration::from_millis(20);
/// How long telling may take before it is given up.
const TELL_PATIENCE: Duration = Duration::from_secs(1);
/// Wait after the connection that listens has failed.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// The wake-ups of one replica, its own and those of the others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WakeUps {
    events: watch::Sender<u64>,
    deliveries: watch::Sender<u64>,
}

impl Default for WakeUps {
    fn default() -> Self {
        Self {
            events: watch::channel(0).0,
            deliveries: watch::channel(0).0,
        }
    }
}

impl WakeUps {
    /// Changes whenever there is something of `wake` to do.
    pub fn of(&self, wake: Wake) -> watch::Receiver<u64> {
        self.sender(wake).subscribe()
    }

    fn sender(&self, wake: Wake) -> &watch::Sender<u64> {
        match wake {
            Wake::Events => &self.events,
            Wake::Deliveries => &self.deliveries,
        }
    }

    fn wake(&self, wake: Wake) {
        self.sender(wake).send_modify(|count| *count += 1);
    }

    /// Passes changes of `source` on within this replica, until `stop`.
    pub async fn pass_on(
        self,
        wake: Wake,
        mut source: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        while changed(&mut source, &stop).await {
            self.wake(wake);
        }
    }

    /// Hears the other replicas, until `stop`.
    pub async fn hear(self, store: Store, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                ended = store.hear(|wake| self.wake(wake)) => if let Err(error) = ended {
                    tracing::warn!(%error, "other replicas are not heard; their work is found by looking");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LISTEN_AGAIN) => {}
            }
        }
    }
}

/// Tells the other replicas of changes of `source`, until `stop`.
pub async fn tell_others(
    store: Store,
    wake: Wake,
    mut source: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    while changed(&mut source, &stop).await {
        let told = tokio::time::timeout(TELL_PATIENCE, store.tell(wake)).await;
        if let Ok(Err(error)) = told {
            tracing::debug!(%error, ?wake, "other replicas were not told");
        }
        tokio::time::sleep(TELL_EVERY).await;
    }
}

async fn changed(source: &mut watch::Receiver<u64>, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        changed = source.changed() => {
            if changed.is_err() {
                // Nobody is left who could change it: this part of the process is stopping.
                stop.cancelled().await;
            }
            changed.is_ok()
        }
    }
}
