//! Rules that could not be evaluated, or had nothing to say.

use super::changes::Changes;
use super::inputs::Inputs;
use crate::decide::evaluate::{Fault, RuleWithoutFinding};
use crate::store::JournalEvent;

/// Counts rules that failed, puts the event up for review, and logs each rule and reason once: a
/// mistake in the configuration shows in every event.
pub(super) fn note_faults(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    event: &JournalEvent,
    faults: Vec<Fault>,
) {
    if faults.is_empty() {
        return;
    }
    let mut problems: Vec<String> = Vec::new();
    for Fault { rule, problem } in faults {
        changes.count_signal(rule, "error");
        let name = inputs.settings.rules.get(rule).map(|rule| &rule.name);
        if inputs
            .log_once
            .is_first(name.map_or("", String::as_str), &problem)
        {
            tracing::error!(
                event_id = event.event_id,
                source = event.source.as_ref(),
                kind = "configuration_error",
                problem,
                "a rule cannot be evaluated; its events go to review, and the other rules go on. It is logged once"
            );
        }
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    let reason = format!("configuration error: {}", problems.join("; "));
    changes.review(event, reason);
}

/// Counts a rule without a finding. A status that nobody knows is logged once.
pub(super) fn note_without_finding(
    inputs: &Inputs<'_>,
    changes: &mut Changes,
    event: &JournalEvent,
    without_finding: &RuleWithoutFinding,
) {
    changes.count_signal(without_finding.rule, "none");
    let rule = inputs.settings.rules.get(without_finding.rule);
    let (Some(rule), Some(status)) = (rule, &without_finding.unknown_status) else {
        return;
    };
    if inputs
        .log_once
        .is_first(&rule.name, &format!("status {status}"))
    {
        tracing::warn!(
            event_id = event.event_id,
            source = event.source.as_ref(),
            rule = rule.name,
            status,
            "neither a rule nor the catalogue knows this status, so it is no recovery; name it in `clear` if it is one. It is logged once"
        );
    }
}
