//! The findings of the rules in one event.

use crate::domain::identity::IncidentKey;
use crate::domain::incident::Evaluation;
use crate::rules::Routed;
use crate::rules::TemplateContext;

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
}

/// The values that a ticket is written from, and the targets that it may be opened in.
#[derive(Debug, Clone)]
pub(crate) struct Breach {
    /// The values that templates see.
    pub(crate) context: TemplateContext,
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
        /// Rules that read a value which the event lacks.
        silent: Vec<usize>,
    },
    /// No rule applies to such an event, for example a heartbeat.
    Nothing(&'static str),
    /// It goes to a person, for this reason.
    Review(String),
}
