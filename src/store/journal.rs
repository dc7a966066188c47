//! The journal: every event on stable storage before its sender hears 2xx.

use std::sync::Arc;

use crate::domain::time::Timestamp;

/// An event on its way into the journal.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The source's name.
    pub source: Arc<str>,
    /// The event's id; with the source, the key by which a repetition is recognised.
    pub event_id: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// The event as it came.
    pub body: String,
    /// Why it goes to review instead of to the rules; `None` for an event that was understood.
    pub review: Option<String>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// New, and durable.
    Accepted,
    /// New, durable, and waiting for a person.
    Review,
    /// Already there.
    Duplicate,
}

/// An event that could not be made durable. Nothing was kept; the sender must hear 503.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Too many events wait to be written.
    #[error("the journal is full: {waiting} events wait to be written; the database is too slow")]
    Full {
        /// How many wait.
        waiting: usize,
    },
    /// The database refused the write.
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
    /// The process is stopping.
    #[error("the journal is closed because the process is stopping")]
    Closed,
}

/// Takes events in and answers when they are durable. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal {}

impl Journal {
    /// Appends `events` and answers, in their order, what became of each, once all are on
    /// stable storage.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when nothing was kept.
    pub async fn append(&self, _events: Vec<NewEvent>) -> Result<Vec<Appended>, JournalError> {
        Err(JournalError::Closed)
    }
}
