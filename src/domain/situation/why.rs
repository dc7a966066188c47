//! Why an event opened no ticket, and what became of an incident: one sentence each.

use crate::domain::decision::SignalOutcome;
use crate::domain::incident::Suppression;

/// What is known about the ticket of an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketFact {
    pub target: String,
    /// Its number, or its id; `None` when there is none yet.
    pub number: Option<String>,
    /// The CRM's own state.
    pub state: Option<String>,
    pub is_closed: bool,
    /// Why there is none.
    pub missing: Option<String>,
}

/// The decision of one rule on an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    pub rule: String,
    pub outcome: String,
    /// More about it, such as the end of a lock.
    pub detail: Option<String>,
    /// The name of what the incident is about, and its ticket.
    pub incident: Option<(String, TicketFact)>,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventFate {
    /// It is stored, and not decided yet.
    Undecided,
    /// It was not understood.
    Review {
        id: String,
        reason: String,
        state: String,
    },
    /// By each rule that said something.
    Decided(Vec<RuleVerdict>),
}

/// Why the event opened no ticket, or that it did.
pub fn why_event(fate: &EventFate) -> String {
    match fate {
        EventFate::Undecided => "Not decided yet: it is stored, and waits for its turn.".to_owned(),
        EventFate::Review { id, reason, state } => format!(
            "No ticket: the event was not understood ({reason}). Review item {id} is {state}."
        ),
        EventFate::Decided(verdicts) => verdicts.iter().max_by_key(|one| weight(one)).map_or_else(
            || {
                "No ticket: no rule said anything about it. No rule looks at its type, or it does \
                 not carry what the rules read; `ringdown explain` shows each rule."
                    .to_owned()
            },
            verdict,
        ),
    }
}

/// The verdict that says most stands first.
fn weight(verdict: &RuleVerdict) -> u8 {
    use SignalOutcome as O;
    match O::from_name(&verdict.outcome) {
        Some(O::Opened) => 5,
        Some(O::Commented | O::Raised | O::Relapsed | O::Flapping) => 4,
        Some(O::Suppressed(_)) => 3,
        Some(O::Recovered | O::Clearing | O::FlappingHeld) => 2,
        _ => 1,
    }
}

fn verdict(one: &RuleVerdict) -> String {
    use SignalOutcome as O;
    let RuleVerdict { rule, incident, .. } = one;
    let name = incident.as_ref().map_or("its key", |(name, _)| name);
    let ticket = incident
        .as_ref()
        .map_or_else(String::new, |(_, fact)| format!("; {}", ticket(fact)));
    let detail = one
        .detail
        .as_ref()
        .map_or_else(String::new, |detail| format!(" ({detail})"));
    let Some(outcome) = O::from_name(&one.outcome) else {
        return format!("Rule {rule} decided {:?}{detail}{ticket}.", one.outcome);
    };
    match outcome {
        O::Opened => format!("It opened the incident of {name}, by rule {rule}{ticket}."),
        O::Commented => format!("It was written to the ticket of {name} as a comment{ticket}."),
        O::Raised => format!("It raised the severity of {name}{ticket}."),
        O::Relapsed => format!("{name} breaches again; its incident goes on{ticket}."),
        O::Flapping => format!("{name} comes and goes; its incident is held open{ticket}."),
        O::Suppressed(reason) => suppressed(reason, one, &detail, &ticket),
        O::Recovered => format!("It ended the trouble of {name}{ticket}."),
        O::Clearing => format!("A part of {name} is clear{detail}{ticket}."),
        O::FlappingHeld => {
            format!("{name} is clear, but it comes and goes: it is held open{ticket}.")
        }
        O::InHysteresis => format!(
            "No ticket: for rule {rule} it is neither a breach nor clear, and changes nothing."
        ),
        O::Counted => format!(
            "No ticket yet: it matches rule {rule}, which needs further matches for {name}{detail}."
        ),
        O::OutOfOrder => format!("No effect: a newer event about {name} was known already."),
        O::OtherSource => {
            format!("No effect: it is clear, but its source has reported no breach of {name}.")
        }
        O::AllWell => {
            format!("No ticket: by rule {rule} all is well{detail}, and no incident is open.")
        }
    }
}

/// A breach that wrote nothing.
fn suppressed(reason: Suppression, one: &RuleVerdict, detail: &str, ticket: &str) -> String {
    let RuleVerdict { rule, incident, .. } = one;
    let name = incident.as_ref().map_or("its key", |(name, _)| name);
    match reason {
        Suppression::ActiveIncident => {
            format!("No new ticket: {name} was in trouble already{detail}{ticket}.")
        }
        Suppression::BurstLock => format!(
            "No ticket at once: the burst lock of the last ticket of {name} held{detail}{ticket}."
        ),
        Suppression::Stale => {
            format!("No ticket: it was older when received than its source allows{detail}.")
        }
        Suppression::Silenced => format!("No ticket: {name} is silenced{detail}{ticket}."),
        Suppression::Outage => {
            format!("No ticket of its own: an outage stands for {name}{detail}{ticket}.")
        }
        Suppression::Pending => format!(
            "No ticket at once: {name} had not lasted long enough for rule {rule}{detail}{ticket}."
        ),
        Suppression::Flood => format!(
            "No ticket: the source begins too many incidents, and {name} is held until a person \
             releases it{detail}."
        ),
    }
}

