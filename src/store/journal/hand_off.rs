//! The newest events in memory, from the journal's writer to deciding. Deciding reads all others
//! from the database, which alone is complete.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::event::JournalEvent;

/// When deciding is further behind, it reads the database.
const MAX_HELD: usize = 8192;
/// Bytes of all events that are held: as many as a read of the database brings at once.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Events that were just made durable, in the journal's order. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct HandOff(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    events: VecDeque<JournalEvent>,
    /// Of all of them.
    bytes: usize,
}

impl Held {
    fn pop(&mut self) -> Option<JournalEvent> {
        let event = self.events.pop_front()?;
        self.bytes = self.bytes.saturating_sub(event.size());
        Some(event)
    }
}

impl HandOff {
    /// Adds durable events. When the memory is full, the newest are left out: deciding then reads
    /// them from the database.
    pub(super) fn push(&self, events: impl IntoIterator<Item = JournalEvent>) {
        let mut held = self.lock();
        for event in events {
            let bytes = held.bytes.saturating_add(event.size());
            if held.events.len() >= MAX_HELD || bytes > MAX_BYTES {
                // A smaller one after it would leave a gap, which ends a read as well.
                return;
            }
            held.bytes = bytes;
            held.events.push_back(event);
        }
    }

    /// Takes the events that follow `position` without a gap, at most `limit`, and drops those
    /// before it.
    pub(in crate::store) fn after(&self, position: i64, limit: usize) -> Vec<JournalEvent> {
        let mut held = self.lock();
        while (held.events.front()).is_some_and(|event| event.seq <= position) {
            held.pop();
        }
        let mut following = Vec::new();
        for seq in (position + 1..).take(limit) {
            if held.events.front().is_none_or(|event| event.seq != seq) {
                break;
            }
            following.extend(held.pop());
        }
        if held.events.is_empty() {
            // Gives back the memory that a flood took.
            held.events.shrink_to(MAX_HELD / 16);
        }
        following
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        // The queue is valid after every push and pop, also when another thread has panicked. A count of
        // bytes that is too high only sends deciding to the database.
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
            decided_by: Vec::new(),
        }
    }

    fn places(events: &[JournalEvent]) -> Vec<i64> {
        events.iter().map(|event| event.seq).collect()
    }

    #[test]
    fn events_are_handed_on_in_order_and_never_across_a_gap() {
        let hand_off = HandOff::default();
        hand_off.push([1, 2, 3, 5, 6].map(event));
        assert_eq!(places(&hand_off.after(0, 2)), [1, 2]);
        assert_eq!(places(&hand_off.after(2, 10)), [3]);
        assert_eq!(places(&hand_off.after(3, 10)), [] as [i64; 0]);
        assert_eq!(places(&hand_off.after(4, 10)), [5, 6]);
    }

    #[test]
    fn a_flood_is_bounded_and_leaves_a_gap_rather_than_losing_the_oldest() {
        let hand_off = HandOff::default();
        let max = i64::try_from(MAX_HELD).unwrap();
        hand_off.push((1..=max + 10).map(event));
        assert_eq!(hand_off.after(0, usize::MAX).len(), MAX_HELD);
        hand_off.push([event(max + 11)]);
        assert_eq!(places(&hand_off.after(max, 10)), [] as [i64; 0]);
    }

    #[test]
    fn a_flood_of_large_events_is_bounded_by_its_bytes() {
        let large = |seq: i64| JournalEvent {
            content: Content::Body("x".repeat(1024 * 1024)),
            ..event(seq)
        };
        let hand_off = HandOff::default();
        hand_off.push((1..=100).map(large));
        let held = hand_off.lock().bytes;
        assert!(held <= MAX_BYTES, "{held}");
        assert_eq!(hand_off.after(0, usize::MAX).len(), 15);
        assert_eq!(hand_off.lock().bytes, 0, "the room is free again");
        hand_off.push([event(101)]);
        assert_eq!(places(&hand_off.after(100, 10)), [101]);
    }
}
