//! Whether the process takes work, as both listeners are told.

/// Whether the process takes work. Passed on by a `tokio::sync::watch` channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The store can commit, what receives and decides works, and the process is not stopping.
    Ready,
    /// The store cannot commit, or is not known to yet.
    StoreUnavailable,
    /// This part, without which events are not received or become no tickets, does not work.
    ComponentDown(&'static str),
    /// The process is stopping: what is in flight is finished, nothing new is taken.
    Draining,
}

impl Readiness {
    /// Whether new work is taken.
    pub fn is_ready(self) -> bool {
        self == Self::Ready
    }
}
