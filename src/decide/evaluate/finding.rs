//! The findings of the rules in one event.

use std::sync::Arc;

use super::rule_reads::verdict_expressions;
use super::ticket_values::TicketValues;
use crate::domain::identity::IncidentKey;
use crate::domain::incident::part;
use crate::domain::incident::{Evaluation, Verdict};
use crate::domain::signal::Signal;
use crate::rules::Routed;
use crate::settings::RuleSettings;
use crate::store::JournalEvent;

/// What a rule has found in one signal, as little as can be: most findings are that all is well, and
/// each event has one for each rule.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The rule's place among the settings' rules.
    pub(crate) rule: usize,
    pub(crate) key: IncidentKey,
    pub(crate) verdict: Verdict,
    pub(crate) timeliness: Timeliness,
    /// The signal as the rule sees it.
    pub(super) signal: Arc<Signal>,
    pub(super) breach: Option<Box<FoundBreach>>,
}

/// What only a breach has.
#[derive(Debug, Clone)]
pub(super) struct FoundBreach {
    pub(super) severity: String,
    pub(super) breach: Breach,
    pub(super) group: Option<IncidentKey>,
}

impl Found {
    /// The whole finding. `rule` is its rule, and `event` the event that the signal came in.
    pub(crate) fn whole(self, rule: &RuleSettings, event: &JournalEvent) -> Finding {
        let evaluation = self.evaluation(rule, event);
        let (severity, breach, group) = match self.breach {
            Some(found) => (found.severity, Some(found.breach), found.group),
            None => (rule.severity.default.clone(), None, None),
        };
        Finding {
            rule: self.rule,
            key: self.key,
            evaluation,
            severity,
            breach,
            group,
            timeliness: self.timeliness,
        }
    }

    /// The signal as `rule` evaluated it.
    pub(crate) fn evaluation(&self, rule: &RuleSettings, event: &JournalEvent) -> Evaluation {
        let signal = &*self.signal;
        let levels = rule.severity.levels.iter().map(|(_, level)| level);
        let expressions = verdict_expressions(rule).chain(levels);
        let readings = expressions.flat_map(|one| one.readings(signal));
        Evaluation {
            received_at: event.received_at,
            occurred_at: signal.occurred_at,
            part: match rule.sources.is_empty() {
                true => part::of_source(&event.source, &signal.part),
                false => part::of_all(&signal.part),
            },
            verdict: self.verdict,
            readings: readings
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    pub(crate) const fn is_breach(&self) -> bool {
        self.breach.is_some()
    }

    /// The outage that a breach counts for, as its key.
    pub(crate) fn group(&self) -> Option<&IncidentKey> {
        self.breach.as_ref()?.group.as_ref()
    }
}

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
    /// The state of its entity is newer. The signal tells by itself how the entity stood at its time.
    Past,
    /// The signal was too old for the rule, or the state of its entity is newer and the signal tells only
    /// a part of it: how the entity stood at its time is not known.
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
        findings: Vec<Found>,
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
            Self::Findings { findings, .. } => findings.iter().any(Found::is_breach),
            Self::Nothing(_) | Self::Review(_) => false,
        }
    }
}
