//! A message that a simulated CRM sends when a ticket changes.

use serde::{Deserialize, Serialize};

/// A message about one ticket. Its text is made when it is sent: it shows the ticket as it is
/// then, not as it was when the message became due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Where it goes.
    pub url: String,
    /// A bearer token for the header; empty for none.
    pub bearer: String,
    /// The ticket.
    pub ticket: String,
    /// The message's own id, the same in every repetition.
    pub message_id: String,
    /// What happened: `insert`, `update` or `delete`.
    pub operation: &'static str,
    /// How it is acknowledged.
    pub until: Until,
}

/// When a message counts as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// It is sent once, whatever comes of it.
    Sent,
    /// A 2xx; repeated after so many milliseconds.
    Success(u64),
    /// A 200 whose body says `<Ack>true</Ack>`; repeated after so many milliseconds.
    Ack(u64),
}
