//! What an outage counts of its members, for its ticket: who joined, who is left, and the
//! readings furthest out. Kept with the outage, because members that are over are not looked
//! at again. Pure. May import: `domain` only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::incident::Incident;

/// Readings that are remembered; further names are not taken in.
const MOST_READINGS: usize = 8;

/// What is counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Incidents that joined, ever.
    pub joined: u64,
    /// Members that have not recovered, as of the last look.
    pub present: u64,
    /// Whether enough began at once; otherwise it stands on its cause alone, and takes in
    /// only what the cause explains.
    pub wide: bool,
    /// Whether a person gave its ticket up before it existed.
    pub given_up: bool,
    /// The extremes of each reading.
    pub extremes: BTreeMap<String, Extremes>,
}

/// How far a reading went, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extremes {
    /// The lowest value …
    pub lowest: f64,
    /// … and the key of the member that had it.
    pub lowest_at: String,
    /// The highest value …
    pub highest: f64,
    /// … and the key of the member that had it.
    pub highest_at: String,
}

impl Tally {
    /// Counts what `joined` just now and how many are `present`; answers how many members
    /// came, went or came back since the last look.
    pub fn count(&mut self, joined: u64, present: u64) -> u64 {
        let moved = (self.present + joined).abs_diff(present);
        self.joined += joined;
        self.present = present;
        joined + moved
    }

    /// Takes in how far the readings of `member` went.
    pub fn take_readings(&mut self, member: &Incident) {
        for (name, spread) in &member.readings {
            if let Some(known) = self.extremes.get_mut(name) {
                if spread.lowest < known.lowest {
                    known.lowest = spread.lowest;
                    known.lowest_at.clone_from(&member.key);
                }
                if spread.highest > known.highest {
                    known.highest = spread.highest;
                    known.highest_at.clone_from(&member.key);
                }
            } else if self.extremes.len() < MOST_READINGS {
                let first = Extremes {
                    lowest: spread.lowest,
                    lowest_at: member.key.clone(),
                    highest: spread.highest,
                    highest_at: member.key.clone(),
                };
                self.extremes.insert(name.clone(), first);
            }
        }
    }
}
