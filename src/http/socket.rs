//! The socket under a connection. It protects the process from a client that does not read.
//!
//! hyper limits neither the answers to a client that does not read, nor the time in which a
//! connection with unread bytes ends. Knows bytes; must not know HTTP.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::activity::Activity;

/// How long a connection that we have ended waits for the client to end it too.
const LINGER: Duration = Duration::from_secs(1);

/// Most bytes that are read and discarded in that time.
const MAX_DISCARDED: usize = 1024 * 1024;

pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// A read was put off until the client has read the unsent bytes.
    read_put_off: bool,
    at_end: bool,
    ending: Option<Ending>,
}

/// Our side is shut down.
struct Ending {
    timer: Pin<Box<Sleep>>,
    discarded: usize,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            read_put_off: false,
            at_end: false,
            ending: None,
        }
    }

    /// Reads and discards the rest of the client's bytes, until its end, within limits. A
    /// connection closed on unread bytes is reset, and the client would lose the last answer.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [MaybeUninit::uninit(); 8 * 1024];
        loop {
            let mut buffer = ReadBuf::uninit(&mut bytes);
            let polled = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            let discarded = match polled {
                Poll::Ready(Ok(())) => buffer.filled().len(),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                // The request was read whole, and no byte has arrived since.
                Poll::Pending if !self.activity.may_have_unread() => return Poll::Ready(()),
                Poll::Pending => {
                    let ending = self.ending.get_or_insert_with(Ending::begun_now);
                    return ending.timer.as_mut().poll(context);
                }
            };
            let ending = self.ending.get_or_insert_with(Ending::begun_now);
            ending.discarded += discarded;
            if discarded == 0 || ending.discarded > MAX_DISCARDED {
                return Poll::Ready(());
            }
            self.activity.set_unread(true);
        }
    }
}

impl Ending {
    fn begun_now() -> Self {
        Self {
            timer: Box::pin(tokio::time::sleep(LINGER)),
            discarded: 0,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // hyper goes on to the next request while the answer to one whose body it has not read
        // is unsent, and would collect answers without end.
        if self.activity.has_unsent() {
            self.read_put_off = true;
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.activity.set_awaits_bytes(polled.is_pending());
        if polled.is_ready() {
            self.at_end = buffer.filled().len() == before && buffer.capacity() > before;
            self.activity.set_unread(!self.at_end);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        match polled {
            Poll::Pending => self.activity.write_blocked(),
            Poll::Ready(_) => {
                let was_blocked = self.activity.write_progressed();
                // Nothing else would wake the task for the read that was put off.
                if was_blocked && std::mem::take(&mut self.read_put_off) {
                    context.waker().wake_by_ref();
                }
            }
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket holds nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            std::task::ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.at_end {
            return Poll::Ready(Ok(()));
        }
        self.poll_discard(context).map(Ok)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The system would keep unread bytes for minutes.
        if self.activity.has_unsent() {
            let _ = self.stream.set_zero_linger();
        }
    }
}
