//! A silence, and the silences and windows that are in force at a time.

use std::sync::Arc;

use super::matcher::Matcher;
use crate::domain::time::Timestamp;

/// A matcher and a time span in which no ticket is opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    pub id: String,
    /// All of them must hold.
    pub matchers: Arc<[Matcher]>,
    pub starts_at: Timestamp,
    /// Exclusive.
    pub ends_at: Timestamp,
}

impl Silence {
    pub fn in_force(&self, at: Timestamp) -> Option<InForce<'_>> {
        (self.starts_at <= at && at < self.ends_at).then_some(InForce {
            what: "silence",
            name: &self.id,
            matchers: &self.matchers,
            until: self.ends_at,
        })
    }
}

/// A silence or a maintenance window that is in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InForce<'a> {
    /// `silence` or `maintenance window`.
    pub what: &'static str,
    /// Its id or name.
    pub name: &'a str,
    /// All of them must hold.
    pub matchers: &'a [Matcher],
    pub until: Timestamp,
}
