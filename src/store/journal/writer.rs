//! The one writer of the journal: one transaction for all requests that wait.

use std::collections::HashSet;

use tokio::sync::{mpsc, watch};

use super::insert::{insert_events, insert_review, lock_journal};
use super::{Appended, Content, Fresh, JournalError, JournalEvent, NewEvent, Request};
use crate::store::StoreError;
use crate::store::database::Database;
use crate::store::keys::{Digest, KnownKeys, digest_of};

/// Requests taken into one transaction.
const MOST_REQUESTS: usize = 1024;
/// Events taken into one transaction, unless a single request brings more.
const MOST_EVENTS: usize = 4096;

/// The one writer of the journal.
pub struct JournalWriter {
    database: Database,
    keys: KnownKeys,
    fresh: Fresh,
    waiting: mpsc::Receiver<Request>,
    appended: watch::Sender<u64>,
}

impl JournalWriter {
    pub(super) fn new(
        database: Database,
        keys: KnownKeys,
        fresh: Fresh,
        waiting: mpsc::Receiver<Request>,
    ) -> Self {
        let (appended, _) = watch::channel(0);
        Self {
            database,
            keys,
            fresh,
            waiting,
            appended,
        }
    }

    /// Changes after every commit that made events durable.
    pub fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }

    /// Writes until every [`Journal`](super::Journal) handle is gone.
    pub async fn run(mut self) {
        let mut batch = Vec::new();
        while self.waiting.recv_many(&mut batch, MOST_REQUESTS).await > 0 {
            while !batch.is_empty() {
                let rest = split_off_after(&mut batch, MOST_EVENTS);
                self.write(std::mem::replace(&mut batch, rest)).await;
            }
            if let Err(error) = self.keys.tidy().await {
                self.keys.failed();
                tracing::warn!(%error, "the log of known events cannot be tidied; it is tried again");
            }
        }
    }

    async fn write(&mut self, requests: Vec<Request>) {
        let mut events = Vec::with_capacity(requests.len());
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push((request.answer, request.events.len()));
            events.extend(request.events);
        }
        let count = events.len();
        match self.append(events).await {
            Ok(appended) => {
                self.appended.send_modify(|count| *count += 1);
                let mut appended = appended.into_iter();
                for (answer, events) in answers {
                    // A sender that hung up hears nothing; its events are durable all the same.
                    let _ = answer.send(Ok(appended.by_ref().take(events).collect()));
                }
            }
            Err(error) => {
                self.keys.failed();
                tracing::error!(%error, events = count, "events could not be made durable");
                let error = JournalError::Unwritable(error.to_string());
                for (answer, _) in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// One transaction: what of `events` is new, and those rows.
    async fn append(&mut self, events: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError> {
        self.keys.prepare().await?;
        let digests: Vec<Digest> = events
            .iter()
            .map(|event| digest_of(&event.source, &event.event_id))
            .collect();
        let mut tx = self.database.begin_write().await?;
        lock_journal(&mut tx).await?;
        let new = self.keys.insert_new(&mut tx, &digests).await?;
        let appended = tell_apart(&events, &digests, new);
        let (mut accepted, mut misfits) = (Vec::with_capacity(events.len()), Vec::new());
        for (event, appended) in events.into_iter().zip(&appended) {
            match appended {
                Appended::Accepted => accepted.push(event),
                Appended::Review => misfits.push(event),
                Appended::Duplicate => {}
            }
        }
        let mut fresh = insert_events(&mut tx, accepted).await?;
        for event in &misfits {
            let seq = insert_review(&mut tx, event).await?;
            fresh.push(in_review(seq, event));
        }
        tx.commit().await?;
        self.keys.committed();
        self.fresh.push(fresh);
        Ok(appended)
    }
}

fn in_review(seq: i64, event: &NewEvent) -> JournalEvent {
    JournalEvent {
        seq,
        source: event.source.clone(),
        event_id: event.event_id.clone(),
        received_at: event.received_at,
        content: Content::InReview,
    }
}

/// Cuts `batch` after the request that brings its events to `most`; returns what is left over.
fn split_off_after(batch: &mut Vec<Request>, most: usize) -> Vec<Request> {
    let mut events = 0;
    let fitting = batch
        .iter()
        .take_while(|request| {
            let fits = events == 0 || events + request.events.len() <= most;
            events += request.events.len();
            fits
        })
        .count();
    batch.split_off(fitting)
}

/// The first event of each new digest is new, every other one a duplicate.
fn tell_apart(events: &[NewEvent], digests: &[Digest], mut new: HashSet<Digest>) -> Vec<Appended> {
    events
        .iter()
        .zip(digests)
        .map(
            |(event, digest)| match (new.remove(digest), &event.review) {
                (false, _) => Appended::Duplicate,
                (true, None) => Appended::Accepted,
                (true, Some(_)) => Appended::Review,
            },
        )
        .collect()
}
