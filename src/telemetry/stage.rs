//! The stages of the time to a ticket.

/// A stage, named by what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A webhook, until its events are durable.
    Durable,
    /// An event, from its receipt until its ticket is owed.
    Decided,
    /// Until the create that succeeds is claimed.
    Claimed,
    /// Until the CRM has answered it.
    Answered,
    /// Until the ticket is stored.
    Confirmed,
}

impl Stage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Decided => "decided",
            Self::Claimed => "claimed",
            Self::Answered => "answered",
            Self::Confirmed => "confirmed",
        }
    }
}
