//! Whether the process accepts work, as both listeners report it.

/// Whether the process takes work. Passed on by a `tokio::sync::watch` channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The store can commit, receiving and deciding work, and the process is not stopping.
    Ready,
    /// The store cannot commit, or is not known to yet.
    StoreUnavailable,
    /// This part, without which events are not received or become no tickets, does not work.
    ComponentDown(&'static str),
    /// The process is stopping: requests in flight are finished, and no new one is accepted.
    Draining,
}

impl Readiness {
    /// Whether new work is taken.
    pub fn is_ready(self) -> bool {
        self == Self::Ready
    }
}
