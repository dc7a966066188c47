//! Ringdown's own trouble: faults of Ringdown itself or around it, and when to report them.
//!
//! Trouble becomes events of a source of our own. So it gets a ticket like any other trouble: one
//! incident, one ticket, updated while it lasts, closed when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::identity::TargetName;
use super::time::Timestamp;

/// The source of our own events. No sender can have this name.
pub const OWN_SOURCE: &str = "ringdown";
/// The rule for our own events. No other rule can have this name.
pub const OWN_RULE: &str = "own-trouble";
/// The type of our own events.
pub const OWN_EVENT: &str = "ringdown.trouble";

/// What ends by itself ends sooner.
const LONG: Duration = Duration::from_secs(15 * 60);

/// The key of the incident that reports `source` as silent.
pub fn silence_of(source: &str) -> String {
    format!("source_silent: {source}")
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A target is held until a person acts: it refuses our login, or lacks something we need.
    TargetHeld {
        target: TargetName,
        /// The message of the CRM.
        answer: String,
    },
    /// A target has accepted no tickets for long, although that should have ended by itself.
    TargetAway {
        target: TargetName,
        since: Timestamp,
        /// What was heard last.
        answer: String,
    },
    /// The CRM understood and refused deliveries; they are dead letters.
    TicketsRefused {
        target: TargetName,
        dead_letters: i64,
    },
    /// A source has sent nothing for longer than its `expect_every`.
    SourceSilent {
        source: String,
        /// The last event, or the start of this process.
        heard_at: Timestamp,
        expect_every: Duration,
    },
    /// Events of a source do not fit its format; `waiting` of them are open review items.
    NotUnderstood { source: String, waiting: i64 },
}

impl Trouble {
    /// The key of its incident.
    pub fn key(&self) -> String {
        format!("{}: {}", self.kind(), self.subject())
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TargetHeld { .. } => "target_held",
            Self::TargetAway { .. } => "target_away",
            Self::TicketsRefused { .. } => "tickets_refused",
            Self::SourceSilent { .. } => "source_silent",
            Self::NotUnderstood { .. } => "not_understood",
        }
    }

    /// The target or source that it concerns.
    pub fn subject(&self) -> &str {
        match self {
            Self::TargetHeld { target, .. }
            | Self::TargetAway { target, .. }
            | Self::TicketsRefused { target, .. } => target.as_str(),
            Self::SourceSilent { source, .. } | Self::NotUnderstood { source, .. } => source,
        }
    }

    /// The target that cannot take the ticket about it.
    pub fn target(&self) -> Option<&TargetName> {
        match self {
            Self::TargetHeld { target, .. }
            | Self::TargetAway { target, .. }
            | Self::TicketsRefused { target, .. } => Some(target),
            Self::SourceSilent { .. } | Self::NotUnderstood { .. } => None,
        }
    }

    /// The title of the ticket. It contains no value that changes while the trouble lasts.
    pub fn title(&self) -> String {
        match self {
            Self::TargetHeld { target, .. } => {
                format!("Ringdown cannot open tickets in {target}")
            }
            Self::TargetAway { target, .. } => {
                format!("Ringdown has opened no tickets in {target} for long")
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

    /// The description of the ticket: the trouble, and the remedy.
    pub fn text(&self) -> String {
        match self {
            Self::TargetHeld { target, answer } => format!(
                "{target} needs a person: {}. \
                 Tickets for it wait, nothing is lost. `ringdown doctor {target}` checks the login, the \
                 rights and the fields. Ringdown tries again by itself and continues when the obstacle \
                 is gone.",
                as_part(answer)
            ),
            Self::TargetAway {
                target,
                since,
                answer,
            } => format!(
                "{target} has accepted no tickets since {since}: {}. \
                 This should have ended by itself. Tickets for it wait, nothing is lost. Look at the CRM \
                 and at the way to it: network, proxy, certificate, name resolution, maintenance. \
                 `ringdown doctor {target}` shows how it answers. Ringdown continues by itself when it \
                 accepts tickets again.",
                as_part(answer)
            ),
            Self::TicketsRefused {
                target,
                dead_letters,
            } => format!(
                "{target} refuses {dead_letters} deliveries; they are dead letters. \
                 `ringdown dead-letters` shows the CRM's own words. Once the cause is mended, they are \
                 sent by themselves within an hour; `ringdown dead-letters replay` sends them at once."
            ),
            Self::SourceSilent {
                source,
                heard_at,
                expect_every,
            } => format!(
                "Nothing has been heard from {source} since {heard_at}; at least every {} is \
                 expected (sources.{source}.expect_every). \
                 While this lasts, trouble in telephony may go unseen: look at the sender and at the way to us.",
                span(*expect_every)
            ),
            Self::NotUnderstood { source, waiting } => format!(
                "{waiting} events from {source} do not fit its format and wait for a person. \
                 The sender's format may have changed. `ringdown review` shows them with the \
                 place that failed; `ringdown review reprocess` takes them up again."
            ),
        }
    }
}

/// The words of a CRM as part of a sentence. A CRM may show the text in one line.
fn as_part(answer: &str) -> &str {
    answer.trim_end_matches(['.', ' '])
}

/// `10m`.
fn span(length: Duration) -> String {
    jiff::SignedDuration::try_from(length).map_or_else(
        |_| format!("{} s", length.as_secs()),
        |length| format!("{length:#}"),
    )
}

/// A source with `expect_every`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub source: String,
    /// The last event that any process received; `None`: never.
    pub heard_at: Option<Timestamp>,
    /// When this process started.
    pub listening_since: Timestamp,
    /// How long it may be silent.
    pub max_silence: Duration,
    /// Whether its silence has an incident already.
    pub is_known: bool,
}

impl Expected {
    fn is_silent(&self, now: Timestamp) -> bool {
        let heard_at = self.heard_at.unwrap_or(self.listening_since);
        // A process that has just started does not know whether the source sends.
        let has_listened = now.since(self.listening_since) > self.max_silence;
        now.since(heard_at) > self.max_silence && (has_listened || self.is_known)
    }
}

/// The health of Ringdown and its surroundings at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HealthSnapshot {
    /// Targets that are held, and the messages of their CRMs.
    pub held: Vec<(TargetName, String)>,
    /// Targets that should accept tickets again by themselves, since when they do not, and what was
    /// heard first.
    pub away: Vec<(TargetName, Timestamp, String)>,
    /// Number of dead letters that the CRM refused, by target.
    pub refused_deliveries: Vec<(TargetName, i64)>,
    pub expected: Vec<Expected>,
    /// Number of open review items, by source.
    pub review_items: Vec<(String, i64)>,
}

