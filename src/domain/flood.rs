//! A flood: a source that begins more incidents in a minute than its limit allows.
//!
//! Within the limit every incident gets its ticket. Beyond it an incident whose ticket is due is
//! held: it stays pending, and the flood's own incident stands for it until a person releases or
//! discards it, it clears, or an outage takes it in. The number of incidents without a ticket is
//! limited too; beyond that a breach is only counted. The flood's incident lives the life of an
//! incident: it hears a breach for what is held or counted, and a clear once nothing is held; what
//! goes beyond the limit before it has recovered is a breach again. Pure. May import: `domain` only.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Known, NewIncident, decide, pass_time};
use super::incident::{Incident, IncidentState, LifePolicy, Owed, Recovery, Verdict};
use super::outage::hears;
use super::time::Timestamp;

/// What the rule name of a flood's incident begins with; the source's name follows.
pub const RULE_PREFIX: &str = "flood:";

/// What the limit is counted over.
const WINDOW: Duration = Duration::from_secs(60);
/// Incidents of a source without a ticket, for each ticket that it may have in a minute.
const MAX_PENDING_PER_TICKET: u64 = 10;
/// No new ticket about the floods of a source within this time.
const BURST_LOCK: Duration = Duration::from_secs(60);
/// What is held keeps a flood going, however long nothing new comes: it never ends by silence.
const QUIET_AFTER: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// The limit on a source; from its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodPolicy {
    /// Tickets for new incidents within a minute.
    pub per_minute: u32,
    /// How long the source must have been within the limit, with nothing held, until its flood is
    /// over.
    pub calm: Duration,
    /// A comment on the flood's ticket at most this often; zero: none.
    pub update_every: Duration,
}

impl Default for FloodPolicy {
    fn default() -> Self {
        Self {
            per_minute: 1_000,
            calm: Duration::from_secs(300),
            update_every: Duration::from_secs(300),
        }
    }
}

impl FloodPolicy {
    /// Incidents of the source that may be without a ticket.
    pub const fn max_pending(&self) -> u64 {
        self.per_minute as u64 * MAX_PENDING_PER_TICKET
    }

    /// How long things last for the flood's incident.
    pub const fn life(&self) -> LifePolicy {
        LifePolicy {
            hold_for: Duration::ZERO,
            clear_for: self.calm,
            quiet_after: QUIET_AFTER,
            burst_lock: BURST_LOCK,
            update_every: self.update_every,
            on_recovery: Recovery::Resolve,
            flapping: None,
        }
    }
}

/// The source whose flood has incidents of `rule`; `None` for any other rule.
pub fn source_of(rule: &str) -> Option<&str> {
    rule.strip_prefix(RULE_PREFIX)
}

/// What the limit lets a key do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// A ticket that is due may be opened.
    pub may_open: bool,
    /// An incident may begin without a ticket.
    pub may_wait: bool,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            may_open: true,
            may_wait: true,
        }
    }
}

/// How fast a source begins incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceRate {
    /// When the current minute began.
    pub began_at: Timestamp,
    /// Tickets owed to its new incidents since then.
    pub opened: u32,
    /// Its incidents without a ticket: as last counted, and what came and went since.
    pub pending: u64,
    /// When they were counted.
    pub counted_at: Timestamp,
}

impl SourceRate {
    /// What a breach received, or a ticket due, at `at` may do `now`. The time is that of the
    /// journal, so that a backlog after a downtime is no flood.
    pub fn admission(&self, policy: &FloodPolicy, at: Timestamp, now: Timestamp) -> Admission {
        Admission {
            may_open: !self.is_current(at, now) || self.opened < policy.per_minute,
            may_wait: self.pending < policy.max_pending(),
        }
    }

    /// Counts `now` a ticket that was due at `at`.
    pub fn note_opened(&mut self, at: Timestamp, now: Timestamp) {
        if !self.is_current(at, now) {
            self.began_at = at.min(now);
            self.opened = 0;
        }
        self.opened = self.opened.saturating_add(1);
    }

    /// Counts an incident that is or was without a ticket; answers whether that changed.
    pub const fn note_pending(&mut self, was_pending: bool, is_pending: bool) -> bool {
        match (was_pending, is_pending) {
            (false, true) => self.pending = self.pending.saturating_add(1),
            (true, false) => self.pending = self.pending.saturating_sub(1),
            _ => return false,
        }
        true
    }

    /// Whether `at` is in the current minute. A time before it counts as in it: what is decided
    /// late must not begin an earlier minute, and with it the count, anew. Only a minute that
    /// lies ahead of the clock, because the clock was set back, is not current. Replicas' clocks
    /// differ a little, so it must lie far ahead, and no time counts as later than `now`.
    fn is_current(&self, at: Timestamp, now: Timestamp) -> bool {
        at.min(now) < self.began_at.plus(WINDOW) && self.began_at < now.plus(WINDOW)
    }
}

