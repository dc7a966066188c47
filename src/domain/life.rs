//! An incident's life: pending → open → recovered → closed.
//!
//! Owns when time changes an incident, what each change makes of it, and what is owed to its
//! ticket then. Pure: the time is passed in; the caller keeps the incident and what is owed in
//! one transaction.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::flapping::FlappingPolicy;
use super::incident::{Incident, IncidentState, Told};
use super::severity::Severity;
use super::time::Timestamp;

/// How long things last; from the rule's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifePolicy {
    /// How long the breach must last before a ticket is opened.
    pub hold_for: Duration,
    /// How long the recovery must last.
    pub clear_for: Duration,
    /// No breach heard for so long counts as recovered.
    pub quiet_after: Duration,
    /// No new ticket for a key within this time of its last one.
    pub burst_lock: Duration,
    /// A comment on the open ticket at most this often; zero: none.
    pub update_every: Duration,
    /// What a recovery owes to the ticket.
    pub on_recovery: Recovery,
    /// When its key flaps; `None`: it is never held open for that.
    pub flapping: Option<FlappingPolicy>,
}

/// What a recovery owes to the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// A comment; the ticket stays open for a person.
    Comment,
    /// The ticket is resolved, and the incident is closed with it.
    Resolve,
    /// Nothing.
    Nothing,
}

/// What is owed to the incident's ticket after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owed {
    /// Open the ticket.
    Create,
    /// A comment with what changed.
    Progress,
    /// A comment: it breaches again.
    Relapse,
    /// A comment: it comes and goes, and is held open until it is calm.
    Flapping,
    /// The fields that its severity changes, and a comment: it is worse than it was.
    Raised {
        /// What the severity was before.
        from: Severity,
    },
    /// A comment with what was not known when the ticket was opened.
    Details,
    /// A comment: it has recovered.
    Recovered,
    /// Resolve the ticket.
    Resolve,
}

impl Incident {
    /// When time alone will next change this incident; `None` when it never will.
    pub fn due_at(&self, policy: &LifePolicy) -> Option<Timestamp> {
        let (clear_for, quiet_after) = self.patience(policy);
        let quiet_at = self.last_breach_at.plus(quiet_after);
        match self.state {
            IncidentState::Pending => {
                // What silences it is asked for again then, whatever else it waits for.
                let silenced_until = self.silence.as_ref().map(|silence| silence.until);
                let opens_at = self.opens_at.filter(|_| self.may_open());
                let times = [self.over_at(policy), silenced_until, opens_at];
                times.into_iter().flatten().min()
            }
            IncidentState::Open => match self.clear_since {
                Some(since) => Some(since.plus(clear_for).min(quiet_at)),
                None => Some(
                    self.news_due_at(policy)
                        .map_or(quiet_at, |at| at.min(quiet_at)),
                ),
            },
            IncidentState::Recovered => Some(self.recovered_since().plus(policy.quiet_after)),
            IncidentState::Closed => None,
        }
    }

    /// Pending: whether its ticket is opened once it has waited long enough.
    const fn may_open(&self) -> bool {
        self.clear_since.is_none()
            && self.silence.is_none()
            && !self.is_held()
            && !self.held_by_flood
    }

    /// Pending: when it is over without ever having had a ticket. One that breaches waits for
    /// its ticket; but if it was silenced or is held, it is over when it is heard of no more.
    fn over_at(&self, policy: &LifePolicy) -> Option<Timestamp> {
        let (clear_for, quiet_after) = self.patience(policy);
        let quiet_at = self.last_breach_at.plus(quiet_after);
        let may_end_quietly = self.is_held()
            || self.held_by_flood
            || self.silence.is_some()
            || self.silenced_until.is_some();
        match self.clear_since {
            Some(since) => Some(since.plus(clear_for).min(quiet_at)),
            None => may_end_quietly.then_some(quiet_at),
        }
    }

    /// Whether an outage stands for it: no ticket of its own is opened.
    pub const fn is_held(&self) -> bool {
        self.outage_id.is_some()
    }

    /// A member no more, and none again: what was held back is due now, or when its own wait
    /// is over.
    pub fn let_go(&mut self, now: Timestamp) {
        self.outage_id = None;
        self.alone = true;
        self.waits_for = None;
        self.opens_at = self.opens_at.map(|at| at.max(now));
    }

    /// Of an outage: when its ticket is told of members that came or went.
    fn news_due_at(&self, policy: &LifePolicy) -> Option<Timestamp> {
        let has_news = self.untold > 0 && !policy.update_every.is_zero();
        has_news.then(|| self.told_at.plus(policy.update_every))
    }

