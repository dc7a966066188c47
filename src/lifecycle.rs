//! The components of the running process, the state of each, and whether the process is ready.
//! `supervision` runs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::http::Readiness;

/// The components without which no event becomes a ticket. When one of them is down, the process is
/// not ready, and a load balancer should use another replica. The admin listener shows other
/// components that are down, but they do not stop receiving: a fault that all replicas share, such
/// as a ticket that makes the worker of its target panic, would otherwise close all of them.
///
/// The first one that is down is named. The store watcher is needed, because without it nobody
/// knows whether the store can commit.
const NEEDED: [&str; 5] = [
    "store",
    "store watcher",
    "journal",
    "public listener",
    "decider",
];

/// The state of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentState {
    Up,
    /// Why it is down.
    Down(String),
}

#[derive(Debug, Clone, Default)]
struct States {
    components: BTreeMap<String, ComponentState>,
    services: BTreeMap<String, ComponentState>,
    draining: bool,
}

/// The states of all components. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct Components {
    states: Arc<watch::Sender<States>>,
    readiness: watch::Sender<Readiness>,
}

impl Default for Components {
    fn default() -> Self {
        Self {
            states: Arc::new(watch::channel(States::default()).0),
            readiness: watch::channel(Readiness::StoreUnavailable).0,
        }
    }
}

impl Components {
    /// Sets the state of the component `name`. The readiness follows, then the state is logged.
    pub fn report(&self, name: &str, state: ComponentState) {
        let mut before = None;
        self.change(|states| before = states.components.insert(name.to_owned(), state.clone()));
        if let ComponentState::Down(reason) = &state
            && before.as_ref() != Some(&state)
        {
            tracing::error!(component = name, reason, "component is down");
        }
    }

    /// Sets the state of the service `name`, which is outside of this process: it says nothing about
    /// the process, and the readiness does not follow.
    pub fn report_service(&self, name: &str, state: ComponentState) {
        self.change(|states| {
            states.services.insert(name.to_owned(), state);
        });
    }

    /// Services outside of this process, by name.
    pub fn services(&self) -> BTreeMap<String, ComponentState> {
        self.states.borrow().services.clone()
    }

    /// Marks the process as stopping.
    pub fn drain(&self) {
        self.change(|states| states.draining = true);
    }

    /// By name.
    pub fn all(&self) -> BTreeMap<String, ComponentState> {
        self.states.borrow().components.clone()
    }

    pub fn is_draining(&self) -> bool {
        self.states.borrow().draining
    }

    /// Whether the process takes work: whether every needed component is up.
    pub fn readiness(&self) -> Readiness {
        *self.readiness.borrow()
    }

    /// Follows whether the process takes work.
    pub fn watch(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut States)) {
        self.states.send_modify(change);
        self.readiness.send_if_modified(|current| {
            // The states are read under the lock of the readiness: of two changes at once, the
            // later one sees both.
            let readiness = readiness_of(&self.states.borrow());
            let changed = *current != readiness;
            *current = readiness;
            changed
        });
    }
}

fn readiness_of(states: &States) -> Readiness {
    if states.draining {
        return Readiness::Draining;
    }
    let is_down =
        |name: &&str| matches!(states.components.get(*name), Some(ComponentState::Down(_)));
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
            "worker salesforce",
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
