//! Polling: asks the Genesys Cloud Platform API how queues, trunks and Edges stand, and a status page
//! how the region stands, and puts the answers into the journal, where they are handled like all
//! events.
//!
//! So an event that got lost does no lasting harm. `domain::polling` decides what to ask, `plan` is
//! what the rules can make use of, and `messages` writes an answer as Genesys Cloud would send it. Of
//! several replicas one polls. May import: `clock`, `domain`, `enrichment`, `lifecycle`, `normalise`,
//! `outbound`, `settings`, `store`, `targets::http`, `telemetry`.

mod ask;
mod hearing;
mod messages;
mod observations;
mod page;
mod plan;
mod status_page;
mod worker;

pub(crate) use status_page::StatusPageWorker;
pub(crate) use worker::PollWorker;

use sha2::{Digest, Sha256};

use crate::domain::time::Timestamp;
use crate::enrichment::ApiError;
use crate::store::{JournalError, StoreError};

/// One round failed; the next one asks again.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// The id of an event of `source` about `subject`: the same answer of the same time is one event.
fn event_id(source: &str, subject: &str, at: Timestamp, content: &str) -> String {
    let digest = hex::encode(Sha256::digest(content));
    let (digest, _) = digest.split_at(12);
    format!("{source}:{subject}:{}:{digest}", at.as_millis())
}
