//! How bad an incident is beside others of its severity: the order in which people see them.

use crate::domain::flood;
use crate::domain::incident::Incident;
use crate::domain::outage;

/// What stands for many is worse than what is about one thing.
const OF_MANY: i64 = 1_000_000_000_000;
/// Steps that are told apart between a threshold and its double.
const STEPS: f64 = 10_000.0;
const MOST_EXCESS: f64 = 100_000_000.0;

/// How far `value` is on the wrong side of `threshold`: 1 at the threshold, 2 at twice its value.
pub fn excess(value: f64, threshold: f64, is_above: bool) -> f64 {
    let (over, under) = match is_above {
        true => (value, threshold),
        false => (threshold, value),
    };
    // One unit stands in for zero, so that "0 agents of 3" is a finite number.
    over.max(0.0) / under.max(1.0)
}

/// The worse, the greater: by the number of members, or else by how far the latest reading is beyond
/// its threshold. A whole number, so that a reading that hardly moves does not change it.
pub fn badness(incident: &Incident) -> i64 {
    let is_of_many =
        outage::is_outage(&incident.rule) || flood::source_of(&incident.rule).is_some();
    if !is_of_many {
        return steps(incident.excess);
    }
    let members = incident.tally.as_ref().map(|tally| tally.present);
    let held = incident.flood.map(|flood| flood.held);
    let count = members.or(held).unwrap_or(0);
    OF_MANY.saturating_add(i64::try_from(count).unwrap_or(i64::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the number is within the bounds of an i64"
)]
fn steps(excess: f64) -> i64 {
    (excess.clamp(0.0, MOST_EXCESS) * STEPS).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_the_worse_the_farther_it_is_on_the_wrong_side() {
        assert_eq!(excess(600.0, 300.0, true), 2.0);
        assert_eq!(excess(3.0, 3.0, false), 1.0);
        assert_eq!(excess(0.0, 3.0, false), 3.0);
        assert!(steps(excess(699.0, 300.0, true)) > steps(excess(692.0, 300.0, true)));
        assert!(steps(f64::MAX) <= OF_MANY);
        assert_eq!(steps(-1.0), 0);
    }
}
