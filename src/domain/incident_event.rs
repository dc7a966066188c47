//! The history of an incident: every kind of event, and its wording.
//!
//! The store keeps an event as JSON. The names of kinds and fields are stable: rows that an older
//! version wrote are read for years, so a kind is added and never renamed. The wording may change.
//! Pure.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::decision::Suppression;
use crate::domain::decision::{Closing, Recovering, Transition};
use crate::domain::identity::IncidentId;
use crate::domain::incident::Incident;
use crate::domain::outage::MemberChange;
use crate::domain::severity::Severity;
use crate::domain::silence::Mute;
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;

/// Something that happened to an incident or to its ticket.
///
/// [`IncidentEvent::title`] names it, and its `Display` gives the cause; the cause may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IncidentEvent {
    /// It has begun, or is held, and its ticket waits.
    Pending {
        reason: Suppression,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        silence: Option<Mute>,
    },
    Opened,
    /// It breaches again after its recovery.
    Relapsed,
    Flapping {
        times: u32,
        first_at: Timestamp,
    },
    Raised {
        from: Severity,
        to: String,
    },
    Commented,
    /// It flapped, and does not any more.
    Calm {
        since: Timestamp,
        times: u32,
    },
    Recovered {
        why: Recovering,
    },
    Closed {
        why: ClosingCause,
    },
    Silenced {
        by: Mute,
    },
    SilenceEnded {
        by: String,
    },
    /// Its membership in an outage changed; it did not close.
    Member {
        change: MemberChange,
        outage_id: IncidentId,
    },
    /// A person closed the outage's ticket; the member continues alone.
    OutageClosed {
        outage_id: IncidentId,
    },
    ReleasedFromFlood {
        by: String,
    },
    /// A person wants its ticket now.
    TicketOrdered {
        by: String,
        reason: String,
    },
    /// A person writes a note to its ticket.
    NoteOwed {
        by: String,
        text: String,
    },
    /// How its queue stands was added to the ticket.
    DetailsAdded,
    /// A template failed, or the target is no longer configured.
    DeliveryUnwritable {
        problem: String,
    },
    FailedOver {
        note: String,
    },
    CannotFailOver {
        problem: String,
    },
    Delivered {
        operation: Operation,
        #[serde(skip_serializing_if = "Option::is_none")]
        ticket_id: Option<String>,
        attempt: u32,
        /// The CRM was asked before anything was sent again.
        looked_up: bool,
    },
    DeadLettered {
        operation: Operation,
        attempt: u32,
        failure: String,
    },
    AttemptFailed {
        operation: Operation,
        attempt: u32,
        failure: String,
        outcome_unknown: bool,
        /// `None`: the whole target waits.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    DeliveryReplayed {
        operation: Operation,
        by: String,
    },
    DeliveryDiscarded {
        operation: Operation,
        by: String,
    },
    /// Its outage has no ticket to link to.
    LinkDiscarded {
        outage_id: IncidentId,
        by: String,
    },
    /// The ticket is over, and these deliveries are not sent any more.
    DeliveriesEnded {
        count: u64,
    },
    /// The incident was over before its ticket could be created, and these deliveries are not sent.
    NeverCreated {
        count: u64,
    },
    /// Fields that the CRM refused at the create were tried again: `set` are set now, `found` have a
    /// value that somebody else put in, and `dropped` are no longer configured.
    TicketCompleted {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        set: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        found: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dropped: Vec<String>,
    },
    /// A person or a process changed the ticket in the CRM.
    TicketChanged {
        title: String,
        cause: String,
    },
}

/// Why an incident is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum ClosingCause {
    /// It went away before it had a ticket.
    NeverOpened {
        why: Recovering,
    },
    /// Its ticket is resolved with the recovery.
    Resolved,
    StayedWell,
    RuleRemoved {
        rule: String,
    },
    /// A person discarded everything that the flood held.
    DiscardedWithFlood {
        by: String,
    },
    /// Of an outage: a person gave its ticket up before it existed.
    GivenUp,
    /// A person closed it in Ringdown.
    ByPerson {
        by: String,
        reason: String,
    },
    WithOutage {
        outage_id: IncidentId,
    },
    /// A person closed the outage's ticket.
    OutageClosed {
        outage_id: IncidentId,
    },
}

