//! What a person asks of an incident, and what follows from it. Pure.

use super::identity::TargetName;
use super::incident::{Incident, IncidentState};
use super::{flood, outage};

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentAction {
    /// It is over; its ticket is resolved.
    Close,
    /// A comment on its ticket.
    Note,
    /// Its ticket, whatever holds it back.
    OpenTicket,
    /// It goes on alone, without its outage.
    LeaveOutage,
    /// It becomes a member of the outage that is named.
    JoinOutage,
}

impl IncidentAction {
    const ALL: [Self; 5] = [
        Self::Close,
        Self::Note,
        Self::OpenTicket,
        Self::LeaveOutage,
        Self::JoinOutage,
    ];

    /// Stored, and a part of the names of audit entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Note => "note",
            Self::OpenTicket => "open_ticket",
            Self::LeaveOutage => "leave_outage",
            Self::JoinOutage => "join_outage",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// How far the ticket of an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketProgress {
    /// None is owed.
    None,
    /// Its create waits for its turn, and has certainly had no effect.
    Owed,
    /// Its create is a dead letter or parked, and has certainly had no effect.
    Stopped,
    /// Its create is being sent, or may have had an effect. `is_stopped`: it is a dead letter or parked.
    InDoubt {
        is_stopped: bool,
    },
    Exists,
    /// It is closed in the CRM, or gone.
    Over,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedStep {
    /// The incident is closed. `resolves`: its ticket is, or may be, there and is resolved.
    /// Otherwise what was owed to it is discarded.
    Close {
        resolves: bool,
    },
    /// A comment is enqueued.
    Note,
    /// A pending incident opens, and leaves its outage.
    Open,
    /// An open incident without a create gets one.
    Create,
    /// Its create, a dead letter or parked, is tried at once: looked up where it is in doubt, rendered
    /// again and sent.
    Replay,
    LeaveOutage,
    /// It becomes a member, if the outage takes it: [`why_it_cannot_join`].
    JoinOutage,
}

/// The step that follows from `action`, or why it cannot be done.
pub fn step_for(
    action: IncidentAction,
    incident: &Incident,
    ticket: TicketProgress,
) -> Result<RequestedStep, &'static str> {
    if incident.state == IncidentState::Closed {
        return Err("it is closed already");
    }
    let is_flood = flood::source_of(&incident.rule).is_some();
    match (action, ticket) {
        (IncidentAction::Close, _) if is_flood => Err(
            "it stands for what a flood holds: release or discard that (ringdown incidents release, discard)",
        ),
        (IncidentAction::Close, ticket) => Ok(RequestedStep::Close {
            resolves: matches!(
                ticket,
                TicketProgress::Exists | TicketProgress::InDoubt { .. }
            ),
        }),
        (IncidentAction::Note, TicketProgress::None) => {
            Err("it has no ticket that a note could be written to")
        }
        (IncidentAction::Note, TicketProgress::Over) => Err("its ticket is closed in the CRM"),
        (IncidentAction::Note, _) => Ok(RequestedStep::Note),
        (IncidentAction::OpenTicket, _) if is_flood => {
            Err("the ticket of a flood is opened by the flood alone")
        }
        (IncidentAction::OpenTicket, TicketProgress::None) => Ok(match incident.state {
            IncidentState::Pending => RequestedStep::Open,
            _ => RequestedStep::Create,
        }),
        (
            IncidentAction::OpenTicket,
            TicketProgress::Stopped | TicketProgress::InDoubt { is_stopped: true },
        ) => Ok(RequestedStep::Replay),
        (IncidentAction::OpenTicket, TicketProgress::Owed) => {
            Err("its ticket is owed already, and is created as soon as its target takes it")
        }
        (IncidentAction::OpenTicket, TicketProgress::InDoubt { is_stopped: false }) => Err(
            "its ticket may exist: its create was sent, and the outcome is not known yet; it is looked up first",
        ),
        (IncidentAction::OpenTicket, TicketProgress::Exists | TicketProgress::Over) => {
            Err("it has a ticket already, and never gets a second one")
        }
        (IncidentAction::LeaveOutage, _) => match incident.outage_id {
            Some(_) => Ok(RequestedStep::LeaveOutage),
            None => Err("it is part of no outage"),
        },
        (IncidentAction::JoinOutage, _) if is_flood || outage::is_outage(&incident.rule) => {
            Err("an outage or a flood cannot be part of an outage")
        }
        (IncidentAction::JoinOutage, _) => match (&incident.outage_id, incident.state) {
            (Some(_), _) => Err("it is part of an outage already; take it out of that first"),
            (None, IncidentState::Pending | IncidentState::Open) => Ok(RequestedStep::JoinOutage),
            (None, _) => Err("it has recovered; only what goes on can join an outage"),
        },
    }
}

