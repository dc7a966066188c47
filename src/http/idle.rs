//! How long a connection has been waiting for the headers of its next request.
//!
//! hyper can limit that too, with a timer that it makes and sets for every request. Here each
//! request leaves only the time of its end, and one timer of the connection looks at it now and
//! then. Knows tokio's timers and bodies; must not know requests.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// In place of a time: a request is in hand.
const BUSY: u64 = u64::MAX;

/// Since when a connection has been idle. Clones are of the same connection.
#[derive(Clone)]
pub(super) struct Idle {
    connected_at: Instant,
    /// Milliseconds after `connected_at`, or [`BUSY`].
    since: Arc<AtomicU64>,
}

impl Idle {
    /// Of a connection that was made just now.
    pub(super) fn new() -> Self {
        Self {
            connected_at: Instant::now(),
            since: Arc::default(),
        }
    }

    /// A request's headers have come.
    pub(super) fn interrupt(&self) {
        self.since.store(BUSY, Ordering::Relaxed);
    }

    fn begin(&self) {
        let elapsed = self.connected_at.elapsed().as_millis();
        let since = u64::try_from(elapsed).unwrap_or(BUSY);
        self.since.store(since, Ordering::Relaxed);
    }

    /// `body`, after whose end the connection is idle again.
    pub(super) fn after<B>(&self, body: B) -> LastBody<B> {
        LastBody {
            body,
            _end: End(self.clone()),
        }
    }

    /// Ends when the connection has been idle for `limit`.
    pub(super) async fn longer_than(&self, limit: Duration) {
        let mut timer = std::pin::pin!(tokio::time::sleep_until(self.connected_at + limit));
        loop {
            timer.as_mut().await;
            let end = match self.since.load(Ordering::Relaxed) {
                BUSY => Instant::now() + limit,
                since => self.connected_at + Duration::from_millis(since) + limit,
            };
            if end <= Instant::now() {
                return;
            }
            timer.as_mut().reset(end);
        }
    }
}

/// The body of the answer to the request in hand.
pub(super) struct LastBody<B> {
    body: B,
    _end: End,
}

/// What is dropped when the body is at its end, or is given up.
struct End(Idle);

impl Drop for End {
    fn drop(&mut self) {
        self.0.begin();
    }
}

impl<B: HttpBody + Unpin> HttpBody for LastBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    async fn ends_within(idle: &Idle, time: Duration) -> bool {
        let ending = idle.longer_than(LIMIT);
        tokio::time::timeout(time, ending).await.is_ok()
    }

    #[tokio::test]
    async fn a_request_in_hand_is_never_idle_and_its_end_begins_anew() {
        let idle = Idle::new();
        idle.interrupt();
        let body = idle.after(axum::body::Body::empty());
        assert!(!ends_within(&idle, LIMIT * 5).await);
        drop(body);
        let began = Instant::now();
        idle.longer_than(LIMIT).await;
        assert!(began.elapsed() + Duration::from_millis(2) >= LIMIT);
    }

    #[tokio::test]
    async fn a_connection_that_brings_nothing_is_idle_from_the_beginning() {
        assert!(ends_within(&Idle::new(), LIMIT * 50).await);
    }
}
