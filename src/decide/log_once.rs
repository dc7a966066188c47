//! Things that are logged once, not for every event.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// What was said is remembered up to so many things; further ones are not logged.
const MAX_REMEMBERED: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct LogOnce(Mutex<HashSet<String>>);

impl LogOnce {
    /// Whether `what` is said about `subject` for the first time. Numbers in it do not count.
    pub(super) fn is_first(&self, subject: &str, what: &str) -> bool {
        let what: String = what.chars().filter(|one| !one.is_ascii_digit()).collect();
        let form = format!("{subject}: {what}");
        let mut results = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        results.len() < MAX_REMEMBERED && results.insert(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_said_once_whatever_its_numbers() {
        let once = LogOnce::default();
        assert!(once.is_first("rule-1", "5 is no text"));
        assert!(!once.is_first("rule-1", "17 is no text"));
        assert!(once.is_first("rule-2", "17 is no text"));
    }
}
