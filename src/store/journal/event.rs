//! An event on its way into the journal and out of it.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::domain::signal::Meaning;
use crate::domain::time::Timestamp;

#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The source's name.
    pub source: Arc<str>,
    /// With the source, the key by which a repetition is recognised.
    pub event_id: String,
    pub received_at: Timestamp,
    /// The event as it came.
    pub body: String,
    /// Why it goes to review instead of to the rules; `None` for an event that was understood.
    pub review: Option<String>,
    /// The event after normalisation; `None` when deciding has to read the body.
    pub meaning: Option<Meaning>,
}

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEvent {
    /// Its place in the journal.
    pub seq: i64,
    /// The source's name.
    pub source: Arc<str>,
    pub event_id: String,
    pub received_at: Timestamp,
    pub content: Content,
}

/// The content of an event, as far as deciding needs it.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// The event as it came.
    Body(String),
    /// The event as it was normalised when it was received.
    Meaning(Meaning),
    /// It waits for a person; no rule sees it.
    InReview,
}

/// The result of appending an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// New, and durable.
    Accepted,
    /// New, durable, and waiting for a person.
    Review,
    /// Already there.
    Duplicate,
}

/// The events were not made durable, or it is not known whether they were. The sender must be
/// answered 503.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("the journal is full: {waiting} requests wait to be written; the database is too slow")]
    Full { waiting: usize },
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
    #[error("the journal is closed because the process is stopping")]
    Closed,
    /// The writer panicked before it answered. When the events are sent again, those that were
    /// stored are duplicates.
    #[error("the journal's writer failed while it wrote the events; send them again")]
    Interrupted,
}

/// Events that wait for the writer, and the channel for the answer.
pub(super) struct Request {
    pub(super) events: Vec<NewEvent>,
    pub(super) answer: Answer,
}

pub(super) type Answer = oneshot::Sender<Result<Vec<Appended>, JournalError>>;
