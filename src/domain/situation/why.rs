//! Why an event opened no ticket, and what became of an incident: one sentence each.

use super::OutageFact;
use super::ticket_state;
use super::unmet::{RuleSight, why_no_rule};
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
    /// Fields that the CRM refused, so that the ticket lacks them.
    pub lacks: Vec<String>,
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
    /// The outage that stands for the incident.
    pub outage: Option<OutageFact>,
}

/// An event that no rule spoke of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unspoken {
    pub source: String,
    /// The type that rules name.
    pub event_type: Option<String>,
    /// Why it means nothing for any rule.
    pub nothing: Option<String>,
    /// What each rule makes of it.
    pub sights: Vec<RuleSight>,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq)]
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
    /// No rule said anything.
    Unspoken(Unspoken),
}

/// Why the event opened no ticket, or that it did.
pub fn why_event(fate: &EventFate) -> String {
    match fate {
        EventFate::Undecided => "Not decided yet: it is stored, and waits for its turn.".to_owned(),
        EventFate::Review { id, reason, state } => {
            let now = match state.as_str() {
                "open" => "waits for a person".to_owned(),
                other => format!("is {other}"),
            };
            format!("No ticket: the event was not understood ({reason}). Review item {id} {now}.")
        }
        EventFate::Decided(verdicts) => {
            let most = verdicts.iter().max_by_key(|one| weight(one));
            most.map_or_else(|| unspoken(&Unspoken::default()), verdict)
        }
        EventFate::Unspoken(event) => unspoken(event),
    }
}

fn unspoken(event: &Unspoken) -> String {
    match &event.nothing {
        Some(why) => format!("No ticket: {why}."),
        None => why_no_rule(&event.sights, event.event_type.as_deref(), &event.source),
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
        O::Clearing => format!(
            "No new ticket: it says that {name}, or a part of it, is clear again. The incident \
             recovers when all of it stays clear{ticket}."
        ),
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
        O::DecidedBefore => {
            format!("No effect: rule {rule} had decided on it before it was reprocessed.")
        }
    }
}

/// A breach that wrote nothing.
fn suppressed(reason: Suppression, one: &RuleVerdict, detail: &str, ticket: &str) -> String {
    let RuleVerdict {
        rule,
        incident,
        outage,
        ..
    } = one;
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
        Suppression::Outage => match outage {
            Some(outage) => format!("No ticket of its own: {}.", outage.stands_for(name)),
            None => format!(
                "No ticket at once: {name} was held, because it could have become part of an \
                 outage{ticket}."
            ),
        },
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
            format!("The incident of {name} is closed, and never had a ticket.")
        }
        ("closed", _) => format!("The incident of {name} is closed; {}.", ticket(fact)),
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
        lacks,
    } = fact;
    let mut text = match (number, missing) {
        (Some(number), _) if *is_closed => {
            return format!("ticket {number} in {target} is closed");
        }
        (Some(number), _) => match state {
            Some(state) => format!("ticket {number} in {target}, state {}", ticket_state(state)),
            None => format!("ticket {number} in {target}"),
        },
        (None, Some(missing)) => return format!("no ticket in {target}: {missing}"),
        (None, None) => return "it has no ticket".to_owned(),
    };
    if !lacks.is_empty() {
        let lacks = lacks.join(" and ");
        text.push_str(&format!(", incomplete: {target} refused {lacks}"));
    }
    text
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
            outage: None,
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
            "decided_before",
        ];
        let mut told: Vec<String> = all.iter().map(|one| verdict(&decided(one, None))).collect();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), all.len());
        assert!(told.iter().all(|text| text.ends_with('.')));
    }

    #[test]
    fn an_event_without_a_decision_says_why() {
        let heartbeat = Unspoken {
            nothing: Some("a heartbeat says nothing about trouble".into()),
            ..Unspoken::default()
        };
        assert_eq!(
            why_event(&EventFate::Unspoken(heartbeat)),
            "No ticket: a heartbeat says nothing about trouble."
        );
        let review = EventFate::Review {
            id: "7".into(),
            reason: "/metrics: missing".into(),
            state: "open".into(),
        };
        assert_eq!(
            why_event(&review),
            "No ticket: the event was not understood (/metrics: missing). Review item 7 waits for a person."
        );
    }

    #[test]
    fn an_outage_is_named_with_its_ticket_and_a_mere_hold_is_none() {
        let held = decided("outage", None);
        assert_eq!(
            verdict(&held),
            "No ticket at once: Billing was held, because it could have become part of an outage; \
             ticket INC1 in servicenow, state New."
        );
        let member = RuleVerdict {
            outage: Some(OutageFact {
                name: "site Berlin".into(),
                ticket: Some("INC2 in servicenow".into()),
            }),
            ..held
        };
        assert_eq!(
            verdict(&member),
            "No ticket of its own: the outage site Berlin stands for Billing, with ticket INC2 in \
             servicenow."
        );
    }

    #[test]
    fn a_ticket_that_lacks_a_field_says_so() {
        let fact = TicketFact {
            lacks: vec!["assignment_group".into()],
            ..ticketed()
        };
        assert_eq!(
            why_incident("Billing", "open", None, &fact),
            "Billing is in trouble; ticket INC1 in servicenow, state New, incomplete: servicenow \
             refused assignment_group."
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