    fn recovered_since(&self) -> Timestamp {
        self.recovered_at.unwrap_or(self.last_breach_at)
    }

    /// Lets time pass until `now`: opens, recovers or closes the incident when that is due.
    /// Where a ticket is due and `may_open` does not hold, the incident is held instead. Returns
    /// what is owed to the ticket.
    pub fn pass_time(&mut self, policy: &LifePolicy, may_open: bool, now: Timestamp) -> Vec<Owed> {
        let mut owed = Vec::new();
        while self.due_at(policy).is_some_and(|due_at| due_at <= now) {
            let before = self.state;
            owed.extend(self.advance(policy, may_open, now));
            if self.state == before {
                break;
            }
        }
        owed
    }

    fn advance(&mut self, policy: &LifePolicy, may_open: bool, now: Timestamp) -> Vec<Owed> {
        match self.state {
            // Cleared before it ever owned a ticket: nobody needs to hear of it.
            IncidentState::Pending if self.over_at(policy).is_some_and(|at| at <= now) => {
                self.close(now);
                Vec::new()
            }
            // What silences it is asked for again before time passes.
            IncidentState::Pending if self.silence.is_some() => Vec::new(),
            IncidentState::Pending => self.open_or_hold(policy, may_open, now),
            IncidentState::Open if self.has_only_news(policy, now) => {
                self.tell(now);
                self.untold = 0;
                vec![Owed::Progress]
            }
            IncidentState::Open => self.recover(policy, now),
            IncidentState::Recovered => {
                self.close(now);
                Vec::new()
            }
            IncidentState::Closed => Vec::new(),
        }
    }

    /// Whether news of members is all that is due.
    fn has_only_news(&self, policy: &LifePolicy, now: Timestamp) -> bool {
        let quiet_at = self.last_breach_at.plus(self.patience(policy).1);
        let news_due = self.news_due_at(policy).is_some_and(|at| at <= now);
        self.clear_since.is_none() && now < quiet_at && news_due
    }

    /// Opens a pending incident: its ticket is owed, which hears at once when its key flaps.
    pub fn open(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<Owed> {
        self.state = IncidentState::Open;
        self.opens_at = None;
        self.waits_for = None;
        self.silence = None;
        self.held_by_flood = false;
        self.untold = 0;
        self.tell(now);
        let flaps = self.note_onset(policy, now);
        let told = flaps.then_some(Owed::Flapping);
        std::iter::once(Owed::Create).chain(told).collect()
    }

    /// The ticket is written to.
    pub fn tell(&mut self, now: Timestamp) {
        self.told_before = Told {
            at: self.told_at,
            occurrences: self.told_occurrences,
        };
        self.told_at = now;
        self.told_occurrences = self.occurrences;
    }

    fn recover(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<Owed> {
        if self.is_flapping() {
            self.be_calm(now);
        }
        self.state = IncidentState::Recovered;
        self.recovered_at = Some(now);
        self.tell(now);
        for part in self.parts.values_mut() {
            part.breaching = false;
        }
        match policy.on_recovery {
            Recovery::Comment => vec![Owed::Recovered],
            Recovery::Resolve => {
                self.close(now);
                vec![Owed::Resolve]
            }
            Recovery::Nothing => Vec::new(),
        }
    }

    /// Continues a recovered incident that breaches again.
    pub fn relapse(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<Owed> {
        self.state = IncidentState::Open;
        self.recovered_at = None;
        self.relapses += 1;
        self.tell(now);
        match self.note_onset(policy, now) {
            true => vec![Owed::Flapping],
            false => vec![Owed::Relapse],
        }
    }

    /// Raises the severity to `to`, when that is worse; answers what it was. It never falls.
    pub fn raise(&mut self, to: &str) -> Option<Severity> {
        let from = Severity::from_name(&self.severity)?;
        let to = Severity::from_name(to).filter(|to| *to > from)?;
        to.as_str().clone_into(&mut self.severity);
        Some(from)
    }

    /// Closes the incident; a new breach will be a new one.
    pub fn close(&mut self, now: Timestamp) {
        self.state = IncidentState::Closed;
        self.opens_at = None;
        self.silence = None;
        self.held_by_flood = false;
        self.closed_at = Some(now);
    }

    /// Whether a comment about a lasting breach is due.
    pub fn progress_is_due(&self, policy: &LifePolicy, now: Timestamp) -> bool {
        !policy.update_every.is_zero() && now.since(self.told_at) >= policy.update_every
    }
}
