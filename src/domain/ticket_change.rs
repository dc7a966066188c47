//! What a change of a ticket in the CRM does to the incident that owns it.
//!
//! Owns when a sighting of a ticket counts as newer, and what follows from it. Pure: what was
//! seen and what is known go in, what to keep comes out. May import: `domain` only.

use super::incident::{Incident, IncidentState};
use super::ticket::Ticket;
use super::time::Timestamp;

/// A version of a ticket: the count of its changes where the CRM has one, and the CRM's own
/// stamp of the last. The count goes first: stamps have a resolution of one second, and the
/// CRM's clock can be set back. Never compared with a time of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TicketVersion {
    /// How often it had been changed; 0 where the CRM does not count.
    pub changes: u64,
    /// When the ticket was last changed, by the CRM's clock.
    pub changed_at: Timestamp,
}

/// Whether the record is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Here,
    /// It was deleted.
    Deleted,
    /// It was merged into the ticket with this record id or number.
    MergedInto(String),
}

/// A ticket as the CRM shows it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The CRM's record id.
    pub ticket_id: String,
    /// The incident whose key the ticket carries, where it carries one.
    pub incident_id: Option<String>,
    /// Which version was seen; `None` for a record that is gone and has none any more.
    pub version: Option<TicketVersion>,
    /// Who changed it last, where the CRM says so.
    pub changed_by: Option<String>,
    /// Whether it is still there.
    pub presence: Presence,
    /// What it says.
    pub face: TicketFace,
}

/// What people see of a ticket. A field that could not be read is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketFace {
    /// The number people use.
    pub number: Option<String>,
    /// Where a person opens it.
    pub url: Option<String>,
    /// The CRM's own state.
    pub state: Option<String>,
    /// Whether the CRM counts it as resolved or closed.
    pub closed: bool,
    /// The CRM's own priority.
    pub priority: Option<String>,
    /// Who works on it: a person, a group or a queue.
    pub assignee: Option<String>,
}

impl From<Ticket> for TicketFace {
    /// Priority and assignee are not known from a ticket alone.
    fn from(ticket: Ticket) -> Self {
        Self {
            number: ticket.number,
            url: Some(ticket.url),
            state: ticket.state,
            closed: ticket.closed,
            priority: None,
            assignee: None,
        }
    }
}

impl Sighting {
    /// A ticket that is there, of which nothing more is known than what it says.
    pub fn of(ticket: Ticket) -> Self {
        Self {
            ticket_id: ticket.id.clone(),
            incident_id: None,
            version: None,
            changed_by: None,
            presence: Presence::Here,
            face: ticket.into(),
        }
    }
}

/// What is known of an incident's ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownTicket {
    /// The version last seen.
    pub version: Option<TicketVersion>,
    /// What it said.
    pub face: TicketFace,
    /// `deleted` or `merged into …`, once it is gone.
    pub fate: Option<String>,
}

/// What a sighting was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// A newer version is known: nothing changes.
    Older,
    /// Nothing differs from what is known.
    Same,
    /// Something differs, and the incident goes on.
    Noted,
    /// The incident is closed with its ticket.
    Closed,
}

impl Followed {
    /// A stable name, counted and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Same => "same",
            Self::Noted => "noted",
            Self::Closed => "closed",
        }
    }
}

/// What follows from a sighting. The caller keeps all of it in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// What the sighting was.
    pub followed: Followed,
    /// Entries for the history: what happened and why.
    pub history: Vec<(String, String)>,
    /// Whether the key's burst lock ends now, so that the next breach opens a ticket.
    pub frees_lock: bool,
    /// Whether what is still owed to the ticket is owed no longer.
    pub ends_deliveries: bool,
}

impl Consequence {
    fn nothing(followed: Followed) -> Self {
        Self {
            followed,
            history: Vec::new(),
            frees_lock: false,
            ends_deliveries: false,
        }
    }
}

