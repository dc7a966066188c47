//! Counting signals that match a rule: `at_least` of them `within` a span are a breach.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// How many matches make a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counting {
    pub at_least: u32,
    pub within: Duration,
}

/// The latest matches of a key, oldest first, by the sender's clock: events that were delayed and
/// come together count for the time at which they happened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MatchCount(Vec<Timestamp>);

impl MatchCount {
    /// Adds a match at `at`. Returns how many there are within the span; 0 when it is too old to
    /// count with the others.
    pub fn add(&mut self, at: Timestamp, counting: Counting) -> usize {
        let place = self.0.partition_point(|known| *known <= at);
        self.0.insert(place, at);
        let newest = self.0.last().copied().unwrap_or(at);
        self.0
            .retain(|known| newest.since(*known) <= counting.within);
        // More are not needed, and a hostile sender cannot grow the row.
        let surplus = self.0.len().saturating_sub(counting.at_least as usize);
        self.0.drain(..surplus);
        match newest.since(at) <= counting.within {
            true => self.0.len(),
            false => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Counting = Counting {
        at_least: 5,
        within: Duration::from_secs(600),
    };

    fn count(minutes: &[i64]) -> Vec<usize> {
        let mut count = MatchCount::default();
        let add = |minute: &i64| count.add(Timestamp::from_millis(minute * 60_000), FIVE);
        minutes.iter().map(add).collect()
    }

    #[test]
    fn matches_count_while_they_are_within_the_span() {
        assert_eq!(count(&[0, 2, 4, 6, 8, 10]), [1, 2, 3, 4, 5, 5]);
        assert_eq!(count(&[0, 3, 6, 9, 12, 15]), [1, 2, 3, 4, 4, 4]);
    }

    #[test]
    fn delayed_matches_count_for_the_time_at_which_they_happened() {
        assert_eq!(count(&[8, 0, 4, 2, 6]), [1, 2, 3, 4, 5]);
        assert_eq!(count(&[60, 0, 4, 58, 59]), [1, 0, 0, 2, 3]);
    }

    #[test]
    fn no_more_matches_are_kept_than_are_needed() {
        let mut count = MatchCount::default();
        (0..100).for_each(|at| {
            count.add(Timestamp::from_millis(at), FIVE);
        });
        assert_eq!(count.0.len(), 5);
    }
}
