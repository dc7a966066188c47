//! An incident and its life: pending → open → recovered → closed.
//!
//! Owns what a breach, a clear and the passing of time do to one incident. Pure: what was
//! heard and when is passed in, what is owed to the CRM comes out. The caller keeps both in
//! one transaction.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::by_name::ByName;
use super::decision::Suppression;
use super::flapping::{Flapping, FlappingPolicy, Onsets};
use super::severity::Severity;
use super::signal::Name;
use super::silence::Cover;
use super::tally::Tally;
use super::time::Timestamp;

/// How many parts of an entity and how many readings one incident remembers. Beyond it the
/// ones heard of longest ago are forgotten, so that a hostile sender cannot grow a row.
const MOST_REMEMBERED: usize = 64;

/// How far ahead of ours a sender's clock may be and still be believed.
const MOST_AHEAD: Duration = Duration::from_secs(10);

/// Where an incident is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Breaching, but not for long enough, silenced, or inside a burst lock: no ticket yet.
    Pending,
    /// Breaching; owns a ticket.
    Open,
    /// No longer breaching; a new breach continues it.
    Recovered,
    /// Over. A new breach is a new incident.
    Closed,
}

impl IncidentState {
    /// Every state, in the order of life.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Open, Self::Recovered, Self::Closed];

    /// The contract's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Recovered => "recovered",
            Self::Closed => "closed",
        }
    }

    /// The state with the contract's name `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for IncidentState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What is known of one part (media type, trunk instance) of the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Whether it breaches.
    pub breaching: bool,
    /// The newest signal about it, by the sender's clock as far as it was believed.
    pub heard_at: Timestamp,
}

/// The values one reading has taken during an incident.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The newest.
    pub latest: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

/// One ongoing problem, found by its rule and correlation key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// A UUID; the ticket's key is made of it.
    pub id: String,
    /// The rule that found it.
    pub rule: String,
    /// The correlation key, unique among the rule's incidents that are not closed.
    pub key: String,
    /// Where it is in its life.
    pub state: IncidentState,
    /// Its severity.
    pub severity: String,
    /// When the first breach was heard.
    pub opened_at: Timestamp,
    /// Pending: when it opens, unless it clears before.
    pub opens_at: Option<Timestamp>,
    /// When the last breach was heard.
    pub last_breach_at: Timestamp,
    /// Since when nothing breaches any more.
    pub clear_since: Option<Timestamp>,
    /// When it was counted as recovered.
    pub recovered_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// When the ticket was last written to.
    pub told_at: Timestamp,
    /// Breaches heard.
    pub occurrences: u64,
    /// Breaches that wrote nothing to the CRM.
    pub suppressed: u64,
    /// How often a breach was heard after the recovery.
    pub relapses: u32,
    /// The entity's parts.
    pub parts: BTreeMap<String, Part>,
    /// What the rule's expressions read, by name.
    pub readings: BTreeMap<String, Spread>,
    /// Pending: why its ticket waits, where that is not the rule's `for`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Suppression>,
    /// Pending: what silences it. Its ticket waits for that, besides `opens_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Cover>,
    /// When the last silence over it ended, while it was pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_until: Option<Timestamp>,
    /// The active key of the outage that it may become a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The outage that it is a member of. A pending member never opens a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_id: Option<String>,
    /// Of an outage: members that came or went, of which its ticket has not been told yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untold: u32,
    /// Breaches heard when the ticket was last written to.
    #[serde(default)]
    pub told_occurrences: u64,
    /// The time before that, when the ticket was written to: what a comment compares with.
    #[serde(default)]
    pub told_before: Told,
    /// When the key's trouble began, lately.
    #[serde(default, skip_serializing_if = "Onsets::is_empty")]
    pub onsets: Onsets,
    /// That it flaps, or did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
    /// A person ended the outage that it was a member of: it counts for no other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub alone: bool,
    /// Of an outage: what is counted of its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

/// When the ticket was written to, and how many breaches had been heard by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Breaches heard by then.
    pub occurrences: u64,
}

/// For `serde`, which passes a reference.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// For `serde`, which passes a reference.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

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

/// What the rule's expressions say about a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `when` holds.
    Breach,
    /// `clear` holds.
    Clear,
    /// Neither: inside the hysteresis.
    Between,
}

/// Readings by a name such as `queue.waitTime.avg`.
pub type Readings = ByName<Name, f64, 1>;

/// One signal as an incident hears it.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// When it was received, by our clock.
    pub received_at: Timestamp,
    /// When it happened, by the sender's clock.
    pub occurred_at: Timestamp,
    /// Which part of the entity it is about.
    pub part: String,
    /// What the rule says.
    pub verdict: Verdict,
    /// What the rule's expressions read.
    pub readings: Readings,
}

impl Heard {
    /// When it happened, as far as the sender's clock can be believed. What comes from the
    /// future counts as of now: else one such stamp would make everything that follows look
    /// late, until its time has come.
    pub fn believed_at(&self) -> Timestamp {
        if self.occurred_at > self.received_at.plus(MOST_AHEAD) {
            self.received_at
        } else {
            self.occurred_at
        }
    }
}

