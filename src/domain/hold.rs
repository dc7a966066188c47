//! What keeps a ticket back besides the rule itself. Pure. May import: `domain` only.

use super::decision::Suppression;
use super::time::Timestamp;

/// A ticket is kept back until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub reason: Suppression,
}