/// What is counted of a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FloodTally {
    /// Keys that were held.
    pub held: u64,
    /// Breaches that were only counted.
    pub counted: u64,
    /// The sum of both when the ticket was last written to.
    pub told: u64,
}

impl FloodTally {
    const fn sum(&self) -> u64 {
        self.held + self.counted
    }

    /// Whether there is much more than the ticket says: half as much again.
    const fn has_grown(&self) -> bool {
        let grown = self.sum().saturating_sub(self.told);
        grown > 0 && grown >= self.told / 2
    }
}

/// What a step saw of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Keys that are held since this step.
    pub newly_held: u64,
    /// Breaches that were only counted.
    pub counted: u64,
    /// Whether a key breached again that is held.
    pub held_breached: bool,
    /// Whether any key is held; `None`: not looked.
    pub any_held: Option<bool>,
}

/// Begins, continues or ends the flood's incident at `now`, by what was `seen`. Answers the
/// decisions in order, each with the incident as it was right after.
pub fn settle(
    flood: &mut Known,
    seen: Seen,
    life: &LifePolicy,
    new: NewIncident<'_>,
    now: Timestamp,
) -> Vec<(Decision, Incident)> {
    let grows = seen.newly_held + seen.counted > 0;
    let is_known = flood.incident.is_some();
    // What is held without a flood, because a person closed the flood's ticket, brings it back.
    if !grows && !is_known && !seen.held_breached {
        return Vec::new();
    }
    let mut steps = Vec::new();
    count(flood, seen);
    if grows || !is_known {
        let policy = told_only_of_growth(flood, life);
        let heard = hears(flood, Verdict::Breach, now);
        let decision = decide(flood, &heard, &policy, None, new);
        if !is_known {
            count(flood, seen);
        }
        note(&mut steps, flood, decision);
    } else if seen.any_held == Some(false) && is_breaching(flood) {
        let heard = hears(flood, Verdict::Clear, now);
        let decision = decide(flood, &heard, life, None, new);
        note(&mut steps, flood, decision);
    }
    if flood.incident.is_some() {
        let decision = pass_time(flood, life, now);
        note(&mut steps, flood, decision);
    }
    steps
}

fn is_breaching(flood: &Known) -> bool {
    flood.incident.as_ref().is_some_and(Incident::is_breaching)
}

/// A lasting flood is told of only when it has grown by much.
fn told_only_of_growth(flood: &Known, life: &LifePolicy) -> LifePolicy {
    let has_grown = |incident: &Incident| incident.untold > 0;
    let is_told = flood.incident.as_ref().is_none_or(has_grown);
    LifePolicy {
        update_every: if is_told {
            life.update_every
        } else {
            Duration::ZERO
        },
        ..*life
    }
}

fn count(flood: &mut Known, seen: Seen) {
    let Some(incident) = flood.incident.as_mut() else {
        return;
    };
    let tally = incident.flood.get_or_insert_default();
    tally.held += seen.newly_held;
    tally.counted += seen.counted;
    incident.untold = u32::from(tally.has_grown());
}

fn note(steps: &mut Vec<(Decision, Incident)>, flood: &mut Known, decision: Decision) {
    let Some(incident) = flood.incident.as_mut() else {
        return;
    };
    let is_told = |owed: &Owed| matches!(owed, Owed::Create | Owed::Progress);
    if decision.owed.iter().any(is_told)
        && let Some(tally) = &mut incident.flood
    {
        tally.told = tally.sum();
        incident.untold = 0;
    }
    steps.push((decision, incident.clone()));
}

/// What a flood does to an incident.
impl Incident {
    /// Pending: the time at which its ticket counts for the limit: when it is due. What was
    /// silenced is due when the silence ends, not when it would have been without one.
    pub fn counts_at(&self) -> Option<Timestamp> {
        self.opens_at.max(self.silenced_until)
    }

    /// Opens a pending incident whose ticket is due, or holds it where that is not allowed. What a
    /// person has released is not asked about again, whatever kept it from its ticket meanwhile.
    pub(super) fn open_or_hold(
        &mut self,
        policy: &LifePolicy,
        may_open: bool,
        now: Timestamp,
    ) -> Vec<Owed> {
        if may_open || self.released {
            return self.open(policy, now);
        }
        self.held_by_flood = true;
        self.waits_for = None;
        Vec::new()
    }

    /// A person releases it: its ticket is due.
    pub fn release_from_flood(&mut self) {
        self.held_by_flood = false;
        self.released = true;
    }

    /// Whether a flood holds its ticket back.
    pub fn is_held_by_flood(&self) -> bool {
        self.state == IncidentState::Pending && self.held_by_flood
    }
}

#[cfg(test)]
#[path = "flood_tests.rs"]
mod tests;
