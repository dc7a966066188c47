//! Polling: what the Genesys Cloud Platform API is asked, so that a lost event does no lasting harm.
//!
//! It is decided from how things stand and not from what has just happened: a question that was not
//! asked, or not answered, is due again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::time::Timestamp;

/// The source of events that tell what the Platform API answered. No sender can have this name.
pub const POLL_SOURCE: &str = "genesys-poll";
/// The member of such an event that names the source whose entity it is about.
pub const POLLED_FOR: &str = "polledFor";
/// The source of events that tell what the status page says. No sender can have this name.
pub const STATUS_SOURCE: &str = "genesys-status";
/// The type of these events.
pub const STATUS_EVENT: &str = "genesys.status_page";
/// The entity that they are about.
pub const STATUS_ENTITY: &str = "genesys region";

/// A kind of thing whose state can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Trunk,
    Edge,
    Queue,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Trunk, Self::Edge, Self::Queue];

    /// Its name among the kinds of entities.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trunk => "trunk",
            Self::Edge => "edge",
            Self::Queue => "queue",
        }
    }

    /// The topic by which Genesys Cloud tells its state.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Trunk => "v2.telephony.providers.edges.trunks.{id}",
            Self::Edge => "v2.telephony.providers.edges.{id}",
            Self::Queue => "v2.analytics.queues.{id}.observations",
        }
    }
}

/// A thing that an incident is about which is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub source: String,
    pub kind: Kind,
    /// In lower case.
    pub id: String,
    /// When the last breach of the incident was received.
    pub heard_at: Timestamp,
}

/// A queue of which events have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownQueue {
    /// In lower case.
    pub id: String,
    pub heard_at: Timestamp,
}

/// What is known of a source's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hearing {
    /// The last event that any process received, or the start of this process.
    pub heard_at: Timestamp,
    /// When events came again after a gap.
    pub gap_ended_at: Option<Timestamp>,
}

/// When what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Lists, which tell of everything of a kind.
    pub lists: BTreeMap<Kind, Timestamp>,
    /// Queues by their id in lower case.
    pub queues: BTreeMap<String, Timestamp>,
    /// When all known queues had been asked about.
    pub all_queues: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time between two questions about the same thing, while it has an incident.
    pub every: Duration,
    /// A source that sends nothing for so long may have lost events.
    pub after_gap: Duration,
    /// Queues in one question.
    pub queues_in_question: usize,
    /// Most questions at a time; the others follow with the next.
    pub questions: usize,
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'s> {
    /// When polling began.
    pub started_at: Timestamp,
    /// Kinds that some rule looks at.
    pub kinds: &'s BTreeSet<Kind>,
    pub hearings: &'s [Hearing],
    pub watched: &'s [Watched],
    /// All of them where [`Situation::wants_all_queues`]; else none.
    pub known_queues: &'s [KnownQueue],
    pub asked: &'s Asked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// How everything of this kind stands.
    All(Kind),
    /// How these queues stand.
    Queues(Vec<String>),
}

impl Situation<'_> {
    /// Everything must have been asked about since then: the start, the end of a gap, and from time
    /// to time while a source is silent.
    fn all_since(&self, limits: &Limits, now: Timestamp) -> Timestamp {
        let since = self.hearings.iter().flat_map(|hearing| {
            let is_silent = now.since(hearing.heard_at) >= limits.after_gap;
            let lately = is_silent.then(|| now.minus(limits.every));
            [hearing.gap_ended_at, lately]
        });
        let latest = since.flatten().max();
        latest.map_or(self.started_at, |latest| latest.max(self.started_at))
    }

    /// Whether the known queues are needed for the choice.
    pub fn wants_all_queues(&self, limits: &Limits, now: Timestamp) -> bool {
        self.kinds.contains(&Kind::Queue)
            && is_due(self.asked.all_queues, self.all_since(limits, now), now)
    }

    /// The questions to ask at `now`, the urgent ones first.
    pub fn questions(&self, limits: &Limits, now: Timestamp) -> Vec<Question> {
        let all_since = self.all_since(limits, now);
        let lately = now.minus(limits.every);
        // What has just sent a breach need not be asked about.
        let watched = self.watched.iter().filter(|one| one.heard_at < lately);
        let watched: BTreeSet<(Kind, &str)> =
            watched.map(|one| (one.kind, one.id.as_str())).collect();
        let mut questions = Vec::new();
        for kind in [Kind::Trunk, Kind::Edge] {
            let is_watched = watched.iter().any(|(of, _)| *of == kind);
            let since = match is_watched {
                true => all_since.max(lately),
                false => all_since,
            };
            if self.kinds.contains(&kind)
                && is_due(self.asked.lists.get(&kind).copied(), since, now)
            {
                questions.push(Question::All(kind));
            }
        }
        if self.kinds.contains(&Kind::Queue) {
            let due = |id: &str, since| is_due(self.asked.queues.get(id).copied(), since, now);
            let urgent = watched.iter().filter(|(kind, _)| *kind == Kind::Queue);
            let urgent = urgent.map(|(_, id)| *id).filter(|id| due(id, lately));
            let mut queues: Vec<&str> = urgent.collect();
            let taken: BTreeSet<&str> = queues.iter().copied().collect();
            // An event that came since tells more than an answer would.
            let known = self
                .known_queues
                .iter()
                .filter(|one| one.heard_at < all_since);
            let known = known.map(|one| one.id.as_str());
            let known = known.filter(|id| !taken.contains(id) && due(id, all_since));
            let known: BTreeSet<&str> = known.collect();
            let mut known: Vec<&str> = known.into_iter().collect();
            // However many there are, each gets its turn.
            for ids in [&mut queues, &mut known] {
                ids.sort_by_key(|id| self.asked.queues.get(*id));
            }
            queues.append(&mut known);
            let parts = queues.chunks(limits.queues_in_question.max(1));
            questions
                .extend(parts.map(|part| {
                    Question::Queues(part.iter().map(|id| (*id).to_owned()).collect())
                }));
        }
        questions.truncate(limits.questions);
        questions
    }
}

impl Asked {
    /// Forgets times that no choice depends on any more.
    pub fn forget_before(&mut self, time: Timestamp) {
        self.queues.retain(|_, at| *at >= time);
    }
}

/// Whether it was not asked since `since`. A time in the future means that the clock was set back.
fn is_due(asked_at: Option<Timestamp>, since: Timestamp, now: Timestamp) -> bool {
    asked_at.is_none_or(|at| at < since || at > now)
}

#[cfg(test)]
#[path = "polling_tests.rs"]
mod tests;