/// Where an incident about `name` stands, with its ticket. `waits` is why its ticket waits.
pub fn why_incident(name: &str, state: &str, waits: Option<&str>, fact: &TicketFact) -> String {
    match (state, waits) {
        ("pending", waits) => format!(
            "No ticket for {name}: {}.",
            waits.unwrap_or("it is not open yet")
        ),
        ("closed", _) if fact.number.is_none() => {
            format!("{name} is over, and never had a ticket.")
        }
        ("closed", _) => format!("{name} is over; {}.", ticket(fact)),
        ("recovered", _) => format!("{name} has recovered; {}.", ticket(fact)),
        _ if fact.number.is_none() => format!(
            "{name} is in trouble and has NO TICKET: {}.",
            fact.missing.as_deref().unwrap_or("none is owed")
        ),
        _ => format!("{name} is in trouble; {}.", ticket(fact)),
    }
}

fn ticket(fact: &TicketFact) -> String {
    let TicketFact {
        target,
        number,
        state,
        is_closed,
        missing,
    } = fact;
    match (number, missing) {
        (Some(number), _) if *is_closed => format!("ticket {number} in {target} is closed"),
        (Some(number), _) => match state {
            Some(state) => format!("ticket {number} in {target}, state {state}"),
            None => format!("ticket {number} in {target}"),
        },
        (None, Some(missing)) => format!("no ticket in {target}: {missing}"),
        (None, None) => "it has no ticket".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticketed() -> TicketFact {
        TicketFact {
            target: "servicenow".into(),
            number: Some("INC1".into()),
            state: Some("New".into()),
            ..TicketFact::default()
        }
    }

    fn decided(outcome: &str, detail: Option<&str>) -> RuleVerdict {
        RuleVerdict {
            rule: "queue-wait".into(),
            outcome: outcome.into(),
            detail: detail.map(str::to_owned),
            incident: Some(("Billing".into(), ticketed())),
        }
    }

    #[test]
    fn the_answer_begins_with_whether_there_is_a_ticket() {
        let fate = EventFate::Decided(vec![
            decided("all_well", None),
            decided("active_incident", Some("burst lock until 14:05")),
        ]);
        assert_eq!(
            why_event(&fate),
            "No new ticket: Billing was in trouble already (burst lock until 14:05); \
             ticket INC1 in servicenow, state New."
        );
        let opened = EventFate::Decided(vec![decided("opened", None)]);
        assert!(why_event(&opened).starts_with("It opened the incident of Billing"));
    }

    #[test]
    fn every_outcome_has_a_sentence_of_its_own() {
        let all = [
            "opened",
            "active_incident",
            "burst_lock",
            "silenced",
            "outage",
            "pending",
            "flood",
            "commented",
            "raised",
            "relapsed",
            "flapping",
            "flapping_held",
            "clearing",
            "recovered",
            "between",
            "out_of_order",
            "other_source",
            "all_well",
        ];
        let mut told: Vec<String> = all.iter().map(|one| verdict(&decided(one, None))).collect();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), all.len());
        assert!(told.iter().all(|text| text.ends_with('.')));
    }

    #[test]
    fn an_event_without_a_decision_says_why() {
        assert!(why_event(&EventFate::Decided(Vec::new())).contains("no rule said anything"));
        let review = EventFate::Review {
            id: "7".into(),
            reason: "/metrics: missing".into(),
            state: "open".into(),
        };
        assert_eq!(
            why_event(&review),
            "No ticket: the event was not understood (/metrics: missing). Review item 7 is open."
        );
    }

    #[test]
    fn an_incident_says_where_its_ticket_is_or_why_there_is_none() {
        let dead = TicketFact {
            target: "salesforce".into(),
            missing: Some("a person is needed: dead letter 29".into()),
            ..TicketFact::default()
        };
        assert_eq!(
            why_incident("Billing", "open", None, &dead),
            "Billing is in trouble and has NO TICKET: a person is needed: dead letter 29."
        );
        assert_eq!(
            why_incident("Billing", "pending", Some("silenced by ops"), &dead),
            "No ticket for Billing: silenced by ops."
        );
        assert_eq!(
            why_incident("Billing", "open", None, &ticketed()),
            "Billing is in trouble; ticket INC1 in servicenow, state New."
        );
    }
}