impl Incident {
    /// A new pending incident that would open at `opens_at`.
    pub fn begin(
        id: String,
        rule: &str,
        key: &str,
        severity: &str,
        heard: &Heard,
        opens_at: Timestamp,
    ) -> Self {
        let mut incident = Self {
            id,
            rule: rule.to_owned(),
            key: key.to_owned(),
            state: IncidentState::Pending,
            severity: severity.to_owned(),
            opened_at: heard.received_at,
            opens_at: Some(opens_at),
            last_breach_at: heard.received_at,
            clear_since: None,
            recovered_at: None,
            closed_at: None,
            told_at: heard.received_at,
            occurrences: 0,
            suppressed: 0,
            relapses: 0,
            parts: BTreeMap::new(),
            readings: BTreeMap::new(),
            waits_for: None,
            silence: None,
            silenced_until: None,
            group: None,
            outage_id: None,
            untold: 0,
            told_occurrences: 0,
            told_before: Told::default(),
            onsets: Onsets::default(),
            flapping: None,
            alone: false,
            tally: None,
        };
        incident.take_in(heard);
        incident
    }

    /// Whether a newer signal about the same part has been heard: deliveries come in any
    /// order, and a late "down" must not undo a newer "up". The stamp itself is compared, so
    /// that it does not matter here when our own clock is set back.
    pub fn is_out_of_order(&self, heard: &Heard) -> bool {
        self.parts
            .get(&heard.part)
            .is_some_and(|part| heard.occurred_at < part.heard_at)
    }

    /// Whether any part breaches.
    pub fn is_breaching(&self) -> bool {
        self.parts.values().any(|part| part.breaching)
    }

    /// Takes in what was heard: readings, the part's state, counts. Changes no state of life.
    pub fn take_in(&mut self, heard: &Heard) {
        for (name, value) in heard.readings.iter() {
            self.note_reading(name, *value);
        }
        let breaching = match heard.verdict {
            Verdict::Breach => true,
            Verdict::Clear => false,
            // In the hysteresis a part stays what it was; it has not recovered yet.
            Verdict::Between => self.parts.contains_key(&heard.part),
        };
        self.note_part(&heard.part, breaching, heard.believed_at());
        if heard.verdict == Verdict::Breach {
            self.count_return();
            self.occurrences += 1;
            self.last_breach_at = self.last_breach_at.max(heard.received_at);
        }
        self.clear_since = match (self.is_breaching(), self.clear_since) {
            (true, _) => None,
            (false, since) => Some(since.unwrap_or(heard.received_at)),
        };
    }

    fn note_part(&mut self, name: &str, breaching: bool, heard_at: Timestamp) {
        self.parts.insert(
            name.to_owned(),
            Part {
                breaching,
                heard_at,
            },
        );
        if self.parts.len() > MOST_REMEMBERED {
            let oldest = self
                .parts
                .iter()
                .min_by_key(|(_, part)| part.heard_at)
                .map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.parts.remove(&oldest);
            }
        }
    }

    fn note_reading(&mut self, name: &str, value: f64) {
        if let Some(spread) = self.readings.get_mut(name) {
            spread.latest = value;
            spread.lowest = spread.lowest.min(value);
            spread.highest = spread.highest.max(value);
        } else if self.readings.len() < MOST_REMEMBERED {
            let spread = Spread {
                latest: value,
                lowest: value,
                highest: value,
            };
            self.readings.insert(name.to_owned(), spread);
        }
    }

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
        self.clear_since.is_none() && self.silence.is_none() && !self.is_held()
    }

    /// Pending: when it is over without ever having had a ticket. One that breaches waits for
    /// its ticket; but if it was silenced or is held, it is over when it is heard of no more.
    fn over_at(&self, policy: &LifePolicy) -> Option<Timestamp> {
        let (clear_for, quiet_after) = self.patience(policy);
        let quiet_at = self.last_breach_at.plus(quiet_after);
        let may_end_quietly =
            self.is_held() || self.silence.is_some() || self.silenced_until.is_some();
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
    /// Returns what is owed to the ticket, and the state it was in before when it changed.
    pub fn pass_time(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<Owed> {
        let mut owed = Vec::new();
        while self.due_at(policy).is_some_and(|due_at| due_at <= now) {
            let before = self.state;
            owed.extend(self.advance(policy, now));
            if self.state == before {
                break;
            }
        }
        owed
    }

    fn advance(&mut self, policy: &LifePolicy, now: Timestamp) -> Vec<Owed> {
        match self.state {
            // Cleared before it ever owned a ticket: nobody needs to hear of it.
            IncidentState::Pending if self.over_at(policy).is_some_and(|at| at <= now) => {
                self.close(now);
                Vec::new()
            }
            // What silences it is asked for again before time passes.
            IncidentState::Pending if self.silence.is_some() => Vec::new(),
            IncidentState::Pending => self.open(policy, now),
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
        self.closed_at = Some(now);
    }

    /// Whether a comment about a lasting breach is due.
    pub fn progress_is_due(&self, policy: &LifePolicy, now: Timestamp) -> bool {
        !policy.update_every.is_zero() && now.since(self.told_at) >= policy.update_every
    }
}
