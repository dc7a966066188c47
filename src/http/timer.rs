//! A time limit that a connection sets anew for each of its requests.
//!
//! A timer of one's own for every request is entered among all timers of the process and taken
//! out again, under a lock. Here one that is there is left to ring at the end of an earlier
//! request; only then is it put off to the end of the one that is in hand.
//! Knows tokio's timers; must not know what is being waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A timer that is kept from one use to the next. Cheap to clone; of two uses at the same time
/// the second has a timer of its own. All uses are by one task, which is who it wakes.
#[derive(Clone, Default)]
pub struct ReusedTimer {
    kept: Arc<Mutex<Option<Timer>>>,
}

/// A timer that was set, and will wake the task at the time that it has.
type Timer = Pin<Box<Sleep>>;

impl ReusedTimer {
    /// What `work` comes to; `None` when it took longer than `limit`.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let end = Waiting {
            end: Instant::now() + limit,
            timer: self.lock().take(),
            home: self,
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = end => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Timer>> {
        // A timer is put in or taken out whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when its time has come; gives its timer back when it is dropped.
struct Waiting<'t> {
    end: Instant,
    timer: Option<Timer>,
    home: &'t ReusedTimer,
}

impl Future for Waiting<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let end = self.end;
        let timer = match &mut self.timer {
            Some(timer) if !timer.is_elapsed() && timer.deadline() <= end => return Poll::Pending,
            Some(timer) => {
                timer.as_mut().reset(end);
                timer
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(end))),
        };
        timer.as_mut().poll(context)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let timer = self.timer.take();
        *self.home.lock() = timer;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const SHORT: Duration = Duration::from_millis(10);
    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn every_use_has_a_limit_of_its_own() {
        let timer = ReusedTimer::default();
        assert_eq!(timer.within(SHORT, pending::<()>()).await, None);
        let longer = tokio::time::sleep(SHORT * 3);
        assert_eq!(timer.within(LONG, longer).await, Some(()));
        assert_eq!(timer.within(SHORT, pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn an_earlier_end_that_comes_in_between_ends_nothing() {
        let timer = ReusedTimer::default();
        let at_once = timer.within(SHORT, tokio::time::sleep(Duration::from_millis(1)));
        assert_eq!(at_once.await, Some(()));
        let began = Instant::now();
        assert_eq!(timer.within(SHORT * 3, pending::<()>()).await, None);
        assert!(began.elapsed() >= SHORT * 3);
    }

    #[tokio::test]
    async fn two_uses_at_once_end_each_in_their_time() {
        let timer = ReusedTimer::default();
        let long = timer.within(LONG, tokio::time::sleep(SHORT * 3));
        let short = timer.within(SHORT, pending::<()>());
        assert_eq!(tokio::join!(long, short), (Some(()), None));
    }
}
