//! The events of one transaction.

use super::event::{Answer, Appended, Content, JournalEvent, NewEvent, Request};
use crate::store::dedup::{Digest, Digests, digest_of};

/// Requests that go into one transaction.
pub(super) struct Batch {
    requests: Vec<Request>,
}

/// The requests that wait for a batch: the channel for the answer, and the number of events.
pub(super) type Waiters = Vec<(Answer, usize)>;

impl Batch {
    /// Takes requests from the front until they have `max_events`, at least one.
    pub(super) fn take(requests: &mut Vec<Request>, max_events: usize) -> Option<Self> {
        if requests.is_empty() {
            return None;
        }
        let mut events = 0;
        let fitting = requests
            .iter()
            .take_while(|request| {
                let fits = events == 0 || events + request.events.len() <= max_events;
                events += request.events.len();
                fits
            })
            .count();
        let rest = requests.split_off(fitting);
        Some(Self {
            requests: std::mem::replace(requests, rest),
        })
    }

    pub(super) fn into_parts(self) -> (Vec<NewEvent>, Waiters) {
        let mut events = Vec::with_capacity(self.requests.len());
        let mut waiters = Vec::with_capacity(self.requests.len());
        for request in self.requests {
            waiters.push((request.answer, request.events.len()));
            events.extend(request.events);
        }
        (events, waiters)
    }
}

/// The result of a transaction.
pub(super) struct Committed {
    /// For each event, in their order.
    pub(super) appended: Vec<Appended>,
    /// The new events in their order, as far as deciding need not read their bodies.
    pub(super) new: Vec<JournalEvent>,
}

pub(super) fn digests_of(events: &[NewEvent]) -> Vec<Digest> {
    events
        .iter()
        .map(|event| digest_of(&event.source, &event.event_id))
        .collect()
}

/// The first event of each new digest is new, every other one is a duplicate.
pub(super) fn mark_duplicates(
    events: &[NewEvent],
    digests: &[Digest],
    mut new: Digests,
) -> Vec<Appended> {
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

/// The event as deciding takes it; `None` when deciding has to read the body.
pub(super) fn journal_event(seq: i64, event: NewEvent) -> Option<JournalEvent> {
    let content = match event.review {
        Some(_) => Content::InReview,
        None => Content::Meaning(event.meaning?),
    };
    Some(JournalEvent {
        seq,
        source: event.source,
        event_id: event.event_id,
        received_at: event.received_at,
        content,
        decided_by: Vec::new(),
    })
}
