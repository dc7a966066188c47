//! The pace of a target: a permit for each call, whatever it is for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::rate_limiter::RateLimiter;

/// Longest time for which a read lets writes go first: what people do in the CRM is followed in a
/// storm too.
const LONGEST_READ_WAIT: Duration = Duration::from_secs(5);
/// How soon a read looks again whether a write still waits.
const READ_LOOKS_AGAIN: Duration = Duration::from_millis(20);

/// Which calls go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A delivery, with its look-ups and its login.
    Write,
    /// A poll, a sweep, a probe, a check.
    Read,
}

/// The limit on the calls to one target. Clones share it.
#[derive(Clone)]
pub struct Pace {
    limiter: Arc<RateLimiter>,
    waiting_writes: Arc<AtomicUsize>,
}

impl Pace {
    /// At most `per_second` calls in a second.
    pub fn new(per_second: u32) -> Self {
        let limiter = RateLimiter::new(per_second, per_second, Instant::now());
        Self {
            limiter: Arc::new(limiter),
            waiting_writes: Arc::default(),
        }
    }

    /// No limit.
    pub(super) fn unlimited() -> Self {
        Self::new(u32::MAX)
    }

    /// The limit itself, which the target's worker adapts to what the CRM asks for.
    pub(crate) fn limiter(&self) -> Arc<RateLimiter> {
        Arc::clone(&self.limiter)
    }

    /// Waits until one call may be made.
    pub(super) async fn permit(&self, urgency: Urgency) {
        match urgency {
            Urgency::Write => {
                let _waiting = Waiting::begin(&self.waiting_writes);
                self.limiter.take_when_ready().await;
            }
            Urgency::Read => {
                let end = Instant::now() + LONGEST_READ_WAIT;
                while let Err(wait) = self.take_for_read(end) {
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Takes a permit for a read. The error is how soon to try again.
    fn take_for_read(&self, end: Instant) -> Result<(), Duration> {
        let now = Instant::now();
        if now < end && self.waiting_writes.load(Ordering::Relaxed) > 0 {
            return Err(READ_LOOKS_AGAIN);
        }
        self.limiter.take(1, now)
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pace")
    }
}

/// A write that waits; it is counted until it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn writes_go_before_a_read_that_waits() {
        let pace = Pace::new(20);
        for _ in 0..20 {
            pace.permit(Urgency::Write).await;
        }
        let began = Instant::now();
        let permit = |urgency| {
            let pace = pace.clone();
            tokio::spawn(async move {
                pace.permit(urgency).await;
                began.elapsed()
            })
        };
        let read = permit(Urgency::Read);
        let writes: Vec<_> = (0..6).map(|_| permit(Urgency::Write)).collect();
        let mut last = Duration::ZERO;
        for write in writes {
            last = last.max(write.await.unwrap());
        }
        let read = read.await.unwrap();
        assert!(read > last, "{read:?} after {last:?}");
    }

    #[tokio::test]
    async fn a_read_that_has_waited_for_long_takes_its_turn_among_writes() {
        let pace = Pace::new(20);
        let _waiting = Waiting::begin(&pace.waiting_writes);
        let now = Instant::now();
        let later = now + LONGEST_READ_WAIT;
        assert_eq!(pace.take_for_read(later), Err(READ_LOOKS_AGAIN));
        assert_eq!(pace.take_for_read(now), Ok(()));
    }
}