impl IncidentEvent {
    /// The event that `transition` was for `incident`, which is as it was right after.
    pub fn of(transition: Transition, incident: &Incident) -> Self {
        let flapping = incident.flapping;
        let first_at = flapping.map_or(incident.opened_at, |flapping| flapping.first_at);
        let times = flapping.map_or(0, |flapping| flapping.times);
        match transition {
            Transition::Pending(reason) => Self::Pending {
                reason,
                until: incident.opens_at,
                silence: incident.silence.clone(),
            },
            Transition::Opened => Self::Opened,
            Transition::Relapsed => Self::Relapsed,
            Transition::Flapping => Self::Flapping { times, first_at },
            Transition::Raised { from } => Self::Raised {
                from,
                to: incident.severity.clone(),
            },
            Transition::Commented => Self::Commented,
            Transition::Stable => Self::Calm {
                since: flapping.map_or(first_at, |flapping| flapping.since),
                times,
            },
            Transition::Recovered(why) => Self::Recovered { why },
            Transition::Closed(closing) => Self::Closed {
                why: match closing {
                    Closing::NeverOpened(why) => ClosingCause::NeverOpened { why },
                    Closing::Resolved => ClosingCause::Resolved,
                    Closing::StayedWell => ClosingCause::StayedWell,
                },
            },
        }
    }

    /// The entry for `change` of a member of the outage `outage_id`.
    pub fn of_member(change: MemberChange, outage_id: &IncidentId) -> Self {
        let outage_id = outage_id.clone();
        match change {
            MemberChange::Closed | MemberChange::Resolved => Self::Closed {
                why: ClosingCause::WithOutage { outage_id },
            },
            change => Self::Member { change, outage_id },
        }
    }

    /// Whether an event from a source caused it, so that the cause names that event.
    pub const fn is_by_source_event(&self) -> bool {
        matches!(
            self,
            Self::Pending { .. }
                | Self::Opened
                | Self::Relapsed
                | Self::Flapping { .. }
                | Self::Raised { .. }
                | Self::Commented
        )
    }

    /// The short text by which people know it.
    pub fn title(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Pending { .. } => "pending",
            Self::Opened => "opened",
            Self::Relapsed => "breaching again",
            Self::Flapping { .. } => "flapping",
            Self::Raised { .. } => "severity raised",
            Self::Commented => "comment to be written",
            Self::Calm { .. } => "calm",
            Self::Recovered { .. } => "recovered",
            Self::Closed { .. } => "closed",
            Self::Silenced { .. } => "silenced",
            Self::SilenceEnded { .. } => "no longer silenced",
            Self::Member { change, .. } => member_title(*change),
            Self::OutageClosed { .. } => member_title(MemberChange::LetGo),
            Self::ReleasedFromFlood { .. } => "released from the flood",
            Self::TicketOrdered { .. } => "ticket ordered",
            Self::NoteOwed { .. } => "note",
            Self::DetailsAdded => "details added",
            Self::DeliveryUnwritable { .. } => "a delivery could not be written",
            Self::FailedOver { .. } => "failed over",
            Self::CannotFailOver { .. } => "cannot be opened in another target",
            Self::Delivered { operation, .. } => operation.made(),
            Self::DeadLettered { operation, .. } => {
                return format!("{operation} became a dead letter").into();
            }
            Self::AttemptFailed { operation, .. } => return format!("{operation} failed").into(),
            Self::DeliveryReplayed { operation, .. } => {
                return format!("{operation} is to be tried again").into();
            }
            Self::DeliveryDiscarded { operation, .. } => {
                return format!("{operation} was discarded").into();
            }
            Self::LinkDiscarded { .. } => "link was discarded",
            Self::DeliveriesEnded { .. } | Self::NeverCreated { .. } => "nothing more is written",
            Self::TicketCompleted { .. } => "fields completed",
            Self::TicketChanged { title, .. } => title,
        })
    }
}

const fn member_title(change: MemberChange) -> &'static str {
    match change {
        MemberChange::Held => "held by an outage",
        MemberChange::Joined => "part of an outage whose ticket waits",
        MemberChange::Linked => "part of an outage",
        MemberChange::LetGo => "part of no outage any more",
        MemberChange::Closed | MemberChange::Resolved => "closed",
    }
}

