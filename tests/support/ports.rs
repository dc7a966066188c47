//! Ports for daemons that tests start: from below the range that the system hands out by
//! itself, so that no connection of another test takes one between choosing and binding, and
//! never the same one twice in a run.

use std::sync::atomic::{AtomicU16, Ordering};

/// Below 32768, where Linux begins to choose ports for connections by itself.
const FIRST: u16 = 10_000;
const MANY: u16 = 20_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A port on which nobody listens, and which no other call in this process was given.
pub(crate) fn free_port() -> u16 {
    // Test programs that run side by side start at different places.
    let place = u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let step = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (place + step % MANY) % MANY;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
