//! Totals for the ticket of an outage or a flood. They are stored with its incident, because
//! members that are closed are not read again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::readings::Spread;

/// Readings with further names are not counted.
const MAX_READINGS: usize = 8;

/// Totals of an outage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct OutageTotals {
    /// Incidents that have joined since the outage began.
    pub joined: u64,
    /// Members that had not recovered at the last step.
    pub present: u64,
    /// Whether enough incidents began within the window. Otherwise the outage formed by its cause
    /// alone, and accepts only incidents that the cause explains.
    pub wide: bool,
    /// Whether a person gave its ticket up before it existed.
    pub given_up: bool,
    /// Whether members were closed with their tickets, or go on with them, since they were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stale: bool,
    /// By the name of the reading.
    pub extremes: BTreeMap<String, Extremes>,
}

/// The range of a reading over all members, and the members at its ends: by their keys, until deciding
/// has put their names there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Extremes {
    pub lowest: f64,
    pub lowest_at: String,
    pub highest: f64,
    pub highest_at: String,
}

impl OutageTotals {
    /// Counts members that have just `joined` and those `present` now. Returns how many came,
    /// left or came back since the last step.
    pub fn count(&mut self, joined: u64, present: u64) -> u64 {
        let moved = (self.present + joined).abs_diff(present);
        self.joined += joined;
        self.present = present;
        joined + moved
    }

    /// Extends the ranges by the `readings` of the member with `key`.
    pub fn add_readings(&mut self, key: &str, readings: &BTreeMap<String, Spread>) {
        for (name, spread) in readings {
            if let Some(known) = self.extremes.get_mut(name) {
                if spread.lowest < known.lowest {
                    known.lowest = spread.lowest;
                    key.clone_into(&mut known.lowest_at);
                }
                if spread.highest > known.highest {
                    known.highest = spread.highest;
                    key.clone_into(&mut known.highest_at);
                }
            } else if self.extremes.len() < MAX_READINGS {
                let first = Extremes {
                    lowest: spread.lowest,
                    lowest_at: key.to_owned(),
                    highest: spread.highest,
                    highest_at: key.to_owned(),
                };
                self.extremes.insert(name.clone(), first);
            }
        }
    }
}

/// Totals of a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct FloodTotals {
    /// Keys that were held.
    pub held: u64,
    /// Breaches that were only counted.
    pub counted: u64,
    /// The sum of both when the ticket was last written to.
    #[serde(rename = "told")]
    pub reported: u64,
}

impl FloodTotals {
    pub const fn sum(&self) -> u64 {
        self.held + self.counted
    }

    /// Whether the sum has grown by half since the ticket was last written to.
    pub const fn has_grown(&self) -> bool {
        let grown = self.sum().saturating_sub(self.reported);
        grown > 0 && grown >= self.reported / 2
    }
}