/// Takes `seen` in, changing `incident` and `known`. `closes` is what the target's settings
/// say about a ticket that a person has closed; a ticket that is gone closes its incident
/// whatever they say, because nothing can be written to it any more.
pub fn follow(
    incident: &mut Incident,
    known: &mut KnownTicket,
    seen: &Sighting,
    closes: bool,
    now: Timestamp,
) -> Consequence {
    if is_older(known, seen) {
        return Consequence::nothing(Followed::Older);
    }
    let by = seen
        .changed_by
        .as_deref()
        .map_or_else(String::new, |who| format!(" by {who}"));
    let at = seen
        .version
        .map_or_else(String::new, |version| format!(" at {}", version.changed_at));
    let before = known.clone();
    let was_over = incident.state == IncidentState::Closed;
    take_in(known, seen);

    let mut then = Consequence::nothing(Followed::Same);
    then.history = differences(&before.face, &known.face, &format!("{by}{at}"));
    if known.fate != before.fate
        && let Some(fate) = &known.fate
    {
        then.history
            .push((format!("ticket {fate}"), format!("in the CRM{by}{at}")));
    }
    let over = known.fate.is_some() || (known.face.closed && closes);
    // Our own resolution never gets here: it is owed by an incident that is closed already.
    if over && !was_over {
        let (what, cause) = match &known.fate {
            Some(fate) => ("closed", format!("ticket {fate}")),
            None => (
                "closed",
                format!(
                    "ticket closed in the CRM{by}{at}, state {}",
                    known.face.state.as_deref().unwrap_or("unknown")
                ),
            ),
        };
        incident.close_by_people(now);
        then.history.push((what.to_owned(), cause));
        then.frees_lock = true;
        then.followed = Followed::Closed;
    } else if *known != before {
        then.followed = Followed::Noted;
    }
    // What an incident that is over still owes is moot once the ticket is as it would have it.
    then.ends_deliveries = over;
    then
}

/// Versions only grow. A ticket that is gone stays gone for what was seen before it went.
fn is_older(known: &KnownTicket, seen: &Sighting) -> bool {
    match (known.version, seen.version) {
        (Some(known_version), Some(seen_version)) => {
            let returned = known.fate.is_some() && seen.presence == Presence::Here;
            seen_version < known_version || (returned && seen_version == known_version)
        }
        _ => false,
    }
}

fn take_in(known: &mut KnownTicket, seen: &Sighting) {
    let face = &seen.face;
    let keep = |old: &mut Option<String>, new: &Option<String>| {
        if new.is_some() {
            old.clone_from(new);
        }
    };
    keep(&mut known.face.number, &face.number);
    keep(&mut known.face.url, &face.url);
    keep(&mut known.face.state, &face.state);
    keep(&mut known.face.priority, &face.priority);
    keep(&mut known.face.assignee, &face.assignee);
    if seen.presence == Presence::Here {
        known.face.closed = face.closed;
    }
    if seen.version.is_some() {
        known.version = seen.version;
    }
    known.fate = match &seen.presence {
        Presence::Here => None,
        Presence::Deleted => Some("deleted".to_owned()),
        Presence::MergedInto(other) => Some(format!("merged into {other}")),
    };
}

/// What people want to read about: who has it, how urgent it is, whether it was opened again.
/// What is seen for the first time is no change.
fn differences(before: &TicketFace, after: &TicketFace, suffix: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut compare = |what: &str, old: &Option<String>, new: &Option<String>| {
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            found.push((
                format!("ticket {what}"),
                format!("from {old} to {new}{suffix}"),
            ));
        }
    };
    compare("reassigned", &before.assignee, &after.assignee);
    compare("priority changed", &before.priority, &after.priority);
    compare("number changed", &before.number, &after.number);
    if before.closed && !after.closed {
        let state = after.state.as_deref().unwrap_or("unknown");
        found.push((
            "ticket reopened".to_owned(),
            format!("state {state}{suffix}"),
        ));
    }
    found
}

#[cfg(test)]
#[path = "ticket_change_tests.rs"]
mod tests;