/// Why `incident`, which goes on alone, cannot become a member of `outage`. Each with its target.
pub fn why_it_cannot_join(
    (incident, own): (&Incident, &TargetName),
    (outage, its): (&Incident, &TargetName),
) -> Option<&'static str> {
    match outage.state {
        _ if !outage::is_outage(&outage.rule) => Some("what it is to join is no outage"),
        IncidentState::Closed => Some("that outage is closed"),
        IncidentState::Recovered => Some("that outage has recovered"),
        _ if own != its => Some("the ticket of that outage is in another target"),
        _ if incident.silence.is_some() => {
            Some("it is silenced, and no outage counts it; end the silence first")
        }
        IncidentState::Pending | IncidentState::Open => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::identity::{IncidentId, IncidentKey};
    use crate::domain::incident::{Evaluation, Readings, Verdict};
    use crate::domain::time::Timestamp;

    fn incident(rule: &str, state: IncidentState) -> Incident {
        let now = Timestamp::from_millis(1_000);
        let heard = Evaluation {
            received_at: now,
            occurred_at: now,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: Readings::new(),
        };
        let key = IncidentKey::new(rule, "key");
        let opens_at = now.plus(Duration::from_secs(60));
        Incident {
            state,
            ..Incident::begin(IncidentId::new("i"), key, "high", &heard, opens_at)
        }
    }

    #[test]
    fn a_ticket_that_may_exist_is_never_opened_again() {
        for state in [IncidentState::Open, IncidentState::Recovered] {
            for ticket in [
                TicketProgress::Owed,
                TicketProgress::InDoubt { is_stopped: false },
                TicketProgress::Exists,
                TicketProgress::Over,
            ] {
                let asked = incident("queue-wait", state);
                assert!(step_for(IncidentAction::OpenTicket, &asked, ticket).is_err());
            }
        }
        let pending = incident("queue-wait", IncidentState::Pending);
        let opened = step_for(IncidentAction::OpenTicket, &pending, TicketProgress::None);
        assert_eq!(opened, Ok(RequestedStep::Open));
        let open = incident("queue-wait", IncidentState::Open);
        for stopped in [
            TicketProgress::Stopped,
            TicketProgress::InDoubt { is_stopped: true },
        ] {
            let replayed = step_for(IncidentAction::OpenTicket, &open, stopped);
            assert_eq!(replayed, Ok(RequestedStep::Replay));
        }
    }

    #[test]
    fn a_ticket_is_resolved_when_it_is_or_may_be_there() {
        let open = incident("queue-wait", IncidentState::Open);
        for (ticket, resolves) in [
            (TicketProgress::None, false),
            (TicketProgress::Owed, false),
            (TicketProgress::Stopped, false),
            (TicketProgress::InDoubt { is_stopped: true }, true),
            (TicketProgress::Exists, true),
            (TicketProgress::Over, false),
        ] {
            assert_eq!(
                step_for(IncidentAction::Close, &open, ticket),
                Ok(RequestedStep::Close { resolves })
            );
        }
    }

    #[test]
    fn what_is_over_or_stands_for_a_flood_is_refused() {
        let closed = incident("queue-wait", IncidentState::Closed);
        for action in IncidentAction::ALL {
            assert!(step_for(action, &closed, TicketProgress::Exists).is_err());
        }
        let flood = incident("flood:genesys", IncidentState::Open);
        assert!(step_for(IncidentAction::Close, &flood, TicketProgress::Exists).is_err());
        let alone = incident("queue-wait", IncidentState::Open);
        assert!(step_for(IncidentAction::LeaveOutage, &alone, TicketProgress::None).is_err());
        assert!(step_for(IncidentAction::Note, &alone, TicketProgress::None).is_err());
        assert!(step_for(IncidentAction::JoinOutage, &flood, TicketProgress::None).is_err());
    }

    #[test]
    fn only_what_goes_on_alone_joins_an_outage() {
        let asked = |incident: &Incident| {
            step_for(IncidentAction::JoinOutage, incident, TicketProgress::Exists)
        };
        for state in [IncidentState::Pending, IncidentState::Open] {
            let alone = incident("queue-wait", state);
            assert_eq!(asked(&alone), Ok(RequestedStep::JoinOutage));
            let member = Incident {
                outage_id: Some(IncidentId::new("o")),
                ..alone
            };
            assert!(asked(&member).unwrap_err().contains("already"));
        }
        assert!(asked(&incident("queue-wait", IncidentState::Recovered)).is_err());
        assert!(asked(&incident("outage:site", IncidentState::Open)).is_err());
    }

    #[test]
    fn an_outage_takes_what_goes_on_in_its_target_while_it_goes_on_itself() {
        let [crm, other] = ["crm", "other"].map(TargetName::new);
        let open = incident("queue-wait", IncidentState::Open);
        let outage = |state| incident("outage:site", state);
        let refusal = |outage: &Incident| why_it_cannot_join((&open, &crm), (outage, &crm));
        assert_eq!(refusal(&outage(IncidentState::Pending)), None);
        assert_eq!(refusal(&outage(IncidentState::Open)), None);
        for over in [IncidentState::Recovered, IncidentState::Closed] {
            assert!(refusal(&outage(over)).is_some());
        }
        assert!(refusal(&incident("queue-wait", IncidentState::Open)).is_some());
        let going_on = outage(IncidentState::Open);
        let elsewhere = why_it_cannot_join((&open, &crm), (&going_on, &other));
        assert!(elsewhere.is_some_and(|why| why.contains("another target")));
    }
}
