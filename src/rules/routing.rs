//! `targets` of a rule or an outage: where its tickets go, by expression and in order of
//! preference. Pure.

use std::sync::Arc;

use super::expression::{EvaluationError, Expression};
use crate::domain::identity::TargetName;
use crate::domain::signal::Signal;

/// Where tickets go.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// Lists for signals of which an expression holds; the first that does counts.
    pub routes: Vec<Route>,
    /// The list for all others, in order of preference; never empty, all configured.
    pub otherwise: Arc<[TargetName]>,
}

/// One entry with `when`.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The list counts when this holds.
    pub when: Expression,
    /// Targets in order of preference; never empty, all configured.
    pub to: Arc<[TargetName]>,
}

/// The list of targets that a signal leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// The place of the entry whose expression held; `None` for the fallback.
    pub entry: Option<usize>,
    /// Targets in order of preference.
    pub to: Arc<[TargetName]>,
}

/// The expression of an entry failed on a signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("targets[{entry}].when: {error}")]
pub struct RoutingError {
    /// The entry's place.
    pub entry: usize,
    /// What failed.
    pub error: EvaluationError,
}

impl From<Vec<TargetName>> for Routing {
    fn from(names: Vec<TargetName>) -> Self {
        Self {
            routes: Vec::new(),
            otherwise: names.into(),
        }
    }
}

impl Routing {
    /// The list for `signal`, which came from `source`, and the entries that failed. An expression
    /// that fails, or reads what the signal does not carry, does not hold.
    pub fn route(&self, signal: &Signal, source: &str) -> (Routed, Vec<RoutingError>) {
        let mut failed = Vec::new();
        for (entry, route) in self.routes.iter().enumerate() {
            match route.when.holds(signal, source) {
                Ok(Some(true)) => {
                    let to = Arc::clone(&route.to);
                    let entry = Some(entry);
                    return (Routed { entry, to }, failed);
                }
                Ok(_) => {}
                Err(error) => failed.push(RoutingError { entry, error }),
            }
        }
        let routed = Routed {
            entry: None,
            to: Arc::clone(&self.otherwise),
        };
        (routed, failed)
    }

    /// Every list.
    pub fn lists(&self) -> impl Iterator<Item = &[TargetName]> {
        let conditional = self.routes.iter().map(|route| &*route.to);
        conditional.chain(std::iter::once(&*self.otherwise))
    }

    /// Every target that tickets may be opened in; one that several lists name comes several
    /// times.
    pub fn names(&self) -> impl Iterator<Item = &TargetName> {
        self.lists().flatten()
    }

    /// Whether any list has a second target.
    pub fn fails_over(&self) -> bool {
        self.lists().any(|list| list.len() > 1)
    }
}
