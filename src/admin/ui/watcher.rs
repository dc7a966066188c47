//! Looks whether anything has changed that a page shows, once for all open pages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::admin::TargetOverview;
use crate::http::Readiness;
use crate::lifecycle::Components;
use crate::store::{ChangeMark, Store};

/// Pages that are told at the same time: half of the admin listener's connections.
const MAX_STREAMS: usize = 32;
/// The store is asked no more often, however many pages are open.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A store that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the store and the targets said last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    store: ChangeMark,
    is_store_away: bool,
    targets: Vec<&'static str>,
    readiness: Option<Readiness>,
}

#[derive(Default)]
struct Seen {
    at: Option<Instant>,
    mark: Mark,
}

pub(super) struct Watcher {
    places: Arc<Semaphore>,
    seen: Mutex<Seen>,
}

impl Default for Watcher {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_STREAMS)),
            seen: Mutex::default(),
        }
    }
}

impl Mark {
    /// Differs when the mark does.
    pub(super) fn digest(&self) -> String {
        hex::encode(&Sha256::digest(format!("{self:?}"))[..8])
    }

    /// The name of the event by which an open page hears of this.
    pub(super) const fn event(&self, is_first: bool) -> &'static str {
        match (self.is_store_away, is_first) {
            (true, _) => "away",
            (false, true) => "hello",
            (false, false) => "changed",
        }
    }
}

impl Watcher {
    /// A place for one more open page; `None` when there is none.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    pub(super) async fn mark(
        &self,
        store: &Store,
        targets: &dyn TargetOverview,
        components: &Components,
    ) -> Mark {
        let mut seen = self.seen.lock().await;
        if seen.at.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            let answer = timeout(PATIENCE, store.change_mark()).await;
            seen.mark.is_store_away = !matches!(answer, Ok(Ok(_)));
            if let Ok(Ok(mark)) = answer {
                seen.mark.store = mark;
            }
            seen.mark.targets = targets.targets().iter().map(|one| one.state).collect();
            seen.mark.readiness = Some(components.readiness());
            seen.at = Some(Instant::now());
        }
        seen.mark.clone()
    }
}
