//! An incident's life: pending → open → recovered → closed.
//!
//! Decides when time changes an incident, how it changes, and which ticket actions follow.

use super::action::TicketAction;
use super::policy::{LifePolicy, Recovery};
use super::record::{Incident, IncidentState, TicketWrite};
use crate::domain::identity::{IncidentId, IncidentKey};
use crate::domain::severity::Severity;
use crate::domain::time::Timestamp;

/// When something is due.
impl Incident {
    /// When time alone will next change this incident; `None`: never.
    pub fn due_at(&self, policy: &LifePolicy) -> Option<Timestamp> {
        let (clear_for, quiet_after) = self.recovery_times(policy);
        let quiet_at = self.last_breach_at.plus(quiet_after);
        match self.state {
            IncidentState::Pending => {
                // At the end of a silence another one may follow, so the caller looks again.
                let silenced_until = self.silence.as_ref().map(|silence| silence.until);
                let opens_at = self.opens_at.filter(|_| self.may_open());
                let times = [self.ends_unopened_at(policy), silenced_until, opens_at];
                times.into_iter().flatten().min()
            }
            IncidentState::Open => match self.clear_since {
                Some(since) => Some(since.plus(clear_for).min(quiet_at)),
                None => Some(
                    self.member_comment_due_at(policy)
                        .map_or(quiet_at, |at| at.min(quiet_at)),
                ),
            },
            IncidentState::Recovered => Some(self.recovered_since().plus(policy.quiet_after)),
            IncidentState::Closed => None,
        }
    }

    /// Pending: the time that counts for the limit on new tickets. A silenced ticket is due when
    /// the silence ends, not when it would have been due without one.
    pub fn counts_at(&self) -> Option<Timestamp> {
        self.opens_at.max(self.silenced_until)
    }

    /// Whether a comment about a lasting breach is due.
    pub fn progress_is_due(&self, policy: &LifePolicy, now: Timestamp) -> bool {
        !policy.update_every.is_zero() && now.since(self.written_at) >= policy.update_every
    }

    /// Pending: whether the ticket opens once `opens_at` has come.
    const fn may_open(&self) -> bool {
        self.clear_since.is_none() && self.hold().is_none()
    }

    /// Pending: when it ends without ever having had a ticket.
    fn ends_unopened_at(&self, policy: &LifePolicy) -> Option<Timestamp> {
        let (clear_for, quiet_after) = self.recovery_times(policy);
        let quiet_at = self.last_breach_at.plus(quiet_after);
        // A breach that waits only for its `for` or a burst lock opens even when the sender does
        // not repeat it. One that was held back for longer must still be reported by then.
        let may_end_quietly = self.hold().is_some() || self.silenced_until.is_some();
        match self.clear_since {
            Some(since) => Some(since.plus(clear_for).min(quiet_at)),
            None => may_end_quietly.then_some(quiet_at),
        }
    }

    /// Of an outage: when a comment about members that came or left is due.
    fn member_comment_due_at(&self, policy: &LifePolicy) -> Option<Timestamp> {
        let is_wanted = self.unreported > 0 && !policy.update_every.is_zero();
        is_wanted.then(|| self.written_at.plus(policy.update_every))
    }

    /// Whether a comment about members is all that is due.
    fn only_member_comment_is_due(&self, policy: &LifePolicy, now: Timestamp) -> bool {
        let quiet_at = self.last_breach_at.plus(self.recovery_times(policy).1);
        let comment_is_due = self
            .member_comment_due_at(policy)
            .is_some_and(|at| at <= now);
        self.clear_since.is_none() && now < quiet_at && comment_is_due
    }

    fn recovered_since(&self) -> Timestamp {
        self.recovered_at.unwrap_or(self.last_breach_at)
    }
}

/// How an incident changes.
impl Incident {
    /// Makes every change that is due at `now`: opens, recovers or closes the incident. Where a
    /// ticket is due and `may_open` is false, the flood limit holds the incident instead.
    pub fn fire_due(
        &mut self,
        policy: &LifePolicy,
        may_open: bool,
        now: Timestamp,
    ) -> Vec<TicketAction> {
        let mut actions = Vec::new();
        while self.due_at(policy).is_some_and(|due_at| due_at <= now) {
            let before = self.state;
            actions.extend(self.make_one_change(policy, may_open, now));
            if self.state == before {
                break;
            }
        }
        actions
    }

