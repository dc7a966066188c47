//! The state of a connection: whether a request is in flight, or the server waits for its client.
//!
//! The connection's task, its socket and the table of open connections share it. hyper can limit
//! the wait for headers too, but sets a timer for every request. Here each request stores the time
//! of its end, and the one timer of the connection compares it. Knows tokio's clock and bodies;
//! must not know requests.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::HttpBody;
use futures::task::AtomicWaker;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// Asks a connection to close. A later command overrides an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Close {
    /// Close if no request is in flight: another connection needs its permit.
    Evict = 1,
    /// Close if no request is in flight, else after its answer.
    Stop = 2,
    /// Close as soon as the server waits for the client, in the middle of a request too.
    StopWaiting = 3,
    /// Close at once.
    CutOff = 4,
}

/// The state of one connection.
pub(super) struct Activity {
    connected_at: Instant,
    /// When the last request ended or unsent bytes last moved: milliseconds after `connected_at`.
    since: AtomicU64,
    in_flight: AtomicBool,
    unsent: AtomicBool,
    awaits_bytes: AtomicBool,
    unread: AtomicBool,
    body_left: AtomicBool,
    /// The [`Close`] that the connection's task has not seen yet; 0 is none.
    command: AtomicU8,
    task: AtomicWaker,
}

impl Activity {
    /// Of a connection that was made just now.
    pub(super) fn new() -> Self {
        Self {
            connected_at: Instant::now(),
            since: AtomicU64::new(0),
            in_flight: AtomicBool::new(false),
            unsent: AtomicBool::new(false),
            awaits_bytes: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            body_left: AtomicBool::new(false),
            command: AtomicU8::new(0),
            task: AtomicWaker::new(),
        }
    }

    /// A request's headers have come.
    pub(super) fn begin_request(&self) {
        self.in_flight.store(true, Ordering::Relaxed);
    }

    /// `body`, whose end is the end of the request in flight.
    pub(super) fn response_body<B>(self: Arc<Self>, body: B) -> ResponseBody<B> {
        ResponseBody {
            body,
            _end: EndOfRequest(self),
        }
    }

    fn end_request(&self) {
        self.in_flight.store(false, Ordering::Relaxed);
        self.restart();
    }

    /// The socket takes no more bytes, and some are left.
    pub(super) fn write_blocked(&self) {
        if !self.unsent.swap(true, Ordering::Relaxed) {
            self.restart();
        }
    }

    /// The socket has taken bytes. Whether it did not for a while before.
    pub(super) fn write_progressed(&self) -> bool {
        // Nearly always nothing was unsent; looking is cheaper than exchanging.
        let was_blocked = self.unsent.load(Ordering::Relaxed);
        if was_blocked {
            self.unsent.store(false, Ordering::Relaxed);
            self.restart();
        }
        was_blocked
    }

