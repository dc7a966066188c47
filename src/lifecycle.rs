//! The parts of the running process: which there are, how each fares, and whether all of them
//! together take work.
//!
//! A task that ends before it is told to takes readiness down with it: nothing dies silently.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::Readiness;

/// How one part fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentState {
    /// It works.
    Up,
    /// It does not, and why.
    Down(String),
}

#[derive(Debug, Clone, Default)]
struct Parts {
    components: BTreeMap<String, ComponentState>,
    draining: bool,
}

/// All parts of the process. Cheap to clone; clones see the same parts.
#[derive(Debug, Clone)]
pub struct Components {
    parts: Arc<watch::Sender<Parts>>,
    readiness: watch::Sender<Readiness>,
}

impl Default for Components {
    fn default() -> Self {
        Self {
            parts: Arc::new(watch::channel(Parts::default()).0),
            readiness: watch::channel(Readiness::StoreUnavailable).0,
        }
    }
}

impl Components {
    /// Says how the part `name` fares.
    pub fn report(&self, name: &str, state: ComponentState) {
        self.change(|parts| {
            if let (ComponentState::Down(reason), false) =
                (&state, parts.components.get(name) == Some(&state))
            {
                tracing::error!(component = name, reason, "component is down");
            }
            parts.components.insert(name.to_owned(), state);
        });
    }

    /// Says that the process is stopping.
    pub fn drain(&self) {
        self.change(|parts| parts.draining = true);
    }

    /// Every part and how it fares.
    pub fn all(&self) -> BTreeMap<String, ComponentState> {
        self.parts.borrow().components.clone()
    }

    /// Whether the process is stopping.
    pub fn is_draining(&self) -> bool {
        self.parts.borrow().draining
    }

    /// Whether the process takes work.
    pub fn readiness(&self) -> Readiness {
        *self.readiness.borrow()
    }

    /// Follows whether the process takes work.
    pub fn watch(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        self.parts.send_modify(change);
        let parts = self.parts.borrow();
        let all_up = parts
            .components
            .values()
            .all(|state| *state == ComponentState::Up);
        let readiness = match (parts.draining, all_up) {
            (true, _) => Readiness::Draining,
            (false, true) => Readiness::Ready,
            (false, false) => Readiness::StoreUnavailable,
        };
        self.readiness.send_if_modified(|current| {
            let changed = *current != readiness;
            *current = readiness;
            changed
        });
    }

    /// Runs `task` as the part `name` on `tracker`. When it ends before `stop`, also by a
    /// panic, the part is down.
    pub fn spawn(
        &self,
        tracker: &TaskTracker,
        name: &str,
        stop: CancellationToken,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.report(name, ComponentState::Up);
        let (components, name) = (self.clone(), name.to_owned());
        tracker.spawn(async move {
            let ended = std::panic::AssertUnwindSafe(task).catch_unwind().await;
            if ended.is_err() {
                components.report(&name, ComponentState::Down("it panicked".to_owned()));
            } else if !stop.is_cancelled() {
                components.report(&name, ComponentState::Down("it ended by itself".to_owned()));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_dies_takes_readiness_down() {
        let components = Components::default();
        let tracker = TaskTracker::new();
        let stop = CancellationToken::new();
        components.report("store", ComponentState::Up);
        assert_eq!(components.readiness(), Readiness::Ready);
        components.spawn(&tracker, "decider", stop, async { panic!("boom") });
        tracker.close();
        tracker.wait().await;
        assert_eq!(
            components.all().get("decider"),
            Some(&ComponentState::Down("it panicked".to_owned()))
        );
        assert!(!components.readiness().is_ready());
    }

    #[tokio::test]
    async fn a_task_that_ends_when_told_is_no_failure() {
        let components = Components::default();
        let tracker = TaskTracker::new();
        let stop = CancellationToken::new();
        let told = stop.clone();
        components.spawn(&tracker, "decider", stop.clone(), async move {
            told.cancelled().await;
        });
        stop.cancel();
        components.drain();
        tracker.close();
        tracker.wait().await;
        assert_eq!(components.all().get("decider"), Some(&ComponentState::Up));
        assert_eq!(components.readiness(), Readiness::Draining);
    }
}
