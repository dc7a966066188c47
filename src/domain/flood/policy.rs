//! The limit on the incidents of a source.

use std::time::Duration;

use crate::domain::identity::IncidentKey;
use crate::domain::incident::{LifePolicy, Recovery};

/// The rule of a flood's incident is this prefix and the name of the source.
pub const RULE_PREFIX: &str = "flood:";

/// Incidents of a source without a ticket, for each ticket that it may open in a minute.
const MAX_PENDING_PER_TICKET: u64 = 10;
/// No second ticket about floods of a source within this time.
const BURST_LOCK: Duration = Duration::from_secs(60);
/// Effectively never: a flood lasts while anything is held, even when nothing new arrives.
const QUIET_AFTER: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// The limit on a source; from its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodPolicy {
    /// Tickets for new incidents within a minute.
    pub per_minute: u32,
    /// The quiet period: a flood is over when the source has been within the limit for so long,
    /// with nothing held.
    pub quiet_period: Duration,
    /// At most one comment on the flood's ticket in this time; zero: none.
    pub update_every: Duration,
}

impl Default for FloodPolicy {
    fn default() -> Self {
        Self {
            per_minute: 1_000,
            quiet_period: Duration::from_secs(300),
            update_every: Duration::from_secs(300),
        }
    }
}

impl FloodPolicy {
    /// Incidents of the source that may be without a ticket.
    pub const fn max_pending(&self) -> u64 {
        self.per_minute as u64 * MAX_PENDING_PER_TICKET
    }

    /// The time limits of the flood's incident.
    pub const fn life(&self) -> LifePolicy {
        LifePolicy {
            hold_for: Duration::ZERO,
            clear_for: self.quiet_period,
            quiet_after: QUIET_AFTER,
            burst_lock: BURST_LOCK,
            update_every: self.update_every,
            on_recovery: Recovery::Resolve,
            flapping: None,
        }
    }
}

/// The key of the flood of `source`.
pub fn key_of(source: &str) -> IncidentKey {
    IncidentKey::new(format!("{RULE_PREFIX}{source}"), source)
}

/// The source whose flood has incidents of `rule`; `None` for any other rule.
pub fn source_of(rule: &str) -> Option<&str> {
    rule.strip_prefix(RULE_PREFIX)
}
