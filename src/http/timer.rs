//! A time limit that a connection sets anew for each of its requests.
//!
//! A timer of one's own for every request is entered among all timers of the process and taken
//! out again, under a lock. Putting off the end of one that is there needs neither.
//! Knows tokio's and hyper's timers; must not know what is being waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A timer that is kept from one use to the next. Cheap to clone; of two uses at the same time
/// the second has a timer of its own.
#[derive(Clone, Default)]
pub struct ReusedTimer {
    kept: Arc<Mutex<Option<Timer>>>,
}

type Timer = Pin<Box<tokio::time::Sleep>>;

impl ReusedTimer {
    /// What `work` comes to; `None` when it took longer than `limit`.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let end = self.until(Instant::now() + limit);
        tokio::select! {
            biased;
            done = work => Some(done),
            () = end => None,
        }
    }

    fn until(&self, end: Instant) -> Waiting {
        let kept = self.lock().take();
        let mut timer = kept.unwrap_or_else(|| Box::pin(tokio::time::sleep_until(end.into())));
        timer.as_mut().reset(end.into());
        Waiting {
            timer: Some(timer),
            home: self.clone(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Timer>> {
        // A timer is put in or taken out whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when its time has come; gives its timer back when it is dropped.
struct Waiting {
    timer: Option<Timer>,
    home: ReusedTimer,
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.home.lock() = self.timer.take();
    }
}

impl hyper::rt::Sleep for Waiting {}

impl hyper::rt::Timer for ReusedTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.until(deadline))
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
    async fn two_uses_at_once_end_each_in_their_time() {
        let timer = ReusedTimer::default();
        let long = timer.within(LONG, tokio::time::sleep(SHORT * 3));
        let short = timer.within(SHORT, pending::<()>());
        assert_eq!(tokio::join!(long, short), (Some(()), None));
    }
}
