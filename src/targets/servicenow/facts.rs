//! What one client has learnt about its instance, and what it must not forget in between.
//!
//! Lives as long as the process; everything in it is learnt again after a restart.
//! May import: `domain::ticket`. Sends nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::ticket::TicketKey;

use super::ids::SysId;

/// The instance ends a REST transaction after so long, so an insert whose answer was lost
/// cannot be committed later than that.
pub(super) const TRANSACTION_QUOTA: Duration = Duration::from_secs(60);

/// Whether the instance takes the ids that we choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ChosenIds {
    /// Nothing has shown it yet; they are sent.
    #[default]
    Untold,
    /// A record of ours has the id that we chose.
    Honoured,
    /// The instance gave another id, or refused ours; they are no longer sent.
    Off,
}

/// A ticket that exists but does not carry our key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unmarked {
    /// The key it should carry.
    pub(super) key: TicketKey,
    pub(super) id: SysId,
}

/// See the module's own words.
#[derive(Debug, Default)]
pub(super) struct Memory {
    facts: Mutex<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    chosen_ids: ChosenIds,
    running_until: HashMap<TicketKey, Instant>,
    unmarked: Option<Unmarked>,
}

impl Memory {
    // Every change below is one assignment, so a panic elsewhere leaves nothing half done.
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether ids are honoured, as far as is known.
    pub(super) fn chosen_ids(&self) -> ChosenIds {
        self.facts().chosen_ids
    }

    /// A record of ours has the id that we chose. An older record proves nothing against an
    /// instance that has refused an id since.
    pub(super) fn ids_are_honoured(&self) {
        let mut facts = self.facts();
        if facts.chosen_ids == ChosenIds::Untold {
            facts.chosen_ids = ChosenIds::Honoured;
        }
    }

    /// The instance did not take the id that we chose; returns whether that is news.
    pub(super) fn ids_are_off(&self) -> bool {
        let before = std::mem::replace(&mut self.facts().chosen_ids, ChosenIds::Off);
        before != ChosenIds::Off
    }

    /// Notes at `now` that an insert for `key` may still be under way in the instance.
    pub(super) fn still_running(&self, key: &TicketKey, now: Instant) {
        let mut facts = self.facts();
        facts.running_until.retain(|_, until| *until > now);
        facts
            .running_until
            .insert(key.clone(), now + TRANSACTION_QUOTA);
    }

    /// How long an earlier insert for `key` may still be under way, with the instance not
    /// known to refuse a second one by itself.
    pub(super) fn must_wait(&self, key: &TicketKey, now: Instant) -> Option<Duration> {
        let facts = self.facts();
        if facts.chosen_ids == ChosenIds::Honoured {
            return None;
        }
        let until = facts.running_until.get(key)?;
        until
            .checked_duration_since(now)
            .filter(|wait| !wait.is_zero())
    }

    /// Notes or strikes the ticket that does not carry our key.
    pub(super) fn set_unmarked(&self, unmarked: Option<Unmarked>) {
        self.facts().unmarked = unmarked;
    }

    /// The ticket that does not carry our key, when there is one.
    pub(super) fn unmarked(&self) -> Option<Unmarked> {
        self.facts().unmarked.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_insert_waits_until_the_first_cannot_be_committed_any_more() {
        let (memory, key, now) = (
            Memory::default(),
            TicketKey::of_incident("3f9a"),
            Instant::now(),
        );
        assert_eq!(memory.must_wait(&key, now), None);
        memory.still_running(&key, now);
        let later = now + Duration::from_secs(20);
        assert_eq!(memory.must_wait(&key, later), Some(Duration::from_secs(40)));
        assert_eq!(memory.must_wait(&TicketKey::of_incident("00"), later), None);
        assert_eq!(memory.must_wait(&key, now + TRANSACTION_QUOTA), None);
    }

    #[test]
    fn an_instance_that_honours_our_ids_refuses_the_second_insert_itself() {
        let (memory, key, now) = (
            Memory::default(),
            TicketKey::of_incident("3f9a"),
            Instant::now(),
        );
        memory.still_running(&key, now);
        memory.ids_are_honoured();
        assert_eq!(memory.must_wait(&key, now), None);
    }

    #[test]
    fn an_old_record_does_not_bring_back_ids_that_have_been_refused_since() {
        let memory = Memory::default();
        memory.ids_are_honoured();
        assert!(memory.ids_are_off());
        assert!(!memory.ids_are_off());
        memory.ids_are_honoured();
        assert_eq!(memory.chosen_ids(), ChosenIds::Off);
    }

    #[test]
    fn what_has_ended_is_forgotten() {
        let (memory, now) = (Memory::default(), Instant::now());
        memory.still_running(&TicketKey::of_incident("1"), now);
        memory.still_running(&TicketKey::of_incident("2"), now + TRANSACTION_QUOTA);
        assert_eq!(memory.facts().running_until.len(), 1);
    }
}
