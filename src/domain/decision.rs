//! The decision on one signal: is it a new incident, part of one, or nothing?
//!
//! Owns the order of the questions: active incident first, then what silences it, then the
//! burst lock, then how long the breach must last. For any sequence of signals there is at most one incident per key
//! that is not closed, and never two creates inside one burst lock.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::flapping::Onsets;
use super::flood::Admission;
use super::hold::Hold;
use super::incident::{Heard, Incident, IncidentState, LifePolicy, Owed, Verdict};
use super::severity::Severity;
use super::silence::Cover;
use super::time::Timestamp;
use super::transition::{Stage, Transition, between};

/// No new ticket for a key until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurstLock {
    /// When the ticket was opened that the lock is about.
    pub taken_at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

impl BurstLock {
    /// Whether the lock holds at `now`. A lock from the future (the clock was set back) holds
    /// no longer than it would have: otherwise an hour's jump would mute the key for an hour.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        let length = self.until.since(self.taken_at);
        now < self.until && now.plus(length) >= self.taken_at
    }
}

/// Why a breach wrote nothing to the CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    /// The incident is open already.
    ActiveIncident,
    /// A ticket for the key was opened a moment ago.
    BurstLock,
    /// A silence covers it.
    Silenced,
    /// An outage stands for it.
    Outage,
    /// It has not lasted long enough.
    Pending,
    /// Its source begins too many incidents.
    Flood,
}

impl Suppression {
    /// The contract's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActiveIncident => "active_incident",
            Self::BurstLock => "burst_lock",
            Self::Silenced => "silenced",
            Self::Outage => "outage",
            Self::Pending => "pending",
            Self::Flood => "flood",
        }
    }
}

/// What a signal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A ticket is owed for a new incident.
    Opened,
    /// The breach is part of a known incident, or waits; nothing new for the CRM.
    Suppressed(Suppression),
    /// The open ticket gets a comment.
    Commented,
    /// It is worse than it was: the open ticket is told at once.
    Raised,
    /// A recovered incident breaches again.
    Relapsed,
    /// It breaches again, so often that it is held open until it is calm.
    Flapping,
    /// Clear, but the incident flaps: it is held open.
    FlappingHeld,
    /// A part of the incident has cleared.
    Clearing,
    /// The incident has recovered.
    Recovered,
    /// Inside the hysteresis: nothing changes.
    Between,
    /// A newer signal about the same thing is known.
    OutOfOrder,
    /// From a source that has not breached: it says nothing about the incident.
    OtherSource,
    /// Clear, and there is no incident.
    AllWell,
}

impl Outcome {
    const ALL: [Self; 18] = [
        Self::Opened,
        Self::Suppressed(Suppression::ActiveIncident),
        Self::Suppressed(Suppression::BurstLock),
        Self::Suppressed(Suppression::Silenced),
        Self::Suppressed(Suppression::Outage),
        Self::Suppressed(Suppression::Pending),
        Self::Suppressed(Suppression::Flood),
        Self::Commented,
        Self::Raised,
        Self::Relapsed,
        Self::Flapping,
        Self::FlappingHeld,
        Self::Clearing,
        Self::Recovered,
        Self::Between,
        Self::OutOfOrder,
        Self::OtherSource,
        Self::AllWell,
    ];

    /// A stable name, kept with the decision and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Suppressed(reason) => reason.as_str(),
            Self::Commented => "commented",
            Self::Raised => "raised",
            Self::Relapsed => "relapsed",
            Self::Flapping => "flapping",
            Self::FlappingHeld => "flapping_held",
            Self::Clearing => "clearing",
            Self::Recovered => "recovered",
            Self::Between => "between",
            Self::OutOfOrder => "out_of_order",
            Self::OtherSource => "other_source",
            Self::AllWell => "all_well",
        }
    }

    /// The outcome with the name `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// Whether the incident's history has an entry for it.
    pub const fn changes_history(self) -> bool {
        matches!(
            self,
            Self::Opened
                | Self::Commented
                | Self::Raised
                | Self::Relapsed
                | Self::Flapping
                | Self::Recovered
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What is known about a correlation key before a decision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// Its incident that is not closed.
    pub incident: Option<Incident>,
    /// Its burst lock.
    pub lock: Option<BurstLock>,
    /// When its trouble began, lately, as far as the incident does not know it.
    pub onsets: Onsets,
    /// What silences it now; see [`cover`](super::silence::cover).
    pub silence: Option<Cover>,
    /// What the limit on its source's incidents lets it do.
    pub admission: Admission,
}

/// What a decision changes. The caller keeps all of it in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What the signal did.
    pub outcome: Outcome,
    /// What is owed to the ticket, in order.
    pub owed: Vec<Owed>,
    /// What happened to the incident, in order.
    pub transitions: Vec<Transition>,
    /// The burst lock taken, when a create is owed.
    pub lock: Option<BurstLock>,
}

