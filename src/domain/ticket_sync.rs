//! The effect of a change of a ticket in the CRM on the incident that owns the ticket.
//!
//! Decides whether a snapshot of a ticket is newer than the stored one, and how the incident
//! changes.

use super::change_feed::ChangeMark;
use super::identity::IncidentId;
use super::incident::{Incident, IncidentState};
use super::ticket::Ticket;
use super::ticket_absence::NOT_SHOWN;
use super::time::Timestamp;

/// A version of a ticket: the number of its changes, where the CRM counts them, then the CRM's time
/// of the last one. The number comes first, because the times have a resolution of one second and
/// the CRM's clock can be set back. Never compared with a time of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TicketVersion {
    /// Number of changes; 0 where the CRM does not count them.
    pub changes: u64,
    /// The last change, by the CRM's clock.
    pub changed_at: Timestamp,
}

/// Whether the record still exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    Here,
    Deleted,
    /// The CRM has not shown it for so long that it counts as deleted; nothing says that it was.
    NotShown,
    /// It was merged into the ticket with this record id or number.
    MergedInto(String),
}

/// A ticket as the CRM shows it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketSnapshot {
    /// The CRM's record id.
    pub ticket_id: String,
    /// The incident whose key the ticket carries, if it carries one.
    pub incident_id: Option<IncidentId>,
    /// `None`: the record is gone and has no version any more.
    pub version: Option<TicketVersion>,
    /// The person who changed it last, where the CRM names one.
    pub changed_by: Option<String>,
    pub presence: Presence,
    pub details: TicketDetails,
}

/// The fields of a ticket that people look at. A field that could not be read is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketDetails {
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

impl From<Ticket> for TicketDetails {
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

impl TicketSnapshot {
    /// Its place in the order of changes.
    pub fn mark(&self) -> Option<ChangeMark> {
        Some(ChangeMark {
            at: self.version?.changed_at,
            id: Some(self.ticket_id.clone()),
        })
    }

    /// A ticket that is there, of which nothing more is known than what it says.
    pub fn of(ticket: Ticket) -> Self {
        Self {
            ticket_id: ticket.id.clone(),
            incident_id: None,
            version: None,
            changed_by: None,
            presence: Presence::Here,
            details: ticket.into(),
        }
    }
}

/// The stored data of an incident's ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredTicket {
    /// The newest version seen.
    pub version: Option<TicketVersion>,
    pub details: TicketDetails,
    /// How it was removed (`deleted`, `merged into …`, [`NOT_SHOWN`]), once it is gone.
    pub removal: Option<String>,
}

impl StoredTicket {
    /// Whether anything of it has ever been read. Otherwise it is known from an answer to its create
    /// alone.
    const fn was_read(&self) -> bool {
        let details = &self.details;
        self.version.is_some() || details.number.is_some() || details.state.is_some()
    }

    /// Whether nothing but its absence says that it is gone.
    pub fn is_not_shown(&self) -> bool {
        self.removal.as_deref() == Some(NOT_SHOWN)
    }
}

/// The effect of a snapshot of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeEffect {
    /// Nothing: a newer version is known.
    Older,
    /// Nothing: all is as stored.
    Same,
    /// The stored ticket; the incident continues.
    Noted,
    /// The incident was closed with its ticket.
    Closed,
}

impl ChangeEffect {
    /// Counted and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Same => "same",
            Self::Noted => "noted",
            Self::Closed => "closed",
        }
    }
}

/// The changes that follow from a snapshot. The caller stores all of them in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedChange {
    pub effect: ChangeEffect,
    /// Entries for the history: the change and its cause.
    pub history: Vec<(String, String)>,
    /// Whether the key's burst lock ends now, so that the next breach opens a ticket.
    pub frees_lock: bool,
    /// Whether the deliveries still enqueued for the ticket are dropped.
    pub ends_deliveries: bool,
}

impl AppliedChange {
    fn nothing(effect: ChangeEffect) -> Self {
        Self {
            effect,
            history: Vec::new(),
            frees_lock: false,
            ends_deliveries: false,
        }
    }
}

