//! Facts about its instance that one client has learnt from answers.
//!
//! Lives as long as the process. That ids are honoured is stored and known after a restart; everything
//! else is learnt again. Sends nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::ticket::TicketKey;
use crate::domain::time::Timestamp;

use super::ids::SysId;

/// The instance ends a REST transaction after so long, so an insert whose answer was lost
/// cannot be committed later than that.
pub(super) const TRANSACTION_QUOTA: Duration = Duration::from_secs(60);

/// A refusal of our id stands for so long. Our user may have lost its roles for moments, at a switch
/// of nodes: that looks the same.
const DENIAL_STANDS: Duration = Duration::from_secs(3600);

/// Tickets whose number of changes is remembered. When there are more, all are forgotten, and are
/// learnt again.
const MAX_TICKETS: usize = 10_000;

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
pub(super) struct KeylessTicket {
    /// The key it should carry.
    pub(super) key: TicketKey,
    pub(super) id: SysId,
}

/// What is known of one instance. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct InstanceFacts(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
struct Facts {
    chosen_ids: ChosenIds,
    /// When ids went off because of a refusal, and not of an id that the instance gave.
    denied_at: Option<Timestamp>,
    running_until: HashMap<TicketKey, Instant>,
    keyless: Option<KeylessTicket>,
    changes: HashMap<SysId, u64>,
}

impl InstanceFacts {
    // Every change below is one assignment, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether ids are honoured, as far as is known.
    pub(super) fn chosen_ids(&self) -> ChosenIds {
        self.lock().chosen_ids
    }

    /// A record of ours has the id that we chose. An older record proves nothing against an
    /// instance that has refused an id since.
    pub(super) fn ids_are_honoured(&self) {
        let mut facts = self.lock();
        if facts.chosen_ids == ChosenIds::Untold {
            facts.chosen_ids = ChosenIds::Honoured;
        }
    }

    /// The instance gave another id than ours; returns whether that is news.
    pub(super) fn ids_are_off(&self) -> bool {
        let mut facts = self.lock();
        facts.denied_at = None;
        let before = std::mem::replace(&mut facts.chosen_ids, ChosenIds::Off);
        before != ChosenIds::Off
    }

    /// The instance has refused an id, and took them before: nothing is known any more. Returns whether
    /// it took them.
    pub(super) fn ids_are_doubtful(&self) -> bool {
        let mut facts = self.lock();
        let were_honoured = facts.chosen_ids == ChosenIds::Honoured;
        if were_honoured {
            facts.chosen_ids = ChosenIds::Untold;
        }
        were_honoured
    }

    /// The instance refused the id that we chose; returns whether that is news.
    pub(super) fn id_was_denied(&self, now: Timestamp) -> bool {
        let is_news = self.ids_are_off();
        self.lock().denied_at = Some(now);
        is_news
    }

    /// Ids that were refused long ago are tried again. A time in the future means that the clock was
    /// set back.
    pub(super) fn forget_old_denial(&self, now: Timestamp) {
        let denied_at = self.lock().denied_at;
        if denied_at.is_some_and(|at| at > now || now.since(at) >= DENIAL_STANDS) {
            self.forget_denial();
        }
    }

    /// Ids that were refused are tried again.
    pub(super) fn forget_denial(&self) {
        let mut facts = self.lock();
        if facts.denied_at.take().is_some() {
            facts.chosen_ids = ChosenIds::Untold;
        }
    }

    /// Notes at `now` that an insert for `key` may still be under way in the instance.
    pub(super) fn note_running(&self, key: &TicketKey, now: Instant) {
        let mut facts = self.lock();
        facts.running_until.retain(|_, until| *until > now);
        facts
            .running_until
            .insert(key.clone(), now + TRANSACTION_QUOTA);
    }

    /// How long an earlier insert for `key` may still be under way, with the instance not
    /// known to refuse a second one by itself.
    pub(super) fn wait_for_running(&self, key: &TicketKey, now: Instant) -> Option<Duration> {
        let facts = self.lock();
        if facts.chosen_ids == ChosenIds::Honoured {
            return None;
        }
        let until = facts.running_until.get(key)?;
        until
            .checked_duration_since(now)
            .filter(|wait| !wait.is_zero())
    }

    /// Remembers how often the ticket was changed, where a reply says so; returns what was known
    /// before.
    pub(super) fn note_changes(&self, id: &SysId, changes: Option<u64>) -> Option<u64> {
        let changes = changes?;
        let mut facts = self.lock();
        if facts.changes.len() >= MAX_TICKETS {
            facts.changes.clear();
        }
        facts.changes.insert(id.clone(), changes)
    }

    pub(super) fn set_keyless_ticket(&self, keyless: Option<KeylessTicket>) {
        self.lock().keyless = keyless;
    }

    pub(super) fn keyless_ticket(&self) -> Option<KeylessTicket> {
        self.lock().keyless.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::IncidentId;

    #[test]
    fn a_second_insert_waits_until_the_first_cannot_be_committed_any_more() {
        let (facts, key, now) = (
            InstanceFacts::default(),
            TicketKey::of_incident(&IncidentId::new("3f9a")),
            Instant::now(),
        );
        assert_eq!(facts.wait_for_running(&key, now), None);
        facts.note_running(&key, now);
        let later = now + Duration::from_secs(20);
        assert_eq!(
            facts.wait_for_running(&key, later),
            Some(Duration::from_secs(40))
        );
        assert_eq!(
            facts.wait_for_running(&TicketKey::of_incident(&IncidentId::new("00")), later),
            None
        );
        assert_eq!(facts.wait_for_running(&key, now + TRANSACTION_QUOTA), None);
    }

    #[test]
    fn an_instance_that_honours_our_ids_refuses_the_second_insert_itself() {
        let (facts, key, now) = (
            InstanceFacts::default(),
            TicketKey::of_incident(&IncidentId::new("3f9a")),
            Instant::now(),
        );
        facts.note_running(&key, now);
        facts.ids_are_honoured();
        assert_eq!(facts.wait_for_running(&key, now), None);
    }

    #[test]
    fn an_old_record_does_not_bring_back_ids_that_have_been_refused_since() {
        let facts = InstanceFacts::default();
        facts.ids_are_honoured();
        assert!(facts.ids_are_off());
        assert!(!facts.ids_are_off());
        facts.ids_are_honoured();
        assert_eq!(facts.chosen_ids(), ChosenIds::Off);
    }

    #[test]
    fn what_has_ended_is_forgotten() {
        let (facts, now) = (InstanceFacts::default(), Instant::now());
        facts.note_running(&TicketKey::of_incident(&IncidentId::new("1")), now);
        facts.note_running(
            &TicketKey::of_incident(&IncidentId::new("2")),
            now + TRANSACTION_QUOTA,
        );
        assert_eq!(facts.lock().running_until.len(), 1);
    }
}