/// Identity of the incident that a breach would begin.
#[derive(Debug, Clone, Copy)]
pub struct NewIncident<'a> {
    /// Its id, a UUID.
    pub id: &'a str,
    /// The rule.
    pub rule: &'a str,
    /// The correlation key.
    pub key: &'a str,
    /// The severity that the signal speaks of; a known incident is raised to it.
    pub severity: &'a str,
}

/// Decides on one signal, changing `known` as it goes. A `hold` keeps the ticket of a new
/// incident back; what lasts longest decides, and gives the reason.
pub fn decide(
    known: &mut Known,
    heard: &Heard,
    policy: &LifePolicy,
    hold: Option<Hold>,
    new: NewIncident<'_>,
) -> Decision {
    let before = known.incident.as_ref().map(Stage::of);
    let outcome_and_owed = match known.incident.as_mut() {
        Some(incident) if !incident.is_about(heard) => (Outcome::OtherSource, Vec::new()),
        Some(incident) if incident.is_out_of_order(heard) => (Outcome::OutOfOrder, Vec::new()),
        Some(incident) => {
            let may_open = known.admission.may_open;
            hear(incident, heard, policy, may_open, new.severity)
        }
        None if heard.verdict == Verdict::Breach => begin(known, heard, policy, hold, new),
        None => (Outcome::AllWell, Vec::new()),
    };
    conclude(known, before, outcome_and_owed, policy, heard.received_at)
}

/// Lets time pass for the known incident until `now`.
pub fn pass_time(known: &mut Known, policy: &LifePolicy, now: Timestamp) -> Decision {
    let before = known.incident.as_ref().map(Stage::of);
    let Some(incident) = known.incident.as_mut() else {
        return conclude(known, before, (Outcome::AllWell, Vec::new()), policy, now);
    };
    let owed = incident.pass_time(policy, known.admission.may_open, now);
    let outcome = outcome_of(&owed, incident.state);
    conclude(known, before, (outcome, owed), policy, now)
}

fn outcome_of(owed: &[Owed], state: IncidentState) -> Outcome {
    match state {
        IncidentState::Recovered | IncidentState::Closed => Outcome::Recovered,
        _ if owed.contains(&Owed::Create) => Outcome::Opened,
        _ => Outcome::Between,
    }
}

/// A breach with no incident: begins one, and opens it at once unless it has to wait.
fn begin(
    known: &mut Known,
    heard: &Heard,
    policy: &LifePolicy,
    hold: Option<Hold>,
    new: NewIncident<'_>,
) -> (Outcome, Vec<Owed>) {
    let now = heard.received_at;
    let locked_until = known
        .lock
        .as_ref()
        .filter(|lock| lock.holds_at(now))
        .map(|lock| lock.until);
    let lasting_until = now.plus(policy.hold_for);
    let waits = [
        (Some(lasting_until), Suppression::Pending),
        (
            hold.map(|hold| hold.until),
            hold.map_or(Suppression::Pending, |hold| hold.reason),
        ),
        (locked_until, Suppression::BurstLock),
    ];
    let (opens_at, reason) = waits
        .into_iter()
        .filter_map(|(until, reason)| Some((until?, reason)))
        .max_by_key(|(until, _)| *until)
        .unwrap_or((now, Suppression::Pending));
    let silence = known.silence.clone();
    let admission = known.admission;
    let waits = silence.is_some() || opens_at > now || !admission.may_open;
    if waits && !admission.may_wait {
        return (Outcome::Suppressed(Suppression::Flood), Vec::new());
    }
    let incident = known.incident.insert(Incident::begin(
        new.id.to_owned(),
        new.rule,
        new.key,
        new.severity,
        heard,
        opens_at,
    ));
    incident.onsets.clone_from(&known.onsets);
    if let Some(silence) = silence {
        incident.suppressed += 1;
        incident.waits_for = (opens_at > now).then_some(reason);
        incident.silence = Some(silence);
        return (Outcome::Suppressed(Suppression::Silenced), Vec::new());
    }
    if opens_at <= now {
        return open_now(incident, policy, admission.may_open, now);
    }
    incident.suppressed += 1;
    incident.waits_for = Some(reason);
    (Outcome::Suppressed(reason), Vec::new())
}

