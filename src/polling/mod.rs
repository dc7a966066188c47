//! Polling: asks the Genesys Cloud Platform API how queues, trunks and Edges stand, and a status page
//! how the region stands, and puts the answers into the journal, where they are handled like all
//! events.
//!
//! So an event that got lost does no lasting harm. `domain::polling` decides what to ask, `plan` is
//! what the rules can make use of, and `messages` writes an answer as Genesys Cloud would send it.
//! Of several replicas one polls.

mod ask;
mod hearing;
mod messages;
mod observations;
mod page;
mod plan;
mod progress;
mod status_page;
mod worker;

pub(crate) use status_page::StatusPageWorker;
pub(crate) use worker::PollWorker;

use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::lifecycle::Components;
use crate::outbound::Redactor;
use crate::store::{Journal, JournalError, Store, StoreError};
use crate::telemetry::Metrics;

/// The parts of the process that polling uses. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) journal: Journal,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) components: Components,
    /// This replica, as the holder of leases.
    pub(crate) owner: String,
    pub(crate) redactor: Redactor,
}

/// One round failed; the next one asks again.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The id of an event of `source` about `subject`: the same answer of the same time is one event.
fn event_id(source: &str, subject: &str, at: Timestamp, content: &str) -> String {
    let digest = hex::encode(Sha256::digest(content));
    let (digest, _) = digest.split_at(12);
    format!("{source}:{subject}:{}:{digest}", at.as_millis())
}
