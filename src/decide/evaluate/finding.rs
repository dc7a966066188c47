//! The findings of the rules in one event.

use super::ticket_values::TicketValues;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::{Evaluation, Verdict};
use crate::rules::Routed;

/// The finding of one rule in one signal.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// The rule's place among the settings' rules.
    pub(crate) rule: usize,
    pub(crate) key: IncidentKey,
    /// The signal as the rule evaluates it.
    pub(crate) evaluation: Evaluation,
    /// By its name in the settings, such as `high`.
    pub(crate) severity: String,
    /// Only a breach changes the values that a ticket shows.
    pub(crate) breach: Option<Breach>,
    /// The outage that a breach counts for, as its key.
    pub(crate) group: Option<IncidentKey>,
    pub(crate) timeliness: Timeliness,
}

/// Whether something newer than the signal is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeliness {
    /// The state of its entity tells that it is the newest.
    Newest,
    /// Nothing was known of its entity; an incident may know more.
    Unknown,
    /// The state of its entity is newer.
    Late,
    /// It was older than the source's `max_age` when it was received.
    Stale,
}

/// A rule that had no finding in a signal.
#[derive(Debug, Clone)]
pub(crate) struct RuleWithoutFinding {
    /// The rule's place among the settings' rules.
    pub(crate) rule: usize,
    /// The status that neither a rule nor the catalogue knows; `None`: a value is missing that the
    /// rule reads.
    pub(crate) unknown_status: Option<String>,
}

/// A rule that could not be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The rule's place among the settings' rules.
    pub(crate) rule: usize,
    /// Begins with the path of the setting.
    pub(crate) problem: String,
}

/// The values that a ticket is written from, and the targets that it may be opened in.
#[derive(Debug, Clone)]
pub(crate) struct Breach {
    /// The values that templates see.
    pub(crate) values: TicketValues,
    /// The targets that the ticket may be opened in.
    pub(crate) routed: Routed,
}

/// The result of evaluating one event.
#[derive(Debug, Clone)]
pub(crate) enum Evaluated {
    /// At least one rule evaluates events of this type.
    Findings {
        /// Breaches, clears, and readings inside the hysteresis.
        findings: Vec<Finding>,
        /// Rules without a finding.
        without_finding: Vec<RuleWithoutFinding>,
        /// Rules that failed.
        faults: Vec<Fault>,
    },
    /// No rule applies to such an event, for example a heartbeat.
    Nothing(&'static str),
    /// It goes to a person, for this reason.
    Review(String),
}

impl Evaluated {
    /// Whether a rule found a breach.
    pub(crate) fn is_breach(&self) -> bool {
        match self {
            Self::Findings { findings, .. } => findings
                .iter()
                .any(|one| one.evaluation.verdict == Verdict::Breach),
            Self::Nothing(_) | Self::Review(_) => false,
        }
    }
}