/// Applies the snapshot `seen` to `incident` and its stored ticket. `closes`: the target's
/// settings say that an incident closes with its ticket.
pub fn apply_change(
    incident: &mut Incident,
    known: &mut StoredTicket,
    seen: &TicketSnapshot,
    closes: bool,
    now: Timestamp,
) -> AppliedChange {
    if is_older(known, seen) {
        return AppliedChange::nothing(ChangeEffect::Older);
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
    store_snapshot(known, seen);

    let mut then = AppliedChange::nothing(ChangeEffect::Same);
    then.history = differences(&before.details, &known.details, &format!("{by}{at}"));
    if known.removal != before.removal
        && let Some(removal) = &known.removal
    {
        let cause = match seen.presence {
            Presence::NotShown => "for ten minutes; it counts as deleted".to_owned(),
            _ => format!("in the CRM{by}{at}"),
        };
        then.history.push((format!("ticket {removal}"), cause));
    }
    // A ticket that is gone closes its incident in any case: nothing can be written to it any more.
    let over = known.removal.is_some() || (known.details.closed && closes);
    // Our own resolution never gets here: its incident was closed when it was enqueued.
    if over && !was_over {
        let (what, cause) = match &known.removal {
            Some(removal) => ("closed", format!("ticket {removal}")),
            None => (
                "closed",
                format!(
                    "ticket closed in the CRM{by}{at}, state {}",
                    known.details.state.as_deref().unwrap_or("unknown")
                ),
            ),
        };
        match seen.presence {
            Presence::NotShown => incident.close_without_ticket(now),
            _ => incident.close_by_people(now),
        }
        then.history.push((what.to_owned(), cause));
        then.frees_lock = true;
        then.effect = ChangeEffect::Closed;
    } else if *known != before {
        then.effect = ChangeEffect::Noted;
    }
    // An update that still waits would write to a closed or removed ticket.
    then.ends_deliveries = over;
    then
}

/// The effect of `seen`, where it is none: it is known already. `is_over`: the incident is closed.
/// Asked without a lock, so that what most polls read again costs no transaction.
pub fn known_already(
    known: &StoredTicket,
    is_over: bool,
    seen: &TicketSnapshot,
    closes: bool,
) -> Option<ChangeEffect> {
    if is_older(known, seen) {
        return Some(ChangeEffect::Older);
    }
    let mut after = known.clone();
    store_snapshot(&mut after, seen);
    let ends = after.removal.is_some() || (after.details.closed && closes);
    (after == *known && (is_over || !ends)).then_some(ChangeEffect::Same)
}

fn is_older(known: &StoredTicket, seen: &TicketSnapshot) -> bool {
    // The CRM shows nothing. A ticket that was never read cannot be told from one that our user may
    // not read: nobody has deleted it, as far as is known.
    let is_absent = matches!(seen.presence, Presence::Deleted | Presence::NotShown);
    if is_absent && seen.version.is_none() && !known.was_read() {
        return true;
    }
    match (known.version, seen.version) {
        (Some(known_version), Some(seen_version)) => {
            // Versions only grow. A snapshot taken before a removal has the version that is stored. A
            // record that was created anew with the same id begins to count its changes again. One that
            // was only not shown may have changed nothing.
            let returned = known.removal.is_some() && seen.presence == Presence::Here;
            match returned {
                true if known.is_not_shown() => {
                    seen_version < known_version
                        && seen_version.changed_at <= known_version.changed_at
                }
                true => {
                    seen_version <= known_version
                        && seen_version.changed_at <= known_version.changed_at
                }
                false => seen_version < known_version,
            }
        }
        _ => false,
    }
}

fn store_snapshot(known: &mut StoredTicket, seen: &TicketSnapshot) {
    let details = &seen.details;
    let keep = |old: &mut Option<String>, new: &Option<String>| {
        if new.is_some() {
            old.clone_from(new);
        }
    };
    keep(&mut known.details.number, &details.number);
    keep(&mut known.details.url, &details.url);
    keep(&mut known.details.state, &details.state);
    keep(&mut known.details.priority, &details.priority);
    keep(&mut known.details.assignee, &details.assignee);
    if seen.presence == Presence::Here {
        known.details.closed = details.closed;
    }
    if seen.version.is_some() {
        known.version = seen.version;
    }
    known.removal = match &seen.presence {
        Presence::Here => None,
        Presence::Deleted => Some("deleted".to_owned()),
        Presence::NotShown => Some(NOT_SHOWN.to_owned()),
        Presence::MergedInto(other) => Some(format!("merged into {other}")),
    };
}

/// The changes that people want to read about in the history. A value that is seen for the first
/// time is no change.
fn differences(
    before: &TicketDetails,
    after: &TicketDetails,
    suffix: &str,
) -> Vec<(String, String)> {
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
#[path = "ticket_sync_tests.rs"]
mod tests;
