//! An event on its way into the journal and out of it.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::domain::signal::{Field, Meaning, Signal};
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
    /// Names of the rules that decided on it before a person reprocessed it: to them it is not new.
    pub decided_by: Vec<String>,
}

impl JournalEvent {
    /// About how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        let content = match &self.content {
            Content::Body(body) => body.len(),
            Content::Meaning(Meaning::Signals(signals)) => signals.iter().map(size_of).sum(),
            Content::Meaning(Meaning::Nothing(_)) | Content::InReview => 0,
        };
        EVENT_SIZE + self.event_id.len() + content
    }
}

/// Of an event without its texts, and of each entry of a signal.
const EVENT_SIZE: usize = 128;
const ENTRY_SIZE: usize = 96;

fn size_of(signal: &Signal) -> usize {
    let texts = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    let fields = signal.fields.values().filter_map(Field::as_text);
    let labels = signal.labels.iter();
    let qualifiers = signal.qualifiers.values();
    let entries = signal.fields.len() + signal.metrics.len() + signal.labels.len();
    let qualified: usize = qualifiers.clone().map(Vec::len).sum();
    EVENT_SIZE
        + ENTRY_SIZE * (entries + qualified)
        + signal.event_payload_id.len()
        + signal.topic.as_ref().map_or(0, String::len)
        + fields.map(str::len).sum::<usize>()
        + labels
            .map(|(name, text)| name.len() + text.len())
            .sum::<usize>()
        + qualifiers.map(|one| texts(one)).sum::<usize>()
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
