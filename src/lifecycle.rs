//! The parts of the running process: which there are, how each fares, and whether all of them
//! together take work. `supervision` runs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

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
    let mut states = parts.components.values();
    match (
        parts.draining,
        states.all(|state| *state == ComponentState::Up),
    ) {
        (true, _) => Readiness::Draining,
        (false, true) => Readiness::Ready,
        (false, false) => Readiness::StoreUnavailable,
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
    fn a_stop_stands_above_every_state() {
        let components = Components::default();
        components.report("store", ComponentState::Up);
        components.drain();
        assert_eq!(components.readiness(), Readiness::Draining);
    }
}
