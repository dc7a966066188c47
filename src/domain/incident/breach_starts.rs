//! How often the trouble of a key has started, and the stored state of its flapping.

use serde::{Deserialize, Serialize};

use super::policy::FlappingPolicy;
use crate::domain::time::Timestamp;

/// When the trouble of a key started, within the last `FlappingPolicy::within`: a ticket was
/// opened, or a recovered incident breached again. A breach that got no ticket does not count.
/// The list belongs to the key, not to one incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BreachStarts(Vec<Timestamp>);

impl BreachStarts {
    /// Adds a start at `now`. Returns whether the key flaps. Only as many starts are kept as the
    /// answer needs.
    pub fn add(&mut self, policy: &FlappingPolicy, now: Timestamp) -> bool {
        let max = usize::try_from(policy.times).unwrap_or(usize::MAX);
        for at in &mut self.0 {
            // A start in the future means that the clock was set back: its age begins at 0.
            *at = (*at).min(now);
        }
        self.0.retain(|at| now.since(*at) <= policy.within);
        self.0.push(now);
        let flaps = self.0.len() > max;
        if flaps {
            self.0.drain(..self.0.len() - max - 1);
        }
        flaps
    }

    pub fn remove_last(&mut self) {
        self.0.pop();
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn first(&self) -> Option<Timestamp> {
        self.0.first().copied()
    }
}

/// An incident flaps now, or did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// When it was found to flap.
    pub since: Timestamp,
    /// The first start that was counted.
    pub first_at: Timestamp,
    /// How often trouble has started since `first_at`.
    pub times: u32,
    /// When it became stable; `None` while it flaps.
    #[serde(rename = "calm_at")]
    pub stable_at: Option<Timestamp>,
}

impl Flapping {
    pub fn begin(starts: &BreachStarts, now: Timestamp) -> Self {
        Self {
            since: now,
            first_at: starts.first().unwrap_or(now),
            times: u32::try_from(starts.len()).unwrap_or(u32::MAX),
            stable_at: None,
        }
    }
}
