//! A mute: the silence or maintenance window that covers an incident longest.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// `silence 17`, `maintenance window sunday`.
    pub by: String,
    /// When it ends. At that time another silence is looked for, because one may follow at once.
    pub until: Timestamp,
}

impl fmt::Display for Mute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} until {}", self.by, self.until)
    }
}
