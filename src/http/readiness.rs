//! Whether the process takes work, as both listeners are told.

/// Whether the process takes work. Passed on by a `tokio::sync::watch` channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The store can commit and the process is not stopping.
    Ready,
    /// The store cannot commit, or is not known to yet.
    StoreUnavailable,
    /// The process is stopping: what is in hand is finished, nothing new is taken.
    Draining,
}

impl Readiness {
    /// Whether new work is taken.
    pub fn is_ready(self) -> bool {
        self == Self::Ready
    }

    /// The word shown in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::StoreUnavailable => "store unavailable",
            Self::Draining => "draining",
        }
    }
}
