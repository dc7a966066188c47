//! A connection on which the other side may send only so much for each thing that we send.
//!
//! An HTTP client reads interim answers and headers for as long as they come, faster than any
//! timer can interrupt it. So the bytes themselves are counted, below TLS and HTTP. This holds for
//! HTTP/1.1, where nothing but a request is written once TLS is set up.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that may be read between two writes: a whole answer of a CRM, its headers and TLS.
pub(super) const MAX_UNASKED_BYTES: usize = 3 * 1024 * 1024;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that counts.
pub(super) struct Metered {
    stream: Box<dyn Stream>,
    /// Bytes read since the last write.
    unasked: usize,
    /// More are an error.
    max_unasked: usize,
}

impl Metered {
    pub(super) fn new(stream: impl Stream + 'static, max_unasked: usize) -> Self {
        Self {
            stream: Box::new(stream),
            unasked: 0,
            max_unasked,
        }
    }
}

impl Connection for Metered {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unasked > self.max_unasked {
            let message = format!("more than {} bytes came without an end", self.max_unasked);
            return Poll::Ready(Err(io::Error::other(message)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.unasked += buffer.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unasked = 0;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.unasked = 0;
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_comes_without_an_end_is_refused_and_each_request_may_have_its_answer() {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let mut ours = Metered::new(ours, MAX_UNASKED_BYTES);
        let server = tokio::spawn(async move {
            let answer = vec![b'x'; 2 * 1024 * 1024];
            let mut request = [0; 1];
            for _ in 0..3 {
                theirs.read_exact(&mut request).await.unwrap();
                theirs.write_all(&answer).await.unwrap();
            }
            while theirs.write_all(&answer).await.is_ok() {}
        });
        let mut answer = vec![0; 2 * 1024 * 1024];
        for _ in 0..3 {
            ours.write_all(b"?").await.unwrap();
            ours.read_exact(&mut answer).await.unwrap();
        }
        assert!(ours.read_exact(&mut answer).await.is_err());
        drop(ours);
        server.await.unwrap();
    }
}
