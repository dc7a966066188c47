//! The parts of the running process: which there are, how each fares, and whether all of them
//! together take work. `supervision` runs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::http::Readiness;

/// The parts without which no event becomes a ticket: where one of them is down, a load balancer
/// does better to send elsewhere. What else is down is said by the admin listener, and no reason
/// to stop receiving: what all replicas meet alike, such as a ticket that makes the worker of its
/// target panic, would else close all of them.
///
/// The first one that is down is named. Without its watcher nobody knows whether the store can
/// commit.
const NEEDED: [&str; 5] = [
    "store",
    "store watcher",
    "journal",
    "public listener",
    "decider",
];

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
    /// Says how the part `name` fares. Readiness follows first; then it is logged.
    pub fn report(&self, name: &str, state: ComponentState) {
        let mut before = None;
        self.change(|parts| before = parts.components.insert(name.to_owned(), state.clone()));
        if let ComponentState::Down(reason) = &state
            && before.as_ref() != Some(&state)
        {
            tracing::error!(component = name, reason, "component is down");
        }
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

    /// Whether the process takes work: whether each part that this needs works.
    pub fn readiness(&self) -> Readiness {
        *self.readiness.borrow()
    }

    /// Follows whether the process takes work.
    pub fn watch(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        self.parts.send_modify(change);
        self.readiness.send_if_modified(|current| {
            // Read under the lock of what is set: of two changes at once the later one to come
            // here sees both.
            let readiness = readiness_of(&self.parts.borrow());
            let changed = *current != readiness;
            *current = readiness;
            changed
        });
    }
}

fn readiness_of(parts: &Parts) -> Readiness {
    if parts.draining {
        return Readiness::Draining;
    }
    let is_down =
        |name: &&str| matches!(parts.components.get(*name), Some(ComponentState::Down(_)));
    match NEEDED.into_iter().find(is_down) {
        None => Readiness::Ready,
        Some("store") => Readiness::StoreUnavailable,
        Some(name) => Readiness::ComponentDown(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_holds_and_counts_before_it_is_logged() {
        struct Asks(Components);
        impl std::io::Write for Asks {
            fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
                assert!(!self.0.readiness().is_ready(), "the log came first");
                let all = self.0.all();
                let down = |name| matches!(all.get(name), Some(ComponentState::Down(_)));
                assert!(down("store"), "the log came first");
                Ok(line.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let components = Components::default();
        components.report("store", ComponentState::Up);
        let asked = components.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || Asks(asked.clone()));
        tracing::subscriber::with_default(subscriber.finish(), || {
            components.report("store", ComponentState::Down("gone".to_owned()));
        });
    }

    #[test]
    fn only_a_part_that_receiving_or_deciding_needs_takes_readiness_down() {
        let down = || ComponentState::Down("it panicked".to_owned());
        let components = Components::default();
        for name in [
            "target salesforce",
            "sync salesforce",
            "gauges",
            "retention",
        ] {
            components.report(name, down());
            assert_eq!(components.readiness(), Readiness::Ready, "{name}");
        }
        for name in ["decider", "public listener", "journal", "store watcher"] {
            components.report(name, down());
            assert_eq!(components.readiness(), Readiness::ComponentDown(name));
        }
        components.report("store", down());
        assert_eq!(components.readiness(), Readiness::StoreUnavailable);
    }

    #[test]
    fn a_stop_stands_above_every_state() {
        let components = Components::default();
        components.report("store", ComponentState::Up);
        components.drain();
        assert_eq!(components.readiness(), Readiness::Draining);
    }
}
