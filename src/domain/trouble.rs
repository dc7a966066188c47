//! Ringdown's own trouble: what is wrong with Ringdown itself or around it, and when that is
//! to be said.
//!
//! Trouble becomes events of a source of our own, so that it gets its ticket by the same
//! machinery as any other: one incident, one ticket, told again while it lasts, closed when it
//! is over. Pure. May import: `domain` only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::time::Timestamp;

/// The source that our own events come from. No sender can have this name.
pub const OWN_SOURCE: &str = "ringdown";
/// The rule that hears them. No other rule can have this name.
pub const OWN_RULE: &str = "own-trouble";
/// Their type.
pub const OWN_EVENT: &str = "ringdown.trouble";

/// The key of the incident about the silence of `source`.
pub fn silence_of(source: &str) -> String {
    format!("source_silent: {source}")
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A target is held for a person: it refuses our login or lacks what we need, which does
    /// not heal by itself.
    TargetHeld {
        /// The target.
        target: String,
        /// What the CRM said.
        answer: String,
    },
    /// Deliveries were given up on because the CRM understood and refused them.
    TicketsRefused {
        /// The target.
        target: String,
        /// How many wait as dead letters.
        dead_letters: i64,
    },
    /// A source has sent nothing for longer than it ever is silent.
    SourceSilent {
        /// The source.
        source: String,
        /// When it was last heard, or when we began to listen.
        heard_at: Timestamp,
        /// How long it may be silent.
        expect_every: Duration,
    },
    /// Events of a source are not understood.
    NotUnderstood {
        /// The source.
        source: String,
        /// How many wait for a person.
        waiting: i64,
    },
}

impl Trouble {
    /// What it is and whom it concerns: the key of its incident.
    pub fn key(&self) -> String {
        format!("{}: {}", self.kind(), self.subject())
    }

    /// A stable name for what it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TargetHeld { .. } => "target_held",
            Self::TicketsRefused { .. } => "tickets_refused",
            Self::SourceSilent { .. } => "source_silent",
            Self::NotUnderstood { .. } => "not_understood",
        }
    }

    /// The target or source that it is about.
    pub fn subject(&self) -> &str {
        match self {
            Self::TargetHeld { target, .. } | Self::TicketsRefused { target, .. } => target,
            Self::SourceSilent { source, .. } | Self::NotUnderstood { source, .. } => source,
        }
    }

    /// The target that should not be asked to take the ticket about it.
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::TargetHeld { target, .. } | Self::TicketsRefused { target, .. } => Some(target),
            Self::SourceSilent { .. } | Self::NotUnderstood { .. } => None,
        }
    }

    /// The ticket's title. It says nothing that changes while the trouble lasts.
    pub fn title(&self) -> String {
        match self {
            Self::TargetHeld { target, .. } => {
                format!("Ringdown cannot open tickets in {target}")
            }
            Self::TicketsRefused { target, .. } => {
                format!("{target} refuses tickets of Ringdown")
            }
            Self::SourceSilent { source, .. } => {
                format!("Ringdown hears nothing from {source}")
            }
            Self::NotUnderstood { source, .. } => {
                format!("Ringdown does not understand events from {source}")
            }
        }
    }

    /// What is wrong, and what to do.
    pub fn text(&self) -> String {
        match self {
            Self::TargetHeld { target, answer } => format!(
                "{target} needs a person: {answer}\n\
                 Tickets for it wait, nothing is lost. This does not heal by itself: look at \
                 targets.{target}.auth and at the client in the CRM, then run `ringdown doctor {target}`."
            ),
            Self::TicketsRefused {
                target,
                dead_letters,
            } => format!(
                "{dead_letters} deliveries to {target} were given up on because it refused them.\n\
                 `ringdown dead-letters` shows the CRM's own words; after the cause is mended, \
                 `ringdown dead-letters replay` sends them again."
            ),
            Self::SourceSilent {
                source,
                heard_at,
                expect_every,
            } => format!(
                "Nothing has been heard from {source} since {heard_at}; at least every {} is \
                 expected (sources.{source}.expect_every).\n\
                 While this lasts, trouble in telephony may go unseen: look at the sender and at the way to us.",
                span(*expect_every)
            ),
            Self::NotUnderstood { source, waiting } => format!(
                "{waiting} events from {source} do not fit its format and wait for a person.\n\
                 The sender's format may have changed. `ringdown review` shows them with the \
                 place that failed; `ringdown review reprocess` takes them up again."
            ),
        }
    }
}

/// A length of time as people write it: `10m`.
fn span(length: Duration) -> String {
    jiff::SignedDuration::try_from(length).map_or_else(
        |_| format!("{} s", length.as_secs()),
        |length| format!("{length:#}"),
    )
}

/// A source of which something is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its name.
    pub source: String,
    /// When it was last heard, by whichever process; `None`: never.
    pub heard_at: Option<Timestamp>,
    /// Since when this process listens. Who was away cannot complain of a silence at once.
    pub listening_since: Timestamp,
    /// How long it may be silent.
    pub longest: Duration,
    /// Whether its silence is known already.
    pub is_known: bool,
}

impl Expected {
    fn is_silent(&self, now: Timestamp) -> bool {
        let heard_at = self.heard_at.unwrap_or(self.listening_since);
        let has_listened = now.since(self.listening_since) > self.longest;
        now.since(heard_at) > self.longest && (has_listened || self.is_known)
    }
}

