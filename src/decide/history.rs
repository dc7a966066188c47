//! What a decision did to an incident, in the words of its history. Pure.

use crate::domain::decision::{Decision, Suppression};
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;
use crate::domain::transition::{Closing, Recovering, Transition};
use crate::store::{HistoryEntry, Reference};

/// What a decision at `now`, about the event `event_id`, did to the incident.
pub(super) fn entries(
    decision: &Decision,
    incident: &Incident,
    event_id: &str,
    now: Timestamp,
) -> Vec<HistoryEntry> {
    let transitions = decision.transitions.iter();
    transitions
        .map(|transition| {
            let (what, cause) = words(*transition, incident);
            let by_event = caused_by_event(*transition).then_some(event_id);
            HistoryEntry {
                incident_id: incident.id.clone(),
                at: now,
                what: what.to_owned(),
                cause: match (by_event, cause.is_empty()) {
                    (None, _) => cause,
                    (Some(id), true) => format!("event {id}"),
                    (Some(id), false) => format!("{cause} (event {id})"),
                },
                refers: Reference::event(by_event),
            }
        })
        .collect()
}

/// An entry for an incident that is closed by something else than a decision about itself.
pub(super) fn closed(incident: &Incident, cause: String, now: Timestamp) -> HistoryEntry {
    HistoryEntry {
        incident_id: incident.id.clone(),
        at: now,
        what: "closed".to_owned(),
        cause,
        refers: Reference::default(),
    }
}

const fn caused_by_event(transition: Transition) -> bool {
    match transition {
        Transition::Pending(_)
        | Transition::Opened
        | Transition::Relapsed
        | Transition::Flapping
        | Transition::Raised { .. }
        | Transition::Commented => true,
        Transition::Calm | Transition::Recovered(_) | Transition::Closed(_) => false,
    }
}

fn words(transition: Transition, incident: &Incident) -> (&'static str, String) {
    let nothing = String::new;
    match transition {
        Transition::Pending(reason) => ("pending", waits(reason, incident)),
        Transition::Opened => ("opened", nothing()),
        Transition::Relapsed => ("breaching again", nothing()),
        Transition::Flapping => ("flapping", flaps(incident)),
        Transition::Raised { from } => (
            "severity raised",
            format!("from {from} to {}", incident.severity),
        ),
        Transition::Commented => ("comment owed", nothing()),
        Transition::Calm => ("calm", calm(incident)),
        Transition::Recovered(why) => ("recovered", recovering(why)),
        Transition::Closed(Closing::Resolved) => {
            ("closed", "its ticket is resolved with the recovery".into())
        }
        Transition::Closed(Closing::StayedWell) => (
            "closed",
            "no breach for quiet_after since the recovery".into(),
        ),
        Transition::Closed(Closing::NeverOpened(why)) => (
            "closed",
            format!("{}, before it had a ticket", recovering(why)),
        ),
    }
}

fn waits(reason: Suppression, incident: &Incident) -> String {
    if let Some(silence) = &incident.silence {
        return format!("silenced: {silence}");
    }
    match incident.opens_at {
        Some(until) => format!("{} until {until}", reason.as_str()),
        None => reason.as_str().to_owned(),
    }
}

fn flaps(incident: &Incident) -> String {
    incident.flapping.map_or_else(String::new, |flapping| {
        format!("began {} times since {}", flapping.times, flapping.first_at)
    })
}

fn calm(incident: &Incident) -> String {
    incident.flapping.map_or_else(String::new, |flapping| {
        format!(
            "flapped since {}, began {} times",
            flapping.since, flapping.times
        )
    })
}

fn recovering(why: Recovering) -> String {
    match why {
        Recovering::Clear { since } => format!("clear since {since}"),
        Recovering::Quiet => "no breach heard for quiet_after".to_owned(),
    }
}