/// The cause.
impl fmt::Display for IncidentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened | Self::Relapsed | Self::Commented => Ok(()),
            Self::Pending {
                reason,
                until,
                silence,
            } => pending(f, *reason, *until, silence.as_ref()),
            Self::Flapping { times, first_at } => write!(f, "began {times} times since {first_at}"),
            Self::Raised { from, to } => write!(f, "from {from} to {to}"),
            Self::Calm { since, times } => write!(f, "flapped since {since}, began {times} times"),
            Self::Recovered { why } => why.fmt(f),
            Self::Closed { why } => why.fmt(f),
            Self::Silenced { by } => by.fmt(f),
            Self::SilenceEnded { by } => f.write_str(by),
            Self::Member { outage_id, .. } => write!(f, "outage {outage_id}"),
            Self::OutageClosed { outage_id } => {
                write!(f, "outage {outage_id} was closed with its ticket")
            }
            Self::ReleasedFromFlood { by }
            | Self::DeliveryReplayed { by, .. }
            | Self::DeliveryDiscarded { by, .. } => write!(f, "by {by}"),
            Self::TicketOrdered { by, reason: text } | Self::NoteOwed { by, text } => {
                write!(f, "by {by}: {text}")
            }
            Self::DetailsAdded => f.write_str("Genesys Cloud answered how the queue stands"),
            Self::DeliveryUnwritable { problem } | Self::CannotFailOver { problem } => {
                f.write_str(problem)
            }
            Self::FailedOver { note } => f.write_str(note),
            Self::Delivered {
                ticket_id,
                attempt,
                looked_up,
                ..
            } => delivered(f, ticket_id.as_deref(), *attempt, *looked_up),
            Self::DeadLettered {
                attempt, failure, ..
            } => write!(f, "attempt {attempt}: {failure}"),
            Self::AttemptFailed {
                attempt,
                failure,
                outcome_unknown,
                retry_at,
                ..
            } => attempt_failed(f, *attempt, failure, *outcome_unknown, *retry_at),
            Self::LinkDiscarded { outage_id, by } => write!(
                f,
                "outage {outage_id} has no ticket: its create was discarded by {by}"
            ),
            Self::DeliveriesEnded { count } => write!(f, "{count}, as the ticket is over"),
            Self::NeverCreated { count } => write!(f, "{count}, as it was over without a ticket"),
            Self::TicketCompleted {
                set,
                found,
                dropped,
            } => completed(f, set, found, dropped),
            Self::TicketChanged { cause, .. } => f.write_str(cause),
        }
    }
}

fn pending(
    f: &mut fmt::Formatter<'_>,
    reason: Suppression,
    until: Option<Timestamp>,
    silence: Option<&Mute>,
) -> fmt::Result {
    match (silence, until) {
        (Some(silence), _) => write!(f, "silenced: {silence}"),
        (None, Some(until)) => write!(f, "{} until {until}", reason.as_str()),
        (None, None) => f.write_str(reason.as_str()),
    }
}

fn completed(
    f: &mut fmt::Formatter<'_>,
    set: &[String],
    found: &[String],
    dropped: &[String],
) -> fmt::Result {
    let parts = [
        ("set", set),
        ("has a value of somebody else", found),
        ("no longer configured", dropped),
    ];
    let parts = parts.into_iter().filter(|(_, fields)| !fields.is_empty());
    let parts = parts.map(|(what, fields)| format!("{}: {what}", fields.join(", ")));
    f.write_str(&parts.collect::<Vec<_>>().join("; "))
}

/// Of a success that was not the first attempt, the number is shown.
fn delivered(
    f: &mut fmt::Formatter<'_>,
    ticket_id: Option<&str>,
    attempt: u32,
    looked_up: bool,
) -> fmt::Result {
    let shows_attempt = looked_up || attempt > 1;
    if let Some(id) = ticket_id {
        write!(f, "ticket {id}")?;
        if shows_attempt {
            f.write_str(", ")?;
        }
    }
    if shows_attempt {
        write!(f, "attempt {attempt}")?;
    }
    if looked_up {
        f.write_str(", looked up before sending")?;
    }
    Ok(())
}

fn attempt_failed(
    f: &mut fmt::Formatter<'_>,
    attempt: u32,
    failure: &str,
    outcome_unknown: bool,
    retry_at: Option<Timestamp>,
) -> fmt::Result {
    write!(f, "attempt {attempt}: {failure}")?;
    if outcome_unknown {
        f.write_str("; whether it took effect is not known, so it is looked up first")?;
    }
    match retry_at {
        Some(at) => write!(f, "; tried again at {at}"),
        None => f.write_str("; the whole target waits"),
    }
}

impl fmt::Display for Recovering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear { since } => write!(f, "clear since {since}"),
            Self::Quiet => f.write_str("no breach heard for quiet_after"),
        }
    }
}

impl fmt::Display for ClosingCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverOpened { why } => write!(f, "{why}, before it had a ticket"),
            Self::Resolved => f.write_str("its ticket is resolved with the recovery"),
            Self::StayedWell => f.write_str("no breach for quiet_after since the recovery"),
            Self::RuleRemoved { rule } => write!(f, "rule {rule} is no longer configured"),
            Self::DiscardedWithFlood { by } => write!(f, "discarded with the flood by {by}"),
            Self::ByPerson { by, reason } => write!(f, "by {by} in Ringdown: {reason}"),
            Self::GivenUp => {
                f.write_str("its ticket was given up before it existed; members go on alone")
            }
            Self::WithOutage { outage_id } => write!(f, "outage {outage_id}"),
            Self::OutageClosed { outage_id } => {
                write!(f, "outage {outage_id} was closed with its ticket")
            }
        }
    }
}

#[cfg(test)]
#[path = "incident_event_tests.rs"]
mod tests;
