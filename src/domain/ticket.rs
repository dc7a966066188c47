//! Tickets and the operations on them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::identity::IncidentId;

/// A ticket's fields as they go to the CRM: name to value, sorted by name.
pub type TicketFields = serde_json::Map<String, serde_json::Value>;

/// The key by which we find a ticket again in the CRM: one per incident, never reused.
///
/// Lower-case hex and `-` only, at most 80 characters, so that it needs no escaping in a
/// path, in SOQL or in an encoded query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketKey(String);

/// The beginning of every key.
pub const TICKET_KEY_PREFIX: &str = "rd-";

impl TicketKey {
    /// The key of the incident `id`.
    pub fn of_incident(id: &IncidentId) -> Self {
        Self(format!(
            "{TICKET_KEY_PREFIX}{}",
            id.as_str().to_ascii_lowercase()
        ))
    }

    /// The incident whose key `text` is; `None` when it is no key of ours.
    pub fn incident_in(text: &str) -> Option<IncidentId> {
        let id = text.trim().to_ascii_lowercase();
        let id = id.strip_prefix(TICKET_KEY_PREFIX)?;
        let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        is_id.then(|| IncidentId::new(id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TicketKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Longest ticket number that is stored, in characters. Those of the CRMs are far shorter; the
/// database has it in an index, which limits the length.
const MAX_NUMBER: usize = 255;

/// The part of a ticket's `number` that is stored.
pub fn limit_number(number: String) -> String {
    match number.char_indices().nth(MAX_NUMBER) {
        Some((end, _)) => number[..end].to_owned(),
        None => number,
    }
}

/// A ticket that is confirmed to be ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The CRM's record id (`Id`, `sys_id`).
    pub id: String,
    /// The number people use (`00001027`, `INC0010002`); read after creation where the CRM
    /// does not answer it at once.
    pub number: Option<String>,
    /// Where a person opens it.
    pub url: String,
    /// The CRM's own state (`New`, `6`), as last seen.
    pub state: Option<String>,
    /// Whether the CRM counts it as resolved or closed, as last seen.
    pub closed: bool,
    /// Of a ticket that was just created: fields that were sent, and that the CRM did not keep, as
    /// its answer shows.
    #[serde(default)]
    pub not_kept: Vec<OmittedField>,
    /// Whether it is known from the answer to its create alone: nothing has been read of it, so
    /// something else than the CRM may have given the answer.
    #[serde(default)]
    pub is_unread: bool,
    /// Of the answer to a create: an earlier request has created it, and this one was refused for that.
    #[serde(default)]
    pub was_there: bool,
}

/// A field that a ticket lacks, because the CRM refused its value or did not keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OmittedField {
    pub field: String,
    /// The value that it should have.
    pub value: String,
    /// The CRM's code and message.
    pub reason: String,
    /// What the CRM has in it instead: right after the create, or as it was found. Empty: nothing;
    /// `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// Whether a rule of the CRM or a person may have put in what it has. That is never overwritten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_chosen: bool,
}

/// The content of an update that sets fields which the CRM refused at the create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Completion {
    /// What the ticket lacks.
    pub completes: Vec<OmittedField>,
    /// The values of these fields by the present configuration.
    #[serde(default)]
    pub fields: TicketFields,
}

impl Completion {
    /// The completion in the payload of a delivery; `None` for every other delivery.
    pub fn in_payload(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }

    /// The content for a ticket that lacks `omitted`.
    pub fn payload_of(omitted: &[OmittedField]) -> String {
        let completion = Self {
            completes: omitted.to_vec(),
            fields: TicketFields::new(),
        };
        completion.payload()
    }

    pub fn payload(&self) -> String {
        // Maps with text keys and plain values always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// `value` as it stands in a field, for people.
pub fn text_of(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// An operation on a ticket; a delivery makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Open the ticket.
    Create,
    /// Add a comment, and change fields.
    Update,
    /// Set the ticket resolved.
    Resolve,
    /// Make the outage's ticket the parent of the ticket.
    Link,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Resolve, Self::Link];
    pub const CREATES: [Self; 1] = [Self::Create];
    /// The operations on a ticket that exists.
    pub const CHANGES: [Self; 3] = [Self::Update, Self::Resolve, Self::Link];

    /// Its name in the database, in metrics and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Resolve => "resolve",
            Self::Link => "link",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str() == name)
    }

    /// That it is to be made, for people.
    pub const fn to_be_made(self) -> &'static str {
        match self {
            Self::Create => "ticket to be created",
            Self::Update => "update to be written",
            Self::Resolve => "resolution to be written",
            Self::Link => "link to be written",
        }
    }

    /// That it was made, for people.
    pub const fn made(self) -> &'static str {
        match self {
            Self::Create => "ticket created",
            Self::Update => "update written",
            Self::Resolve => "resolution written",
            Self::Link => "link written",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The content of an update or a resolution of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TicketChange {
    /// An internal comment for the ticket; never visible to the CRM's customers.
    pub comment: Option<String>,
    /// A short mark inside the comment (`ref 3f9a0c1d`), by which a retry finds that the comment
    /// is there already.
    pub marker: String,
    /// Fields to set.
    pub fields: TicketFields,
}