/// The ticket is due now.
fn open_now(
    incident: &mut Incident,
    policy: &LifePolicy,
    may_open: bool,
    now: Timestamp,
) -> (Outcome, Vec<Owed>) {
    let owed = incident.open_or_hold(policy, may_open, now);
    if incident.held_by_flood {
        incident.suppressed += 1;
        return (Outcome::Suppressed(Suppression::Flood), owed);
    }
    (Outcome::Opened, owed)
}

/// A signal about a known incident.
fn hear(
    incident: &mut Incident,
    heard: &Heard,
    policy: &LifePolicy,
    may_open: bool,
    severity: &str,
) -> (Outcome, Vec<Owed>) {
    incident.take_in(heard);
    match heard.verdict {
        Verdict::Breach => {
            let raised = incident.raise(severity);
            hear_breach(incident, heard.received_at, policy, may_open, raised)
        }
        Verdict::Between if incident.state == IncidentState::Recovered => {
            // The incident is over; only a real breach continues it.
            if let Some(part) = incident.parts.get_mut(&heard.part) {
                part.breaching = false;
            }
            (Outcome::Between, Vec::new())
        }
        Verdict::Between => (Outcome::Between, Vec::new()),
        Verdict::Clear => {
            let owed = match incident.state {
                IncidentState::Pending | IncidentState::Open => {
                    incident.pass_time(policy, may_open, heard.received_at)
                }
                IncidentState::Recovered | IncidentState::Closed => Vec::new(),
            };
            let outcome = match incident.state {
                IncidentState::Open if incident.is_flapping() => Outcome::FlappingHeld,
                IncidentState::Pending | IncidentState::Open => Outcome::Clearing,
                IncidentState::Recovered | IncidentState::Closed => Outcome::Recovered,
            };
            (outcome, owed)
        }
    }
}

fn hear_breach(
    incident: &mut Incident,
    now: Timestamp,
    policy: &LifePolicy,
    may_open: bool,
    raised_from: Option<Severity>,
) -> (Outcome, Vec<Owed>) {
    let raised = raised_from.map(|from| Owed::Raised { from });
    match incident.state {
        IncidentState::Pending if incident.is_held() => {
            incident.suppressed += 1;
            (Outcome::Suppressed(Suppression::Outage), Vec::new())
        }
        IncidentState::Pending if incident.silence.is_some() => {
            incident.suppressed += 1;
            (Outcome::Suppressed(Suppression::Silenced), Vec::new())
        }
        IncidentState::Pending if incident.held_by_flood => {
            incident.suppressed += 1;
            (Outcome::Suppressed(Suppression::Flood), Vec::new())
        }
        IncidentState::Pending if incident.opens_at.is_none_or(|at| at <= now) => {
            open_now(incident, policy, may_open, now)
        }
        IncidentState::Pending => {
            incident.suppressed += 1;
            // What held the first breach back holds the others too, save that a lock is only
            // ever the reason of the first.
            let reason = match incident.waits_for {
                Some(Suppression::Outage) => Suppression::Outage,
                _ => Suppression::Pending,
            };
            (Outcome::Suppressed(reason), Vec::new())
        }
        IncidentState::Recovered => {
            let mut owed = incident.relapse(policy, now);
            let outcome = match incident.is_flapping() {
                true => Outcome::Flapping,
                false => Outcome::Relapsed,
            };
            owed.extend(raised);
            (outcome, owed)
        }
        IncidentState::Open | IncidentState::Closed => {
            if let Some(raised) = raised {
                incident.tell(now);
                return (Outcome::Raised, vec![raised]);
            }
            if incident.progress_is_due(policy, now) {
                incident.tell(now);
                incident.untold = 0;
                return (Outcome::Commented, vec![Owed::Progress]);
            }
            incident.suppressed += 1;
            (Outcome::Suppressed(Suppression::ActiveIncident), Vec::new())
        }
    }
}

fn conclude(
    known: &mut Known,
    before: Option<Stage>,
    (outcome, owed): (Outcome, Vec<Owed>),
    policy: &LifePolicy,
    now: Timestamp,
) -> Decision {
    let lock = owed.contains(&Owed::Create).then(|| BurstLock {
        taken_at: now,
        until: now.plus(policy.burst_lock),
    });
    if lock.is_some() {
        known.lock.clone_from(&lock);
    }
    let mut transitions = Vec::new();
    if let Some(incident) = &known.incident {
        transitions = between(before, incident, &owed);
        known.onsets.clone_from(&incident.onsets);
    }
    Decision {
        outcome,
        owed,
        transitions,
        lock,
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
