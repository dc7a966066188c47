//! What came of a storm.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::outcome::Failed;

/// Nothing could be sent: the address is not one, or TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CannotStorm(pub(super) String);

impl From<CannotStorm> for Failed {
    fn from(error: CannotStorm) -> Self {
        Self::usage(error.to_string())
    }
}

/// What came of a storm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StormReport {
    /// Requests by status; 0 for those without an answer.
    pub statuses: BTreeMap<u16, u64>,
    /// Events that the answers called accepted.
    pub accepted: u64,
    /// Events that the answers called duplicates.
    pub duplicates: u64,
    /// Events that the answers sent to review.
    pub review: u64,
    pub elapsed: Duration,
    /// Time to answer of each answered request, sorted, in microseconds.
    pub latencies: Vec<u64>,
}

impl StormReport {
    /// The time to answer that `share` (0 to 1) of the answered requests stayed below.
    pub fn latency(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a length is an index"
        )]
        let index = (last as f64 * share.clamp(0.0, 1.0)).ceil() as usize;
        Duration::from_micros(self.latencies.get(index).copied().unwrap_or(0))
    }

    /// Whether every request was answered 202.
    pub fn all_taken(&self) -> bool {
        !self.statuses.is_empty() && self.statuses.keys().all(|status| *status == 202)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_answers_stays_below_its_latency() {
        let report = StormReport {
            latencies: (1..=100).collect(),
            ..StormReport::default()
        };
        let micros = |share| report.latency(share).as_micros();
        assert_eq!([micros(0.0), micros(0.99), micros(1.0)], [1, 100, 100]);
        assert_eq!(StormReport::default().latency(0.5), Duration::ZERO);
    }

    #[test]
    fn one_refused_request_is_not_fine_however_many_duplicates_were_counted() {
        let report = StormReport {
            statuses: BTreeMap::from([(202, 100), (429, 1)]),
            accepted: 90,
            duplicates: 50,
            ..StormReport::default()
        };
        assert!(!report.all_taken());
    }
}
