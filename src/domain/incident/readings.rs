//! The metric readings of a signal, and their range during an incident.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Readings by a name such as `queue.waitTime.avg`.
pub type Readings = BTreeMap<String, f64>;

/// The values that one reading has taken during an incident.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spread {
    pub latest: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Spread {
    pub(super) const fn of(value: f64) -> Self {
        Self {
            latest: value,
            lowest: value,
            highest: value,
        }
    }

    pub(super) const fn add(&mut self, value: f64) {
        self.latest = value;
        self.lowest = self.lowest.min(value);
        self.highest = self.highest.max(value);
    }
}
