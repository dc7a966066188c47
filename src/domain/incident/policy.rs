//! The time limits of an incident, from the settings of its rule.

use std::time::Duration;

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifePolicy {
    /// How long the breach must last before a ticket is opened.
    pub hold_for: Duration,
    /// How long the recovery must last.
    pub clear_for: Duration,
    /// Without a breach for this long, the incident counts as recovered.
    pub quiet_after: Duration,
    /// No second ticket for a key within this time.
    pub burst_lock: Duration,
    /// At most one comment about a lasting breach in this time; zero: none.
    pub update_every: Duration,
    pub on_recovery: Recovery,
    /// `None`: flapping is not detected.
    pub flapping: Option<FlappingPolicy>,
}

/// The effect of a recovery on the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// A comment; the ticket stays open for a person.
    Comment,
    /// The ticket is resolved, and the incident is closed with it.
    Resolve,
    Nothing,
}

/// When a key flaps, and when it is stable again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlappingPolicy {
    /// A key flaps when trouble starts more often than this …
    pub times: u32,
    /// … within this time.
    pub within: Duration,
    /// The quiet period: it is stable after so long without a breach.
    pub quiet_period: Duration,
}
