//! The socket of a listener, which may be started again.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// What the system keeps of answers that a client does not read, in bytes.
const SEND_BUFFER: u32 = 64 * 1024;
/// What the system keeps of requests that are not read, in bytes.
const RECEIVE_BUFFER: u32 = 64 * 1024;
/// Most connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Gives a listener for every start: the one that was bound when the process started, and after
/// it, as a listener goes with the task that had it, new ones on the same address.
pub(super) struct Listening {
    address: Option<SocketAddr>,
    bound: Option<TcpListener>,
}

impl Listening {
    pub(super) fn new(bound: TcpListener) -> Self {
        Self {
            address: bound.local_addr().ok(),
            bound: Some(bound),
        }
    }

    /// `None`, with the reason logged, when the address cannot be bound.
    pub(super) fn next(&mut self) -> Option<TcpListener> {
        if self.bound.is_some() {
            return self.bound.take();
        }
        let address = self.address?;
        match listen(address) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::error!(%error, %address, "the address cannot be bound again");
                None
            }
        }
    }
}

/// A listener whose connections have buffers of a fixed size in the system: with sizes that grow
/// by themselves, a client that does not read could have megabytes of its memory.
pub(super) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
