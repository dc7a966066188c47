//! What a decision did to an incident, in the words of its history. Pure.

use crate::domain::decision::{Decision, Outcome};
use crate::domain::incident::{Incident, IncidentState, Owed};
use crate::domain::severity::Severity;

/// What a decision did to the incident, for its history. One that is overdue opens even as a
/// part of it clears, and may recover in the same step.
pub(super) fn transitions(
    decision: &Decision,
    incident: &Incident,
    event_id: &str,
) -> Vec<(&'static str, String)> {
    let opens = decision.owed.contains(&Owed::Create) && decision.outcome != Outcome::Opened;
    let opened = opens.then(|| ("opened", format!("event {event_id}")));
    let last = transition(decision.outcome, incident, event_id);
    let raised = decision.owed.iter().filter_map(|owed| match owed {
        Owed::Raised { from } => Some(("severity raised", raise(*from, incident, event_id))),
        _ => None,
    });
    opened.into_iter().chain(last).chain(raised).collect()
}

fn raise(from: Severity, incident: &Incident, event_id: &str) -> String {
    format!("from {from} to {} (event {event_id})", incident.severity)
}

fn transition(
    outcome: Outcome,
    incident: &Incident,
    event_id: &str,
) -> Option<(&'static str, String)> {
    let because = || format!("event {event_id}");
    match outcome {
        Outcome::Opened => Some(("opened", because())),
        Outcome::Suppressed(reason) if incident.occurrences == 1 => {
            let silence = incident.silence.as_ref();
            let more = silence.map_or_else(String::new, |silence| format!(": {silence}"));
            let cause = format!("{} ({}{more})", because(), reason.as_str());
            Some(("pending", cause))
        }
        Outcome::Relapsed => Some(("breaching again", because())),
        Outcome::Commented => Some(("comment owed", because())),
        Outcome::Recovered => Some((
            if incident.state == IncidentState::Closed {
                "closed"
            } else {
                "recovered"
            },
            incident.clear_since.map_or_else(
                || "no breach heard for quiet_after".to_owned(),
                |since| format!("clear since {since}"),
            ),
        )),
        _ => None,
    }
}
