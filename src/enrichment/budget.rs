//! How many calls may be made within a minute.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// So many calls within any minute. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct CallBudget {
    calls: usize,
    /// The times of the last calls, the oldest first.
    made: Arc<Mutex<VecDeque<Instant>>>,
}

impl CallBudget {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            calls: per_minute.max(1) as usize,
            made: Arc::default(),
        }
    }

    /// Waits until a call may be made, and counts it.
    pub(super) async fn spend(&self) {
        while let Err(wait) = self.try_spend(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a call at `now`; the error is the time to wait.
    fn try_spend(&self, now: Instant) -> Result<(), Duration> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        while made.len() >= self.calls {
            let Some(first) = made.front() else { break };
            let age = now.saturating_duration_since(*first);
            if age < MINUTE {
                return Err(MINUTE - age);
            }
            made.pop_front();
        }
        made.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_calls_than_that() {
        let budget = CallBudget::new(2);
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(budget.try_spend(at(0)), Ok(()));
        assert_eq!(budget.clone().try_spend(at(50)), Ok(()));
        assert_eq!(budget.try_spend(at(51)), Err(Duration::from_secs(9)));
        assert_eq!(budget.try_spend(at(60)), Ok(()));
        assert_eq!(budget.try_spend(at(60)), Err(Duration::from_secs(50)));
        assert_eq!(budget.try_spend(at(110)), Ok(()));
    }
}