/// The troubles at `now`.
pub fn troubles(health: &HealthSnapshot, now: Timestamp) -> Vec<Trouble> {
    let held = health
        .held
        .iter()
        .map(|(target, answer)| Trouble::TargetHeld {
            target: target.clone(),
            answer: answer.clone(),
        });
    let is_long = |since: Timestamp| now.since(since) >= LONG;
    let away = health.away.iter().filter(|one| is_long(one.1));
    let away = away.map(|(target, since, answer)| Trouble::TargetAway {
        target: target.clone(),
        since: *since,
        answer: answer.clone(),
    });
    let refused = health.refused_deliveries.iter().filter(|one| one.1 > 0);
    let refused = refused.map(|(target, dead_letters)| Trouble::TicketsRefused {
        target: target.clone(),
        dead_letters: *dead_letters,
    });
    let silent = health
        .expected
        .iter()
        .filter(|one| one.is_silent(now))
        .map(|one| Trouble::SourceSilent {
            source: one.source.clone(),
            heard_at: one.heard_at.unwrap_or(one.listening_since),
            expect_every: one.max_silence,
        });
    let review_items = health.review_items.iter().filter(|one| one.1 > 0);
    let review_items = review_items.map(|(source, waiting)| Trouble::NotUnderstood {
        source: source.clone(),
        waiting: *waiting,
    });
    held.chain(away)
        .chain(refused)
        .chain(silent)
        .chain(review_items)
        .collect()
}

/// An event to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The trouble exists, or still exists.
    There(Trouble),
    /// The trouble with this key has ended.
    Over(String),
}

/// The reports that are due at `now`: trouble without an incident, trouble that lasts and was not
/// reported for `repeat_after`, and the end of trouble whose incident still exists. `active` are
/// the keys of incidents that are not closed and breach; `reported` are the times of the last
/// reports by key.
pub fn reports(
    present: &[Trouble],
    active: &BTreeSet<String>,
    reported: &BTreeMap<String, Timestamp>,
    repeat_after: Duration,
    now: Timestamp,
) -> Vec<Report> {
    let is_due = |key: &str| match reported.get(key) {
        // A report in the future means that the clock was set back.
        Some(at) => now.since(*at) >= repeat_after || now < *at,
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
            target: TargetName::new(target),
            answer: "invalid_client".into(),
        }
    }

    fn expected(heard_at: Option<Timestamp>, listening_since: Timestamp) -> Expected {
        Expected {
            source: "genesys".into(),
            heard_at,
            listening_since,
            max_silence: MINUTE,
            is_known: false,
        }
    }

    fn silences(one: &Expected, now: Timestamp) -> usize {
        let health = HealthSnapshot {
            expected: vec![one.clone()],
            ..HealthSnapshot::default()
        };
        troubles(&health, now).len()
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
    fn a_target_that_does_not_come_back_by_itself_is_trouble_after_a_quarter_of_an_hour() {
        let health = HealthSnapshot {
            away: vec![(TargetName::new("salesforce"), at(0), "no answer".into())],
            ..HealthSnapshot::default()
        };
        assert_eq!(troubles(&health, at(899)), []);
        let present = troubles(&health, at(900));
        assert_eq!(present[0].key(), "target_away: salesforce");
        assert!(
            present[0]
                .text()
                .contains(": no answer. This should have ended")
        );
    }

    #[test]
    fn nothing_given_up_on_and_nothing_in_review_is_no_trouble() {
        let health = HealthSnapshot {
            refused_deliveries: vec![(TargetName::new("salesforce"), 0)],
            review_items: vec![("genesys".into(), 0)],
            ..HealthSnapshot::default()
        };
        assert_eq!(troubles(&health, at(0)), []);
    }

    #[test]
    fn trouble_is_said_once_and_again_only_after_a_while() {
        let present = [refused("servicenow")];
        let none = BTreeSet::new();
        let first = reports(&present, &none, &BTreeMap::new(), MINUTE, at(0));
        assert_eq!(first, [Report::There(refused("servicenow"))]);
        let key = present[0].key();
        let reported = BTreeMap::from([(key.clone(), at(0))]);
        let active = BTreeSet::from([key]);
        assert_eq!(reports(&present, &active, &reported, MINUTE, at(59)), []);
        assert_eq!(reports(&present, &active, &reported, MINUTE, at(60)), first);
    }

    #[test]
    fn the_end_is_said_also_of_trouble_from_before_a_restart() {
        let active = BTreeSet::from([refused("servicenow").key()]);
        let reported = BTreeMap::new();
        let said = reports(&[], &active, &reported, MINUTE, at(0));
        assert_eq!(said, [Report::Over("target_held: servicenow".into())]);
        let said = reports(&[], &BTreeSet::new(), &reported, MINUTE, at(0));
        assert_eq!(said, []);
    }
}