/// What can be seen of Ringdown's health.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Targets that are held for a person, with what they said.
    pub held: Vec<(String, String)>,
    /// Dead letters that the CRM refused, by target.
    pub refused_deliveries: Vec<(String, i64)>,
    /// Sources of which something is expected.
    pub expected: Vec<Expected>,
    /// Events that wait for a person, by source.
    pub misfits: Vec<(String, i64)>,
}

/// What is wrong at `now`.
pub fn troubles(seen: &Seen, now: Timestamp) -> Vec<Trouble> {
    let held = seen
        .held
        .iter()
        .map(|(target, answer)| Trouble::TargetHeld {
            target: target.clone(),
            answer: answer.clone(),
        });
    let refused = seen.refused_deliveries.iter().filter(|one| one.1 > 0);
    let refused = refused.map(|(target, dead_letters)| Trouble::TicketsRefused {
        target: target.clone(),
        dead_letters: *dead_letters,
    });
    let silent = seen
        .expected
        .iter()
        .filter(|one| one.is_silent(now))
        .map(|one| Trouble::SourceSilent {
            source: one.source.clone(),
            heard_at: one.heard_at.unwrap_or(one.listening_since),
            expect_every: one.longest,
        });
    // Ringdown's own events are not a sender's, and never misfits.
    let misfits = seen.misfits.iter().filter(|one| one.1 > 0);
    let misfits = misfits.map(|(source, waiting)| Trouble::NotUnderstood {
        source: source.clone(),
        waiting: *waiting,
    });
    held.chain(refused).chain(silent).chain(misfits).collect()
}

/// One event to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The trouble is there, or still there.
    There(Trouble),
    /// The trouble with this key is over.
    Over(String),
}

/// What is to be said at `now`: trouble that has no incident yet, trouble that lasts and was
/// not told of for `repeat_after`, and the end of trouble whose incident is still there.
/// `active` are the keys of incidents that are not closed and still breach.
pub fn reports(
    present: &[Trouble],
    active: &BTreeSet<String>,
    told: &BTreeMap<String, Timestamp>,
    repeat_after: Duration,
    now: Timestamp,
) -> Vec<Report> {
    let is_due = |key: &str| match told.get(key) {
        Some(told_at) => now.since(*told_at) >= repeat_after || now < *told_at,
        None => true,
    };
    let there = present
        .iter()
        .filter(|trouble| is_due(&trouble.key()))
        .cloned()
        .map(Report::There);
    let keys: BTreeSet<String> = present.iter().map(Trouble::key).collect();
    let over = active.difference(&keys).cloned().map(Report::Over);
    there.chain(over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_442_850_000 + seconds * 1_000)
    }

    fn refused(target: &str) -> Trouble {
        Trouble::TargetHeld {
            target: target.into(),
            answer: "invalid_client".into(),
        }
    }

    fn expected(heard_at: Option<Timestamp>, listening_since: Timestamp) -> Expected {
        Expected {
            source: "genesys".into(),
            heard_at,
            listening_since,
            longest: MINUTE,
            is_known: false,
        }
    }

    fn silences(one: &Expected, now: Timestamp) -> usize {
        let seen = Seen {
            expected: vec![one.clone()],
            ..Seen::default()
        };
        troubles(&seen, now).len()
    }

    #[test]
    fn a_source_is_silent_only_after_longer_than_it_ever_is() {
        let heard = expected(Some(at(0)), at(-600));
        assert_eq!(silences(&heard, at(60)), 0);
        assert_eq!(silences(&heard, at(61)), 1);
        assert_eq!(silences(&heard, at(-3_600)), 0, "a clock set back");
        let never = expected(None, at(0));
        assert_eq!((silences(&never, at(60)), silences(&never, at(61))), (0, 1));
    }

    #[test]
    fn who_was_away_listens_first_and_does_not_forget_a_known_silence() {
        let restarted = expected(Some(at(-3_600)), at(0));
        assert_eq!(silences(&restarted, at(5)), 0);
        assert_eq!(silences(&restarted, at(61)), 1);
        let known = Expected {
            is_known: true,
            ..restarted
        };
        assert_eq!(silences(&known, at(5)), 1);
    }

    #[test]
    fn nothing_given_up_on_and_nothing_in_review_is_no_trouble() {
        let seen = Seen {
            refused_deliveries: vec![("salesforce".into(), 0)],
            misfits: vec![("genesys".into(), 0)],
            ..Seen::default()
        };
        assert_eq!(troubles(&seen, at(0)), []);
    }

    #[test]
    fn trouble_is_said_once_and_again_only_after_a_while() {
        let present = [refused("servicenow")];
        let none = BTreeSet::new();
        let first = reports(&present, &none, &BTreeMap::new(), MINUTE, at(0));
        assert_eq!(first, [Report::There(refused("servicenow"))]);
        let key = present[0].key();
        let told = BTreeMap::from([(key.clone(), at(0))]);
        let active = BTreeSet::from([key]);
        assert_eq!(reports(&present, &active, &told, MINUTE, at(59)), []);
        assert_eq!(reports(&present, &active, &told, MINUTE, at(60)), first);
    }

    #[test]
    fn the_end_is_said_also_of_trouble_from_before_a_restart() {
        let active = BTreeSet::from([refused("servicenow").key()]);
        let told = BTreeMap::new();
        let said = reports(&[], &active, &told, MINUTE, at(0));
        assert_eq!(said, [Report::Over("target_held: servicenow".into())]);
        let said = reports(&[], &BTreeSet::new(), &told, MINUTE, at(0));
        assert_eq!(said, []);
    }
}