    /// Whether the client does not read bytes that are to be sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.unsent.load(Ordering::Relaxed)
    }

    /// Whether the socket was asked for bytes and had none.
    pub(super) fn set_awaits_bytes(&self, awaits: bool) {
        self.awaits_bytes.store(awaits, Ordering::Relaxed);
    }

    /// Whether the client may have sent bytes that will not be read.
    pub(super) fn set_unread(&self, unread: bool) {
        self.unread.store(unread, Ordering::Relaxed);
    }

    pub(super) fn may_have_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Whether some of the body of the request in flight was not read, or is not known to be.
    pub(super) fn set_body_left(&self, left: bool) {
        self.body_left.store(left, Ordering::Relaxed);
    }

    pub(super) fn has_body_left(&self) -> bool {
        self.body_left.load(Ordering::Relaxed)
    }

    fn restart(&self) {
        let elapsed = self.connected_at.elapsed().as_millis();
        let since = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.since.store(since, Ordering::Relaxed);
    }

    /// Whether no request is in flight.
    pub(super) fn is_idle(&self) -> bool {
        !self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether the next step is the client's: to send or to read bytes.
    pub(super) fn waits_for_client(&self) -> bool {
        self.is_idle() || self.has_unsent() || self.awaits_bytes.load(Ordering::Relaxed)
    }

    /// Since when the connection has been idle; `None` while a request is in flight.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.is_idle().then(|| self.since())
    }

    fn since(&self) -> Instant {
        self.connected_at + Duration::from_millis(self.since.load(Ordering::Relaxed))
    }

    /// When the connection will have been idle, or its client have taken nothing, for `limit`.
    pub(super) fn deadline(&self, limit: Duration) -> Instant {
        if self.is_idle() || self.has_unsent() {
            self.since() + limit
        } else {
            Instant::now() + limit
        }
    }

    /// Gives the connection's task a command.
    pub(super) fn command(&self, command: Close) {
        self.command.fetch_max(command as u8, Ordering::Release);
        self.task.wake();
    }

    /// The next command that can be followed. To be polled by the connection's task alone, and
    /// after the connection itself.
    pub(super) fn poll_command(&self, context: &mut Context<'_>) -> Poll<Close> {
        self.task.register(context.waker());
        loop {
            let command = self.command.load(Ordering::Acquire);
            let next = match command {
                0 => return Poll::Pending,
                1 => Close::Evict,
                2 => Close::Stop,
                // It stays in force: the client may be waited for later.
                3 if !self.waits_for_client() => return Poll::Pending,
                3 => Close::StopWaiting,
                _ => Close::CutOff,
            };
            let taken =
                self.command
                    .compare_exchange(command, 0, Ordering::Acquire, Ordering::Relaxed);
            // Otherwise a later command has come in between.
            if taken.is_ok() {
                return Poll::Ready(next);
            }
        }
    }
}

/// The body of the answer to the request in flight.
pub(super) struct ResponseBody<B> {
    body: B,
    _end: EndOfRequest,
}

/// Dropped when the body is at its end, or is given up.
struct EndOfRequest(Arc<Activity>);

impl Drop for EndOfRequest {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

impl<B: HttpBody + Unpin> HttpBody for ResponseBody<B> {
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

    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn a_request_in_flight_is_never_idle_and_its_end_begins_anew() {
        let activity = Arc::new(Activity::new());
        activity.begin_request();
        assert_eq!(activity.idle_since(), None);
        assert!(activity.deadline(LIMIT) > activity.connected_at + LIMIT);
        let body = Arc::clone(&activity).response_body(axum::body::Body::empty());
        std::thread::sleep(Duration::from_millis(2));
        drop(body);
        let since = activity.idle_since().unwrap();
        assert!(since > activity.connected_at);
        assert_eq!(activity.deadline(LIMIT), since + LIMIT);
    }

    #[test]
    fn a_connection_that_brings_nothing_is_idle_from_the_beginning() {
        let activity = Activity::new();
        assert_eq!(activity.idle_since(), Some(activity.connected_at));
        assert_eq!(activity.deadline(LIMIT), activity.connected_at + LIMIT);
    }

    #[test]
    fn a_client_that_takes_nothing_has_a_deadline_in_the_middle_of_a_request_too() {
        let activity = Activity::new();
        activity.begin_request();
        activity.write_blocked();
        let deadline = activity.deadline(LIMIT);
        std::thread::sleep(Duration::from_millis(2));
        activity.write_blocked();
        assert_eq!(activity.deadline(LIMIT), deadline);
        assert!(activity.write_progressed());
        activity.write_blocked();
        assert!(activity.deadline(LIMIT) > deadline);
    }

    #[tokio::test]
    async fn the_order_to_stop_waiting_stays_in_force_until_the_client_is_waited_for() {
        let activity = Activity::new();
        activity.begin_request();
        activity.command(Close::StopWaiting);
        let next = || std::future::poll_fn(|context| activity.poll_command(context));
        assert!(futures::FutureExt::now_or_never(next()).is_none());
        activity.write_blocked();
        assert_eq!(next().await, Close::StopWaiting);
    }

    #[tokio::test]
    async fn a_later_order_overrides_an_earlier_one() {
        let activity = Activity::new();
        for command in [Close::CutOff, Close::Stop] {
            activity.command(command);
        }
        let next = std::future::poll_fn(|context| activity.poll_command(context));
        assert_eq!(next.await, Close::CutOff);
        let none = std::future::poll_fn(|context| activity.poll_command(context));
        assert!(futures::FutureExt::now_or_never(none).is_none());
    }
}
