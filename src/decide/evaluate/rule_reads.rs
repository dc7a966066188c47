//! What the rules read, all together: only that is kept of an entity.

use std::collections::HashSet;

use crate::domain::signal::Signal;
use crate::normalise::{WAIT_TIME, is_known_status};
use crate::rules::Expression;
use crate::settings::{RuleSettings, Settings};

#[derive(Debug)]
pub(super) struct RuleReads {
    /// Metrics that some rule reads.
    metrics: HashSet<String>,
    /// Texts in expressions that read the status.
    statuses: HashSet<String>,
}

impl RuleReads {
    pub(super) fn of(settings: &Settings) -> Self {
        let mut reads = Self {
            metrics: HashSet::new(),
            statuses: HashSet::new(),
        };
        for expression in settings.rules.iter().flat_map(expressions) {
            reads
                .metrics
                .extend(metrics_of(expression).map(str::to_owned));
            if expression.reads().status() {
                reads.statuses.extend(expression.reads().texts.clone());
            }
        }
        reads
    }

    pub(super) fn metric(&self, name: &str) -> bool {
        self.metrics.contains(name)
    }

    /// Whether it is known what the status of `signal` means, as far as `rule` reads it.
    pub(super) fn knows_status_of(&self, rule: &RuleSettings, signal: &Signal) -> bool {
        let reads_status = verdict_expressions(rule).any(|one| one.reads().status());
        let status = signal.text("status").filter(|_| reads_status);
        status.is_none_or(|status| {
            self.statuses.contains(status) || is_known_status(&signal.event_type, status)
        })
    }
}

/// The expressions that give the verdict of `rule`.
pub(super) fn verdict_expressions(rule: &RuleSettings) -> impl Iterator<Item = &Expression> {
    [&rule.when].into_iter().chain(&rule.clear)
}

/// Every expression of `rule`.
pub(super) fn expressions(rule: &RuleSettings) -> impl Iterator<Item = &Expression> {
    let levels = rule.severity.levels.iter().map(|(_, level)| level);
    let routes = rule.targets.routes.iter().map(|route| &route.when);
    verdict_expressions(rule).chain(levels).chain(routes)
}

/// The metrics that `expression` reads. The field `wait_time_avg` is read from one.
pub(super) fn metrics_of(expression: &Expression) -> impl Iterator<Item = &str> {
    let reads = expression.reads();
    let wait = reads.names.contains("wait_time_avg").then_some(WAIT_TIME);
    reads.metrics.iter().map(String::as_str).chain(wait)
}
