//! What mutes an incident: the silence or maintenance window that covers it longest.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// What mutes a breach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// `silence 17`, `maintenance window sunday`.
    pub by: String,
    /// When it ends. Another silence may follow without a gap; it is looked for then.
    pub until: Timestamp,
}

impl fmt::Display for Mute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} until {}", self.by, self.until)
    }
}