    fn make_one_change(
        &mut self,
        policy: &LifePolicy,
        may_open: bool,
        now: Timestamp,
    ) -> Vec<TicketAction> {
        match self.state {
            // It cleared before it had a ticket: nothing is written anywhere.
            IncidentState::Pending if self.ends_unopened_at(policy).is_some_and(|at| at <= now) => {
                self.close(now);
                Vec::new()
            }
            // The caller has looked for silences before: one still covers the incident.
            IncidentState::Pending if self.silence.is_some() => Vec::new(),
            IncidentState::Pending => self.open_or_hold(policy, may_open, now),
            IncidentState::Open if self.only_member_comment_is_due(policy, now) => {
                self.mark_written(now);
                self.unreported = 0;
                vec![TicketAction::Progress]
            }
            IncidentState::Open => self.recover(policy, now),
            IncidentState::Recovered => {
                self.close(now);
                Vec::new()
            }
            IncidentState::Closed => Vec::new(),
        }
    }

    /// Opens a pending incident whose ticket is due, or holds it where the flood limit does not
    /// allow a ticket.
    pub fn open_or_hold(
        &mut self,
        policy: &LifePolicy,
        may_open: bool,
        now: Timestamp,
    ) -> Vec<TicketAction> {
        // A person has released it: no flood may hold it again.
        if may_open || self.released {
            return self.open(policy, now);
        }
        self.held_by_flood = true;
        self.waits_for = None;
        Vec::new()
    }

    /// Opens a pending incident.
    pub fn open(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<TicketAction> {
        self.state = IncidentState::Open;
        self.opens_at = None;
        self.waits_for = None;
        self.silence = None;
        self.held_by_flood = false;
        self.unreported = 0;
        self.mark_written(now);
        // The starts of earlier incidents of the key count: the new one may flap at once.
        let flaps = self.add_breach_start(policy, now);
        let flapping = flaps.then_some(TicketAction::Flapping);
        std::iter::once(TicketAction::Create)
            .chain(flapping)
            .collect()
    }

    /// Records that the ticket is written to.
    pub fn mark_written(&mut self, now: Timestamp) {
        self.previous_write = TicketWrite {
            at: self.written_at,
            occurrences: self.occurrences_at_write,
        };
        self.written_at = now;
        self.occurrences_at_write = self.occurrences;
    }

    /// Raises the severity to `to`, if that is worse. Returns the severity before. It never falls.
    pub fn raise(&mut self, to: &str) -> Option<Severity> {
        let from = Severity::from_name(&self.severity)?;
        let to = Severity::from_name(to).filter(|to| *to > from)?;
        to.as_str().clone_into(&mut self.severity);
        Some(from)
    }

    fn recover(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<TicketAction> {
        if self.is_flapping() {
            self.stabilise(now);
        }
        self.state = IncidentState::Recovered;
        self.recovered_at = Some(now);
        self.mark_written(now);
        for part in self.parts.values_mut() {
            part.breaching = false;
        }
        match policy.on_recovery {
            Recovery::Comment => vec![TicketAction::Recovered],
            Recovery::Resolve => {
                self.close(now);
                vec![TicketAction::Resolve]
            }
            Recovery::Nothing => Vec::new(),
        }
    }

    /// Continues a recovered incident that breaches again.
    pub fn relapse(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<TicketAction> {
        self.state = IncidentState::Open;
        self.recovered_at = None;
        self.relapses += 1;
        self.mark_written(now);
        match self.add_breach_start(policy, now) {
            true => vec![TicketAction::Flapping],
            false => vec![TicketAction::Relapse],
        }
    }

    pub fn close(&mut self, now: Timestamp) {
        self.state = IncidentState::Closed;
        self.opens_at = None;
        self.silence = None;
        self.held_by_flood = false;
        self.closed_at = Some(now);
    }

    /// Closes the incident because a person is done with it.
    pub fn close_by_people(&mut self, now: Timestamp) {
        // The trouble did not end by itself, so its start does not count as flapping.
        if self.state == IncidentState::Open {
            self.breach_starts.remove_last();
        }
        self.close(now);
    }

    /// Closes the incident because the CRM does not show its ticket any more.
    pub fn close_without_ticket(&mut self, now: Timestamp) {
        self.ticket_not_shown = self.state == IncidentState::Open;
        self.close_by_people(now);
    }

    /// The ticket without which it was closed is there: it goes on.
    pub const fn reopen(&mut self) {
        self.state = IncidentState::Open;
        self.closed_at = None;
        self.ticket_not_shown = false;
    }

    /// Leaves its outage for good. A ticket that the outage held back is due now, or at its own
    /// time.
    pub fn leave_outage(&mut self, now: Timestamp) {
        self.outage_id = None;
        self.ungrouped = true;
        self.waits_for = None;
        self.opens_at = self.opens_at.map(|at| at.max(now));
    }

    /// A person puts it into the outage `outage_id`, whose key is `group`.
    pub fn join_outage(&mut self, outage_id: IncidentId, group: IncidentKey) {
        self.group = Some(group);
        self.ungrouped = false;
        self.put_into = Some(outage_id);
    }

    /// A person releases it from a flood: its ticket is due.
    pub fn release_from_flood(&mut self) {
        self.held_by_flood = false;
        self.released = true;
    }
}
