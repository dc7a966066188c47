//! When a warning that could come very often is written. Reads no clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A warning that is written at most once in a span of time. Counts what happens in between.
#[derive(Debug)]
pub struct RateLimitedWarning {
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    written_at: Option<Instant>,
    unwritten: u64,
}

impl RateLimitedWarning {
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            state: Mutex::default(),
        }
    }

    /// Adds `occurrences`. If there is something to warn of, and a warning may be written at `now`:
    /// how many there were since the last one.
    pub fn count(&self, occurrences: u64, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unwritten = state.unwritten.saturating_add(occurrences);
        let is_due = (state.written_at).is_none_or(|at| now.duration_since(at) >= self.every);
        if !is_due || state.unwritten == 0 {
            return None;
        }
        state.written_at = Some(now);
        Some(std::mem::take(&mut state.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_warning_in_the_span() {
        let warning = RateLimitedWarning::new(Duration::from_secs(10));
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        assert_eq!(warning.count(1, at(0)), Some(1));
        assert_eq!(warning.count(1, at(1)), None);
        assert_eq!(warning.count(1, at(9_999)), None);
        assert_eq!(warning.count(1, at(10_000)), Some(3));
        assert_eq!(warning.count(0, at(30_000)), None);
        assert_eq!(warning.count(2, at(30_001)), Some(2));
    }
}
