//! The severity of an incident: five levels, in order.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Ordered: the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a record.
    Info,
    /// A nuisance.
    Low,
    /// Some service is worse.
    Medium,
    /// Service is bad.
    High,
    /// Service is out.
    Critical,
}

impl Severity {
    pub const WORST_FIRST: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// Its name in the settings, on tickets and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::WORST_FIRST
            .into_iter()
            .find(|level| level.as_str() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_are_ordered_as_people_mean_them() {
        assert!(Severity::WORST_FIRST.windows(2).all(|two| two[0] > two[1]));
        assert_eq!(Severity::from_name("critical"), Some(Severity::Critical));
        assert_eq!(Severity::from_name("Critical"), None);
    }
}
