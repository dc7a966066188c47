//! The newest events, handed from the journal's writer to deciding without a way through the
//! database. What does not fit is read from there: this is a short cut, never the truth.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::JournalEvent;

/// Events held; deciding that is further behind reads the database.
const MOST: usize = 4096;

/// Events that were just made durable, in the journal's order. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Fresh(Arc<Mutex<VecDeque<JournalEvent>>>);

impl Fresh {
    /// Adds events that are durable now. When it is full the newest are left out.
    pub(super) fn push(&self, events: impl IntoIterator<Item = JournalEvent>) {
        let mut held = self.lock();
        let room = MOST.saturating_sub(held.len());
        held.extend(events.into_iter().take(room));
    }

    /// The events that follow `position` without a gap, at most `limit`; those before it are
    /// let go.
    pub(in crate::store) fn after(&self, position: i64, limit: usize) -> Vec<JournalEvent> {
        let mut held = self.lock();
        while held.front().is_some_and(|event| event.seq <= position) {
            held.pop_front();
        }
        let following = held
            .iter()
            .zip(position + 1..)
            .take(limit)
            .take_while(|(event, seq)| event.seq == *seq)
            .count();
        let events = held.drain(..following).collect();
        if held.is_empty() {
            // What a flood took is not needed after it.
            held.shrink_to(MOST / 8);
        }
        events
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<JournalEvent>> {
        // A queue is whole after every push and pop: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::store::Content;

    fn event(seq: i64) -> JournalEvent {
        JournalEvent {
            seq,
            source: "genesys".into(),
            event_id: seq.to_string(),
            received_at: Timestamp::from_millis(0),
            content: Content::InReview,
        }
    }

    fn places(events: &[JournalEvent]) -> Vec<i64> {
        events.iter().map(|event| event.seq).collect()
    }

    #[test]
    fn events_are_handed_on_in_order_and_never_across_a_gap() {
        let fresh = Fresh::default();
        fresh.push([1, 2, 3, 5, 6].map(event));
        assert_eq!(places(&fresh.after(0, 2)), [1, 2]);
        assert_eq!(places(&fresh.after(2, 10)), [3]);
        assert_eq!(places(&fresh.after(3, 10)), [] as [i64; 0]);
        assert_eq!(places(&fresh.after(4, 10)), [5, 6]);
    }

    #[test]
    fn a_flood_is_bounded_and_leaves_a_gap_rather_than_losing_the_oldest() {
        let fresh = Fresh::default();
        let most = i64::try_from(MOST).unwrap();
        fresh.push((1..=most + 10).map(event));
        assert_eq!(fresh.after(0, usize::MAX).len(), MOST);
        fresh.push([event(most + 11)]);
        assert_eq!(places(&fresh.after(most, 10)), [] as [i64; 0]);
    }
}
